//! Where the text of templates comes from; the caller decides.
//!
//! The renderers, the compiler and the pillar ask a [`FileClient`] and never a disk. A path is
//! relative to the root of its environment, separated by `/`, and never leaves it: [`normalise`]
//! makes sure.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A file could not be read, although it may well exist.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read salt://{path} (saltenv {saltenv}): {reason}")]
pub struct FileError {
    /// The path below the root.
    pub path: String,
    /// The environment.
    pub saltenv: String,
    /// What the file's keeper said.
    pub reason: String,
}

/// Gives the bytes of files by path and environment.
pub trait FileClient: Send + Sync {
    /// Reads one file; `None` if there is no such file. The path is relative, with `/`, without
    /// `..`.
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError>;

    /// Lists all files of an environment, sorted.
    fn list(&self, saltenv: &str) -> Result<Vec<String>, FileError>;

    /// Lists the environments.
    fn envs(&self) -> Vec<String>;
}

/// Files that live in memory: for tests, and for text that never was a file.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, BTreeMap<String, Arc<[u8]>>>);

impl MemoryFiles {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file into the environment `base`.
    #[must_use]
    pub fn with(self, path: &str, text: &str) -> Self {
        self.with_env("base", path, text)
    }

    /// Puts a file into an environment.
    #[must_use]
    pub fn with_env(mut self, saltenv: &str, path: &str, text: &str) -> Self {
        self.0
            .entry(saltenv.to_owned())
            .or_default()
            .insert(path.to_owned(), Arc::from(text.as_bytes()));
        self
    }
}

impl FileClient for MemoryFiles {
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        Ok(self.0.get(saltenv).and_then(|env| env.get(path)).cloned())
    }

    fn list(&self, saltenv: &str) -> Result<Vec<String>, FileError> {
        Ok(self
            .0
            .get(saltenv)
            .map(|env| env.keys().cloned().collect())
            .unwrap_or_default())
    }

    fn envs(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Brings a path into the one form a [`FileClient`] accepts: no empty, `.` or `..` parts, not
/// absolute. `None` if the path would leave its root.
pub fn normalise(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ if part.contains('\0') => return None,
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_its_root() {
        assert_eq!(normalise("a/./b//../c"), Some("a/c".into()));
        assert_eq!(normalise("/etc/passwd"), Some("etc/passwd".into()));
        assert_eq!(normalise("a/../../b"), None);
        assert_eq!(normalise("../b"), None);
    }
}
