//! Every tree of `testdata` gives the pillar that Salt makes of it.
//!
//! The expectations are Salt's own, recorded by `testdata/record_pillar.py`. A tree without any is
//! one where Salt stops with a traceback: there `_errors` must say what is wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "the trees are read from the source folder"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Grains, Map, Value};
use pillar::{Inputs, Pillar, PillarSource, Request, SourceRequest, Suppliers, compile};
use serde_json::Value as Json;
use states::context::NoFunctions;
use states::file_client::MemoryFiles;

/// Where we differ from Salt on purpose.
const DIFFERENT_BY_DESIGN: [&str; 1] = [
    // Salt shows the line of a YAML error for some errors only; here it is always shown.
    "top-does-not-render",
];

struct Tree {
    name: String,
    folder: PathBuf,
    case: Map,
}

impl Tree {
    fn text(&self, key: &str) -> Option<String> {
        self.case.get(key).map(Value::to_text)
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

    fn request(&self) -> Request {
        let id = self.text("id").unwrap_or("web01".into());
        let mut grains = Map::from([("id", id.as_str()), ("os", "SUSE")]);
        grains.extend(self.part("grains"));
        Request {
            id: id.parse().expect("an id"),
            grains: Grains(grains),
            saltenv: self.text("saltenv"),
            pillarenv: self.text("pillarenv"),
            overrides: self.part("overrides"),
            opts: self.part("opts").into(),
        }
    }

    fn compile(&self) -> Pillar {
        let suppliers = Suppliers::new(Arc::new(self.files()), Arc::new(NoFunctions));
        compile(&self.request(), &suppliers)
    }
}

fn trees() -> Vec<Tree> {
    // TREES names another folder of recorded trees, for comparisons that are not kept.
    let root = std::env::var_os("TREES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"),
        PathBuf::from,
    );
    let entries = std::fs::read_dir(root).expect("testdata");
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    folders.retain(|path| path.is_dir());
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

fn tree(name: &str) -> Tree {
    trees()
        .into_iter()
        .find(|tree| tree.name == name)
        .expect("the tree")
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

fn check(tree: &Tree) -> Result<(), String> {
    let pillar = tree.compile();
    let Ok(expected) = std::fs::read_to_string(tree.folder.join("expected.json")) else {
        let is_told = !pillar.errors.is_empty();
        return if is_told {
            Ok(())
        } else {
            Err("Salt stops with a traceback here".to_owned())
        };
    };
    // Parsed and written again: the order of the keys counts, the layout does not.
    let salts: Json = serde_json::from_str(&expected).expect("recorded JSON");
    let ours = serde_json::to_string(&pillar.data).expect("JSON");
    let salts = salts.to_string();
    if ours == salts {
        Ok(())
    } else {
        Err(format!("\n  ours  {ours}\n  salts {salts}"))
    }
}

#[test]
fn every_tree_gives_the_pillar_that_salt_makes() {
    let trees = trees();
    assert!(
        trees.len() >= 60 || std::env::var_os("TREES").is_some(),
        "{} trees",
        trees.len()
    );
    let wrong: Vec<String> = trees
        .iter()
        .filter(|tree| !DIFFERENT_BY_DESIGN.contains(&tree.name.as_str()))
        .filter_map(|tree| Some(format!("{}: {}", tree.name, check(tree).err()?)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        trees.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_minion_sees_no_line_of_a_broken_sls_but_the_log_does() {
    let pillar = tree("sls-does-not-render").compile();
    assert_eq!(
        pillar.errors,
        ["Rendering SLS 'one' failed. Please see master log for details."]
    );
    assert!(
        pillar.problems[0]
            .full
            .contains("did not find expected node content")
    );
    assert!(
        pillar.data.contains_key("only-two"),
        "the rest of the pillar is there"
    );
}

#[test]
fn a_pillar_is_current_until_one_of_its_files_changes() {
    let tree = tree("simple");
    let (pillar, request) = (tree.compile(), tree.request());
    assert!(pillar.inputs.is_closed());
    let is_current = |files: &MemoryFiles, asked: &Request| {
        let is_same = pillar.inputs.has_same_files(files);
        Inputs::key(asked) == Inputs::key(&request) && is_same.expect("memory always answers")
    };
    assert!(is_current(&tree.files(), &request));
    assert!(!is_current(
        &tree.files().with("two.sls", "a: 1\n"),
        &request
    ));
    // `one` is at one.sls; a look at one/init.sls was never needed, so it may appear.
    assert!(is_current(
        &tree.files().with("unrelated.txt", "x"),
        &tree.request()
    ));
    let mut other = tree.request();
    other.grains.0.insert("os", "Debian");
    assert!(!is_current(&tree.files(), &other));
}

#[test]
fn an_explanation_names_file_and_line_of_every_place() {
    let tree = tree("simple");
    let pillar = tree.compile();
    let places: Vec<_> = pillar
        .explain("a:list", &tree.files())
        .into_iter()
        .map(|origin| (origin.path, origin.line, origin.value.repr()))
        .collect();
    assert_eq!(
        places,
        [
            ("one.sls".to_owned(), Some(3), "[1, 2]".to_owned()),
            ("two.sls".to_owned(), Some(3), "[2, 3]".to_owned()),
        ]
    );
}

struct External;

impl PillarSource for External {
    fn name(&self) -> &str {
        "external"
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let id = request.id.as_str();
        let seen = request.pillar.contains_key("only-one");
        Ok(Map::from([
            ("both", Value::str(id)),
            ("saw-sls", Value::Bool(seen)),
        ]))
    }
}

struct Broken;

impl PillarSource for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    fn pillar(&self, _request: SourceRequest<'_>) -> Result<Map, String> {
        Err("no such host".to_owned())
    }
}

#[test]
fn external_pillars_come_last_unless_they_come_first() {
    let tree = tree("simple");
    let mut suppliers = Suppliers::new(Arc::new(tree.files()), Arc::new(NoFunctions));
    suppliers.external = vec![Arc::new(External), Arc::new(Broken)];
    let mut request = tree.request();
    let last = compile(&request, &suppliers);
    assert_eq!(last.data.get("both"), Some(&Value::str("web01")));
    assert_eq!(last.data.get("saw-sls"), Some(&Value::Bool(true)));
    assert_eq!(
        last.errors,
        ["Failed to load ext_pillar broken: no such host"]
    );
    Arc::make_mut(&mut request.opts).insert("ext_pillar_first", true);
    let first = compile(&request, &suppliers);
    assert_eq!(first.data.get("both"), Some(&Value::str("two")));
    assert_eq!(first.data.get("saw-sls"), Some(&Value::Bool(false)));
}
