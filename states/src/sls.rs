//! An SLS by its dotted name: where it is looked for, and which there are.
//!
//! `a.b` is `a/b.sls`, or else `a/b/init.sls`. States and pillar look them up the same way.

use std::sync::Arc;

use model::Glob;

use crate::file_client::{FileClient, FileError};

/// The text of an SLS and where it lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sls {
    /// The path below the root.
    pub path: String,
    /// The bytes of the file.
    pub content: Arc<[u8]>,
}

impl Sls {
    /// Says whether the file is an `init.sls`: then a relative include starts in its own folder.
    pub fn is_init(&self) -> bool {
        self.path.ends_with("/init.sls")
    }
}

/// Finds an SLS; `None` if there is neither file.
///
/// # Errors
/// A file exists and cannot be read.
pub fn find(name: &str, saltenv: &str, files: &dyn FileClient) -> Result<Option<Sls>, FileError> {
    let stem = name.replace('.', "/");
    for path in [format!("{stem}.sls"), format!("{stem}/init.sls")] {
        // A name may come from a template: nothing in it leads out of the root.
        let Some(path) = crate::file_client::normalise(&path) else {
            continue;
        };
        if let Some(content) = files.read(&path, saltenv)? {
            return Ok(Some(Sls { path, content }));
        }
    }
    Ok(None)
}

/// Lists the dotted names of all SLS of an environment, sorted.
///
/// # Errors
/// The environment cannot be listed.
pub fn list(saltenv: &str, files: &dyn FileClient) -> Result<Vec<String>, FileError> {
    let mut names: Vec<String> = files
        .list(saltenv)?
        .iter()
        .filter_map(|path| name_of(path))
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn name_of(path: &str) -> Option<String> {
    let stem = path
        .strip_suffix("/init.sls")
        .or_else(|| path.strip_suffix(".sls"))?;
    Some(stem.replace('/', "."))
}

/// Picks the names that a glob matches.
pub fn matching(names: &[String], glob: &str) -> Vec<String> {
    let glob = Glob::new(glob);
    names
        .iter()
        .filter(|name| glob.matches(name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_client::MemoryFiles;

    #[test]
    fn a_file_comes_before_the_folder_of_the_same_name() {
        let files = MemoryFiles::new()
            .with("a/b.sls", "file")
            .with("a/b/init.sls", "folder")
            .with("a/c/init.sls", "folder");
        let path = |name| {
            find(name, "base", &files)
                .expect("readable")
                .map(|sls| sls.path)
        };
        assert_eq!(path("a.b"), Some("a/b.sls".into()));
        assert_eq!(path("a.c"), Some("a/c/init.sls".into()));
        assert_eq!(path("a.d"), None);
        assert_eq!(list("base", &files).expect("listable"), ["a.b", "a.c"]);
    }
}
