//! Which files a result was made of: a file client that remembers what it was asked.
//!
//! A run keeps these hashes beside its plan, a pillar cache uses them as its key, `brine explain`
//! shows them. A file that was looked for and not found counts too: the result changes when it
//! appears.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::file_client::{FileClient, FileError};

/// One file that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The environment.
    pub saltenv: String,
    /// The path below the root, or `/` for the list of all SLS.
    pub path: String,
    /// The SHA-256 of the content as hexadecimal text; `None` if there was no such file.
    pub hash: Option<String>,
}

/// Passes every question on, and remembers the answer's hash.
pub struct Sources<'a> {
    files: &'a dyn FileClient,
    seen: Mutex<IndexMap<(String, String), Option<String>>>,
}

impl<'a> Sources<'a> {
    /// Watches a file client; nothing was asked yet.
    pub fn new(files: &'a dyn FileClient) -> Self {
        Self {
            files,
            seen: Mutex::default(),
        }
    }

    /// Gives what was asked so far, each file once, in the order of the first question.
    pub fn seen(&self) -> Vec<Source> {
        let seen = self.lock();
        let as_source = |((saltenv, path), hash): (&(String, String), &Option<String>)| Source {
            saltenv: saltenv.clone(),
            path: path.clone(),
            hash: hash.clone(),
        };
        seen.iter().map(as_source).collect()
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<(String, String), Option<String>>> {
        // Whoever panicked while holding it had at most added a whole pair.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, saltenv: &str, path: &str, content: Option<&[u8]>) {
        let key = (saltenv.to_owned(), path.to_owned());
        self.lock().entry(key).or_insert_with(|| content.map(hash));
    }
}

impl FileClient for Sources<'_> {
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        let content = self.files.read(path, saltenv)?;
        self.remember(saltenv, path, content.as_deref());
        Ok(content)
    }

    fn list(&self, saltenv: &str) -> Result<Vec<String>, FileError> {
        let paths = self.files.list(saltenv)?;
        // Lists are asked for to find SLS; any other file may come and go.
        let sls: Vec<&str> = paths
            .iter()
            .map(String::as_str)
            .filter(|path| path.ends_with(".sls"))
            .collect();
        self.remember(saltenv, "/", Some(sls.join("\n").as_bytes()));
        Ok(paths)
    }

    fn envs(&self) -> Vec<String> {
        self.files.envs()
    }
}

/// Gives the SHA-256 as hexadecimal text.
pub fn hash(content: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    Sha256::digest(content)
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_client::MemoryFiles;

    #[test]
    fn a_file_counts_once_and_a_missing_one_too() {
        let files = MemoryFiles::new().with("a.sls", "x");
        let sources = Sources::new(&files);
        for path in ["a.sls", "b.sls", "a.sls"] {
            sources.read(path, "base").expect("memory always answers");
        }
        let listed: Vec<_> = sources
            .seen()
            .into_iter()
            .map(|s| (s.path, s.hash))
            .collect();
        assert_eq!(
            listed,
            [("a.sls".into(), Some(hash(b"x"))), ("b.sls".into(), None)]
        );
    }
}
