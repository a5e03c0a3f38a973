//! Every tree of `testdata/compile` compiles to what Salt compiled it to.
//!
//! The expectations are Salt's own, recorded by `testdata/record_compile.py`. A tree without any is
//! one where Salt stops with a traceback: there an error is expected, of any text.
#![expect(
    clippy::disallowed_methods,
    reason = "the trees are read from the source folder"
)]

use std::path::{Path, PathBuf};

use model::{Grains, Map, Value};
use serde_json::Value as Json;
use states::compiler::{CompileError, Compiled, compile_matches, high_data};
use states::context::Context;
use states::file_client::MemoryFiles;
use states::top_file::{self, Matches, Minion};

/// Where we differ from Salt on purpose.
const DIFFERENT_BY_DESIGN: [&str; 2] = [
    // Salt stops with a KeyError behind every subfilter of a top file; here it narrows.
    "top-subfilter",
    // Salt prints the map as `OrderedDict([('b', 'c')])`, newer Pythons `OrderedDict({'b': 'c'})`.
    "requisite-target-is-a-map",
];

struct Tree {
    name: String,
    folder: PathBuf,
    case: Map,
}

impl Tree {
    fn json(&self, name: &str) -> Option<Json> {
        let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
        Some(serde_json::from_str(&text).expect("recorded JSON"))
    }

    fn part(&self, key: &str) -> Map {
        self.case
            .get(key)
            .and_then(Value::as_map)
            .cloned()
            .unwrap_or_default()
    }

    fn files(&self) -> MemoryFiles {
        let mut files = add(MemoryFiles::new(), "base", &self.folder, &self.folder);
        for (env, folder) in self.part("envs") {
            let root = self.folder.join(folder.to_text());
            files = add(files, &env.to_text(), &root, &root);
        }
        files
    }

    fn context(&self) -> Context {
        let mut grains = Map::from([("id", "web01"), ("os", "SUSE")]);
        grains.extend(self.part("grains"));
        Context {
            grains: grains.into(),
            pillar: self.part("pillar").into(),
            opts: self.part("opts"),
            ..Context::empty()
        }
    }

    fn top_matches(&self, files: &MemoryFiles, context: &Context) -> Result<Matches, CompileError> {
        let options = top_file::Options::new(&context.opts);
        let top = top_file::read(files, context, &options)?;
        let grains = context.grains.as_map().cloned().unwrap_or_default();
        let nodegroups = context
            .opts
            .get("nodegroups")
            .and_then(Value::as_map)
            .cloned();
        let minion = Minion::new(
            "web01".parse().expect("an id"),
            Grains(grains),
            context.pillar.clone(),
            nodegroups.unwrap_or_default(),
        );
        top_file::matches(&top, &minion, files, &options)
    }

    fn matches(&self, files: &MemoryFiles, context: &Context) -> Result<Matches, CompileError> {
        if self.case.contains_key("top") {
            return self.top_matches(files, context);
        }
        let sls = match self.case.get("sls").and_then(Value::as_list) {
            Some(list) => list.iter().map(Value::to_text).collect(),
            None => vec!["main".to_owned()],
        };
        Ok(vec![("base".to_owned(), sls)])
    }
}

fn trees() -> Vec<Tree> {
    // TREES names another folder of recorded trees, for comparisons that are not kept.
    let root = std::env::var_os("TREES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compile"),
        PathBuf::from,
    );
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("testdata")
        .map(|entry| entry.expect("entry").path())
        .collect();
    folders.sort();
    let tree = |folder: PathBuf| {
        let case = std::fs::read_to_string(folder.join("case.json")).unwrap_or("{}".into());
        Tree {
            name: folder
                .file_name()
                .expect("a folder")
                .to_string_lossy()
                .into_owned(),
            case: serde_json::from_str(&case).expect("case.json"),
            folder,
        }
    };
    folders.into_iter().map(tree).collect()
}

fn add(mut files: MemoryFiles, env: &str, root: &Path, folder: &Path) -> MemoryFiles {
    for entry in std::fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            files = add(files, env, root, &path);
        } else if path.extension().is_some_and(|ending| ending != "json") {
            let text = std::fs::read_to_string(&path).expect("text");
            let below = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy();
            files = files.with_env(env, &below, &text);
        }
    }
    files
}

fn low(compiled: &Compiled) -> Json {
    let chunks = compiled
        .low
        .iter()
        .map(|chunk| serde_json::to_value(chunk.to_salt()));
    chunks.map(|chunk| chunk.expect("JSON")).collect()
}

/// Compares texts: in high data the order of the keys counts.
fn compare(what: &str, ours: &Json, salts: &Json, is_ordered: bool) -> Result<(), String> {
    let (ours_text, salts_text) = (ours.to_string(), salts.to_string());
    let is_equal = if is_ordered {
        ours_text == salts_text
    } else {
        ours == salts
    };
    if is_equal {
        Ok(())
    } else {
        Err(format!("{what}\n  ours  {ours}\n  salts {salts}"))
    }
}

fn check(tree: &Tree) -> Result<(), String> {
    let (files, context) = (tree.files(), tree.context());
    let matches = tree.matches(&files, &context);
    let compiled = matches
        .clone()
        .and_then(|found| compile_matches(&found, &files, &context));
    if let Some(salts) = tree.json("expected.errors.json") {
        return match compiled {
            Ok(compiled) => Err(format!("compiles to {}, Salt says {salts}", low(&compiled))),
            Err(CompileError { errors }) => {
                compare("errors", &serde_json::json!(errors), &salts, true)
            }
        };
    }
    let Some(salts_high) = tree.json("expected.high.json") else {
        return match compiled {
            Ok(_) => Err("compiles, where Salt stops with a traceback".to_owned()),
            Err(_) => Ok(()),
        };
    };
    let salts_low = tree
        .json("expected.low.json")
        .expect("recorded beside the high data");
    let compiled = compiled.map_err(|error| error.to_string())?;
    let matches = matches.map_err(|error| error.to_string())?;
    if let Some(salts) = tree.json("expected.matches.json") {
        let pairs = matches
            .iter()
            .map(|(env, sls)| (env.clone(), serde_json::json!(sls)));
        compare("matches", &Json::Object(pairs.collect()), &salts, true)?;
    }
    let high = high_data(&matches, &files, &context).map_err(|error| error.to_string())?;
    compare(
        "high",
        &serde_json::to_value(&high).expect("JSON"),
        &salts_high,
        true,
    )?;
    compare("low", &low(&compiled), &salts_low, false)
}

#[test]
fn a_subfilter_of_a_top_file_narrows() {
    let trees = trees();
    let tree = trees
        .iter()
        .find(|tree| tree.name == "top-subfilter")
        .expect("the tree");
    let matches = tree
        .matches(&tree.files(), &tree.context())
        .expect("a good top file");
    assert_eq!(
        matches,
        [("base".into(), vec!["common".into(), "web".into()])]
    );
}

#[test]
fn every_tree_compiles_as_salt_compiles_it() {
    let trees = trees();
    assert!(
        trees.len() >= 60 || std::env::var_os("TREES").is_some(),
        "{} trees",
        trees.len()
    );
    let mut wrong = Vec::new();
    for tree in &trees {
        if DIFFERENT_BY_DESIGN.contains(&tree.name.as_str()) {
            continue;
        }
        if let Err(error) = check(tree) {
            wrong.push(format!("{}: {error}", tree.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        trees.len(),
        wrong.join("\n")
    );
}
