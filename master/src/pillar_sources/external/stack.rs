//! `stack` (PillarStack): configuration files that name YAML templates, merged one over the other
//! by strategies that the data itself names under `__`.
//!
//! Templates are Jinja's own dialect: what is not defined prints nothing. They see `stack` (what
//! was merged so far), `pillar`, `minion_id`, `pillarenv`, `__grains__`, `__opts__`, `__salt__` and
//! `__stack__`, and include files below the folder of their configuration file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Map, Value};
use pillar::{PillarSource, SourceRequest};
use states::context::{Context, FunctionError, Functions, Outside};
use states::file_client::{FileClient, FileError, normalise};
use states::renderers::{load_yaml, render_text};
use storage::disk::{DiskRead, Kind};

use super::Parts;
use crate::config::path_glob;

/// How data of one file goes together with what is there.
const STRATEGIES: [&str; 4] = ["overwrite", "merge-first", "merge-last", "remove"];
/// The name under which data says how it is merged.
const STRATEGY: &str = "__";
/// The function behind `__stack__.traverse`.
const TRAVERSE: &str = "__stack__.traverse";

struct Stack {
    /// Configuration files that always count.
    files: Vec<String>,
    /// `pillar:path`, `grains:path` or `opts:path` → value → configuration files.
    conditional: Map,
    disk: Arc<dyn DiskRead>,
}

pub(super) fn make(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    let (files, conditional) = match arguments {
        Value::Map(conditional) => (Vec::new(), conditional.clone()),
        Value::List(files) => (files.iter().map(Value::to_text).collect(), Map::new()),
        single => (vec![single.to_text()], Map::new()),
    };
    Ok(Arc::new(Stack {
        files,
        conditional,
        disk: Arc::clone(&parts.disk),
    }))
}

impl Stack {
    /// Lists the configuration files for a minion.
    fn configurations(&self, request: SourceRequest<'_>) -> Result<Vec<String>, String> {
        let from_opts = |name: &str| {
            let text = request.opts.get(name).filter(|value| value.is_truthy());
            text.map(Value::to_text)
        };
        let asked = request.pillarenv.or(request.saltenv).map(str::to_owned);
        let env = asked
            .or_else(|| from_opts("pillarenv"))
            .or_else(|| from_opts("saltenv"))
            .unwrap_or_else(|| "base".to_owned());
        let mut files = self.files.clone();
        for (matcher, choices) in self.conditional.iter() {
            let matcher = matcher.to_text();
            let (kind, path) = matcher
                .split_once(':')
                .ok_or_else(|| format!("'{matcher}' is no traverse option with a path"))?;
            let data = match kind {
                "pillar" => Value::Map(request.pillar.clone()),
                "grains" => Value::Map(request.grains.0.clone()),
                "opts" => Value::Map(request.opts.clone()),
                _ => {
                    return Err(format!(
                        "Unknown traverse option \"{kind}\", should be one of pillar, grains, opts"
                    ));
                }
            };
            let choices = choices
                .as_map()
                .ok_or_else(|| format!("{matcher} must hold a map: value: file"))?;
            let found = data.traverse(path, ":").cloned().unwrap_or_default();
            let is_it = |choice: &Value| {
                *choice == found
                    || (choice.as_str() == Some("__env__") && found.as_str() == Some(&env))
            };
            // A later entry of the same name counts, as in Python's dict.
            let chosen = choices.iter().rev().find(|(choice, _)| is_it(choice));
            match chosen.map(|(_, chosen)| chosen) {
                None => {}
                Some(Value::List(list)) => {
                    files.extend(list.iter().map(|f| f.to_text().replace("__env__", &env)));
                }
                Some(file) => files.push(file.to_text().replace("__env__", &env)),
            }
        }
        Ok(files)
    }

    /// Adds what one configuration file names.
    fn add(
        &self,
        configuration: &str,
        stack: Map,
        request: SourceRequest<'_>,
    ) -> Result<Map, String> {
        let path = Path::new(configuration);
        let Some(content) = self.read(path)? else {
            tracing::info!(
                configuration,
                "ignoring a pillar stack: there is no such file"
            );
            return Ok(stack);
        };
        let base = path.parent().unwrap_or(Path::new("/"));
        let folder = Folder {
            root: base.to_owned(),
            disk: Arc::clone(&self.disk),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let context = context(request, configuration);
        let listed = rendered(&content, &name, &stack, (&context, &folder), None)?;
        let mut stack = stack;
        for item in items(&listed) {
            if item.trim().is_empty() {
                continue;
            }
            let pattern = base.join(&item);
            let paths = path_glob::matches(&pattern, self.disk.as_ref());
            let paths = paths.map_err(|error| error.to_string())?;
            if paths.is_empty() {
                tracing::info!(item, "ignoring a pillar stack template: cannot be found");
            }
            for path in paths {
                stack = self.add_file(&path, stack, (&context, &folder))?;
            }
        }
        Ok(stack)
    }

    fn add_file(&self, path: &Path, stack: Map, place: (&Context, &Folder)) -> Result<Map, String> {
        let shown = path.display();
        let failed =
            |error: String| format!("Stack pillar template render error in {shown}:\n\"{error}\"");
        let below = path.strip_prefix(&place.1.root).ok();
        let below = below.and_then(|below| normalise(&below.to_string_lossy()));
        let below = below.ok_or_else(|| failed("it is outside of the stack's folder".into()))?;
        let content = self.read(path)?;
        let content = content.ok_or_else(|| failed("it is no file".into()))?;
        let text = rendered(&content, &below, &stack, place, Some(path)).map_err(failed)?;
        let data = load_yaml(&text)
            .map_err(|error| format!("Stack pillar yaml parsing error in {shown}:\n{error}"))?;
        match data {
            Value::Map(data) => merge_maps(stack, data),
            _ => Ok(stack),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<String>, String> {
        let read = || match self.disk.metadata(path)? {
            Some(metadata) if metadata.kind == Kind::File => self.disk.read(path),
            _ => Ok(None),
        };
        let content = read().map_err(|error| error.to_string())?;
        content
            .map(String::from_utf8)
            .transpose()
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Makes what all templates of a configuration file see.
fn context(request: SourceRequest<'_>, configuration: &str) -> Context {
    let tools = Map::from([
        ("cfg_path", Value::str(configuration)),
        ("traverse", Context::function(TRAVERSE)),
    ]);
    let extra = Map::from([
        ("__opts__", Value::Map(request.opts.clone())),
        ("__salt__", Context::function("")),
        ("__grains__", Value::Map(request.grains.0.clone())),
        ("__stack__", Value::Map(tools)),
        ("minion_id", Value::str(request.id.as_str())),
        ("pillarenv", request.pillarenv.into()),
    ]);
    Context {
        pillar: Value::Map(request.pillar.clone()),
        opts: Map::from([("allow_undefined", true)]),
        functions: Arc::new(WithTraverse(Arc::clone(request.functions))),
        extra,
        ..Context::empty()
    }
}

fn rendered(
    text: &str,
    name: &str,
    stack: &Map,
    (context, folder): (&Context, &Folder),
    path: Option<&Path>,
) -> Result<String, String> {
    let mut context = context.clone().for_sls("", name);
    context.extra.insert("stack", stack.clone());
    if let Some(path) = path {
        context.extra.insert("ymlpath", path.display().to_string());
    }
    // A first line `#!...` is a comment here, not a pipe.
    let text = if text.starts_with("#!") {
        format!(" {text}")
    } else {
        text.to_owned()
    };
    render_text(&text, "jinja", &context, folder).map_err(|error| error.to_string())
}

/// Reads a configuration file's text: a YAML list, or a path on each line.
fn items(text: &str) -> Vec<String> {
    match load_yaml(text) {
        Ok(Value::List(list)) => list.iter().map(Value::to_text).collect(),
        _ => text.lines().map(str::to_owned).collect(),
    }
}

/// The folder of a configuration file, as its templates' includes see it.
struct Folder {
    root: PathBuf,
    disk: Arc<dyn DiskRead>,
}

impl FileClient for Folder {
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        let Some(path) = normalise(path) else {
            return Ok(None);
        };
        let content = self.disk.read(&self.root.join(&path));
        content
            .map(|content| content.map(Arc::from))
            .map_err(|error| FileError {
                path,
                saltenv: saltenv.to_owned(),
                reason: error.to_string(),
            })
    }

    fn list(&self, _: &str) -> Result<Vec<String>, FileError> {
        Ok(Vec::new())
    }

    fn envs(&self) -> Vec<String> {
        vec!["base".to_owned()]
    }
}

/// The minion's functions, and the one that only stacks have.
struct WithTraverse(Arc<dyn Functions>);

impl Functions for WithTraverse {
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, FunctionError> {
        if fun != TRAVERSE {
            return self.0.call(fun, args, kwargs);
        }
        let argument = |place: usize, name: &str| args.get(place).or_else(|| kwargs.get(name));
        let missing = || FunctionError::BadArguments("traverse needs data and a key".to_owned());
        let data = argument(0, "data").ok_or_else(missing)?;
        let key = argument(1, "key").ok_or_else(missing)?.to_text();
        let delimiter = argument(3, "delimiter").map(Value::to_text);
        let found = data.traverse(&key, delimiter.as_deref().unwrap_or(":"));
        let default = || argument(2, "default").cloned().unwrap_or_default();
        Ok(found.cloned().unwrap_or_else(default))
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn outside(&self, request: Outside<'_>) -> Option<Result<Value, FunctionError>> {
        self.0.outside(request)
    }
}

/// Takes the marks away that say how data is merged.
fn clean(value: Value) -> Value {
    match value {
        Value::Map(mut map) => {
            map.remove(STRATEGY);
            let clean = |(key, value)| (key, clean(value));
            Value::Map(map.into_iter().map(clean).collect())
        }
        Value::List(mut list) => {
            let is_marked = |first: &Value| first.get(STRATEGY).is_some();
            if list.first().is_some_and(is_marked) {
                list.remove(0);
            }
            Value::List(list)
        }
        other => other,
    }
}

fn strategy(named: Option<Value>) -> Result<&'static str, String> {
    let Some(named) = named else {
        return Ok("merge-last");
    };
    let known = STRATEGIES
        .iter()
        .find(|known| named.as_str() == Some(known));
    known.copied().ok_or_else(|| {
        let known = STRATEGIES.join(", ");
        format!(
            "Unknown strategy \"{}\", should be one of {known}",
            named.to_text()
        )
    })
}

fn merge_maps(mut stack: Map, mut new: Map) -> Result<Map, String> {
    let strategy = strategy(new.remove(STRATEGY))?;
    if strategy == "overwrite" {
        return match clean(Value::Map(new)) {
            Value::Map(new) => Ok(new),
            _ => Ok(Map::new()),
        };
    }
    for (key, value) in new {
        if strategy == "remove" {
            stack.remove_value(&key);
            continue;
        }
        let Some(known) = stack.get_value_mut(&key) else {
            stack.insert(key, clean(value));
            continue;
        };
        let known = std::mem::take(known);
        // merge-first is merge-last the other way round.
        let (below, above) = match strategy {
            "merge-first" => (clean(value), known),
            _ => (known, value),
        };
        let merged = match (below, above) {
            (Value::Map(below), Value::Map(above)) => merge_maps(below, above)?.into(),
            (Value::List(below), Value::List(above)) => merge_lists(below, above)?,
            (_, above) => clean(above),
        };
        stack.insert(key, merged);
    }
    Ok(stack)
}

fn merge_lists(stack: Vec<Value>, mut new: Vec<Value>) -> Result<Value, String> {
    let named = new.first().and_then(|first| first.get(STRATEGY)).cloned();
    if named.is_some() {
        new.remove(0);
    }
    Ok(Value::List(match strategy(named)? {
        "overwrite" => new,
        "remove" => stack
            .into_iter()
            .filter(|item| !new.contains(item))
            .collect(),
        "merge-first" => new.into_iter().chain(stack).collect(),
        _ => stack.into_iter().chain(new).collect(),
    }))
}

impl PillarSource for Stack {
    fn name(&self) -> &str {
        "stack"
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let mut stack = Map::new();
        for configuration in self.configurations(request)? {
            stack = self.add(&configuration, stack, request)?;
        }
        Ok(stack)
    }
}
