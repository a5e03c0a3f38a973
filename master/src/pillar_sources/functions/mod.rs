//! What templates on the master may call as `salt['mod.fun'](...)`.
//!
//! [`FAMILIES`] lists every module; each has a file that names its functions and answers them. Most
//! answers follow from the minion, its grains, its pillar and the options. What looks at files,
//! runs programs or asks the running master goes through [`Tools`], which says what is allowed.
//! What is not here is an error with near names; what is refused says why.

use std::sync::Arc;

use model::{Grains, Map, MinionId, Value};
use states::context::{FunctionError, Functions, Outside, near_names};

mod arguments;
pub(crate) mod commands;
mod config;
mod cp;
mod data;
mod defaults;
mod files;
mod grains;
mod hashing;
mod matching;
mod mersenne;
mod network;
mod pillar;
mod random;
mod saltutil;
mod sdb;
mod serial;
mod slsutil;
mod testing;
#[cfg(test)]
mod tests;
mod tools;

use arguments::Arguments;
pub use tools::Live;
pub(crate) use tools::Tools;

/// What a function gives.
type Answer = Result<Value, FunctionError>;

/// One module: its name, its functions, and who answers; `None` if it has no such function.
struct Family {
    module: &'static str,
    functions: &'static [&'static str],
    call: fn(&MinionFunctions, &str, &Arguments) -> Option<Answer>,
}

/// Every module.
const FAMILIES: &[Family] = &[
    commands::FAMILY,
    config::FAMILY,
    cp::FAMILY,
    data::FAMILY,
    defaults::FAMILY,
    files::FAMILY,
    grains::FAMILY,
    hashing::FAMILY,
    matching::FAMILY,
    saltutil::MINE,
    network::FAMILY,
    pillar::FAMILY,
    random::FAMILY,
    saltutil::FAMILY,
    sdb::FAMILY,
    slsutil::FAMILY,
    testing::FAMILY,
];

/// The functions of one minion.
#[derive(Clone)]
pub(super) struct MinionFunctions {
    pub(super) id: MinionId,
    pub(super) grains: Grains,
    pub(super) pillar: Map,
    pub(super) opts: Arc<Map>,
    pub(super) tools: Arc<Tools>,
}

/// Makes the error of a function that ran and failed.
fn failed(text: impl Into<String>) -> FunctionError {
    FunctionError::Failed(text.into())
}

/// Makes the error of wrong arguments.
fn bad(text: impl Into<String>) -> FunctionError {
    FunctionError::BadArguments(text.into())
}

impl Functions for MinionFunctions {
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Answer {
        let arguments = Arguments::new(args, kwargs);
        let (module, function) = fun.split_once('.').unwrap_or((fun, ""));
        let family = FAMILIES.iter().find(|family| family.module == module);
        let answer = family.and_then(|family| (family.call)(self, function, &arguments));
        answer.unwrap_or_else(|| {
            let names = self.names();
            Err(FunctionError::Unknown {
                name: fun.to_owned(),
                near: near_names(fun, names.iter().map(String::as_str)),
            })
        })
    }

    fn names(&self) -> Vec<String> {
        let full = |family: &'static Family| {
            let functions = family.functions.iter();
            functions.map(|function| format!("{}.{function}", family.module))
        };
        let mut names: Vec<String> = FAMILIES.iter().flat_map(full).collect();
        names.sort();
        names
    }

    fn outside(&self, request: Outside<'_>) -> Option<Answer> {
        match request {
            Outside::Decrypt(message) => Some(self.tools.gpg.decrypt(message).map_err(failed)),
            Outside::Python { text, context } => {
                let python = self.tools.python.as_ref()?;
                Some(python.run(text, context).map_err(failed))
            }
        }
    }
}
