//! The exact inputs a pillar was made of: the key of a cache, and the answer to "why?".

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Map, Value};
use states::context::{FunctionError, Functions, Outside};
use states::file_client::{FileClient, FileError};
use states::sources::{Source, Sources, hash};

use crate::request::Request;

/// Modules whose answers follow from the request alone.
const FROM_REQUEST: [&str; 2] = ["grains.", "match."];

/// What a pillar depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Every file that was looked for.
    pub sources: Vec<Source>,
    /// The functions that templates called; their answers may differ next time.
    pub functions: Vec<String>,
    /// The external pillars that were asked.
    pub external: Vec<String>,
}

impl Inputs {
    /// Gives the key of a request, before anything is read: the SHA-256 of minion, grains,
    /// environments, overrides and options.
    pub fn key(request: &Request) -> String {
        let optional = |text: &Option<String>| Value::from(text.as_deref());
        let all: Value = vec![
            Value::str(request.id.as_str()),
            request.grains.0.clone().into(),
            optional(&request.saltenv),
            optional(&request.pillarenv),
            request.overrides.clone().into(),
            Map::clone(&request.opts).into(),
        ]
        .into_iter()
        .collect();
        hash(all.repr().as_bytes())
    }

    /// Says whether nothing counts but the question and the files: neither an external pillar nor a
    /// function that asks anything else.
    pub fn is_closed(&self) -> bool {
        let is_stable = |name: &String| FROM_REQUEST.iter().any(|module| name.starts_with(module));
        self.functions.iter().all(is_stable) && self.external.is_empty()
    }

    /// Says whether every file that was looked for is as it was.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn has_same_files(&self, files: &dyn FileClient) -> Result<bool, FileError> {
        are_same(&self.sources, files)
    }
}

/// Says whether files are as they were.
///
/// # Errors
/// A file cannot be read.
pub fn are_same(sources: &[Source], files: &dyn FileClient) -> Result<bool, FileError> {
    let now = Sources::new(files);
    for source in sources {
        if source.path == "/" {
            now.list(&source.saltenv)?;
        } else {
            now.read(&source.path, &source.saltenv)?;
        }
    }
    Ok(now.seen() == sources)
}

/// Passes calls on and remembers their names.
pub(crate) struct Called {
    functions: Arc<dyn Functions>,
    names: Mutex<BTreeSet<String>>,
}

impl Called {
    pub(crate) fn new(functions: Arc<dyn Functions>) -> Self {
        Self {
            functions,
            names: Mutex::default(),
        }
    }

    fn remember(&self, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned());
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().cloned().collect()
    }
}

impl Functions for Called {
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, FunctionError> {
        self.remember(fun);
        self.functions.call(fun, args, kwargs)
    }

    fn names(&self) -> Vec<String> {
        self.functions.names()
    }

    fn outside(&self, request: Outside<'_>) -> Option<Result<Value, FunctionError>> {
        // What Python does, nobody knows; and a message that cannot be decrypted now may be when
        // its key has come.
        self.remember(match request {
            Outside::Python { .. } => "#!py",
            Outside::Decrypt(_) => "#!gpg",
        });
        self.functions.outside(request)
    }
}
