//! What a template sees besides its own text: grains, pillar, options, names and functions.
//!
//! The caller fills a [`Context`] once for a render; the renderers never look anything up
//! themselves. [`NoFunctions`] and [`StaticFunctions`] serve callers that have no execution
//! modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Map, Value};

/// Why a function gave no value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FunctionError {
    /// There is no function of that name here.
    #[error("'{name}' is not available{}", near_text(near))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Names that look alike, best first.
        near: Vec<String>,
    },
    /// The function does not take these arguments.
    #[error("{0}")]
    BadArguments(String),
    /// The function ran and failed.
    #[error("{0}")]
    Failed(String),
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; near names: {}", near.join(", "))
    }
}

/// The functions behind `salt['mod.fun'](...)`.
pub trait Functions: Send + Sync {
    /// Calls a function by its full name, `mod.fun`.
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, FunctionError>;

    /// Lists the full names of all functions.
    fn names(&self) -> Vec<String>;

    /// Does what a renderer needs a program for. `None` if that is not offered here: the renderer
    /// then refuses with an explanation.
    fn outside(&self, request: Outside<'_>) -> Option<Result<Value, FunctionError>> {
        let _ = request;
        None
    }
}

/// What a renderer asks of the world outside.
pub enum Outside<'a> {
    /// Decrypt one armoured PGP message; the answer is text or bytes.
    Decrypt(&'a str),
    /// Run a file of the renderer `py`: call its `run()` and give what it returns.
    Python {
        /// The file's text.
        text: &'a str,
        /// What it sees as `__pillar__`, `__grains__`, `__opts__`, `__sls__` and `__env__`.
        context: &'a Context,
    },
}

/// No function at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn call(&self, fun: &str, _args: Vec<Value>, _kwargs: Map) -> Result<Value, FunctionError> {
        Err(FunctionError::Unknown {
            name: fun.to_owned(),
            near: Vec::new(),
        })
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Functions that always answer the same, whatever they are asked: canned answers for tests and
/// for rendering by hand.
#[derive(Debug, Clone, Default)]
pub struct StaticFunctions(BTreeMap<String, Value>);

impl StaticFunctions {
    /// Takes the answers by full function name.
    pub fn new(answers: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self(answers.into_iter().collect())
    }
}

impl Functions for StaticFunctions {
    fn call(&self, fun: &str, _args: Vec<Value>, _kwargs: Map) -> Result<Value, FunctionError> {
        self.0
            .get(fun)
            .cloned()
            .ok_or_else(|| FunctionError::Unknown {
                name: fun.to_owned(),
                near: near_names(fun, self.0.keys().map(String::as_str)),
            })
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// How many near names an error lists.
const NEAR_NAMES: usize = 3;

/// Picks the names that look most like `wanted`, best first.
pub fn near_names<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = names
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, name)| *distance <= 3.max(name.len() / 3))
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .take(NEAR_NAMES)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let cost = diagonal + usize::from(character != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// The extension code of [`Context::function`]. It counts only in `__salt__` and `__stack__`,
/// which the master alone gives: what came from a minion may hold any code.
pub(crate) const FUNCTION: i8 = i8::MAX;

/// All that a template may see. Cheap to clone where the large parts are shared by the caller.
#[derive(Clone)]
pub struct Context {
    /// The minion's grains (the master's own in an orchestration).
    pub grains: Value,
    /// The pillar.
    pub pillar: Value,
    /// The options of the master or minion that renders.
    pub opts: Map,
    /// The environment, `base` if nothing else is said.
    pub saltenv: String,
    /// The SLS's dotted name; empty for other files.
    pub sls: String,
    /// The path of the template below its root, for messages and `tpldir`.
    pub template: String,
    /// What `salt[...]` calls.
    pub functions: Arc<dyn Functions>,
    /// Further variables of this render (`data` of a reactor, `defaults` of an include, ...).
    pub extra: Map,
}

impl Context {
    /// Makes a context of the environment `base` that has nothing in it and no functions.
    pub fn empty() -> Self {
        Self {
            grains: Map::new().into(),
            pillar: Map::new().into(),
            opts: Map::new(),
            saltenv: "base".to_owned(),
            sls: String::new(),
            template: String::new(),
            functions: Arc::new(NoFunctions),
            extra: Map::new(),
        }
    }

    /// Makes a value that stands for a function in [`Context::extra`], as `__salt__` or
    /// in the map `__stack__`: `salt[name]`, or `salt` itself if there is no name.
    pub fn function(name: &str) -> Value {
        Value::Ext(FUNCTION, name.as_bytes().to_vec())
    }

    /// Names the SLS and the file it was read from.
    #[must_use]
    pub fn for_sls(mut self, sls: &str, template: &str) -> Self {
        sls.clone_into(&mut self.sls);
        template.clone_into(&mut self.template);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_function_is_named_with_its_neighbours() {
        let functions = StaticFunctions::new([("pillar.get".to_owned(), Value::Nil)]);
        let error = functions.call("pilar.get", vec![], Map::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "'pilar.get' is not available; near names: pillar.get"
        );
    }
}
