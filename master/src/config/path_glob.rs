//! Paths with wildcards, as Python's `glob` reads them: `*`, `?` and `[...]` in each part, never
//! across `/`, and a leading dot only by a dot.

use std::path::{Component, Path, PathBuf};

use model::Glob;
use storage::Error;
use storage::disk::DiskRead;

/// Says whether a path has wildcards.
pub(crate) fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Gives the existing paths that match, sorted.
pub(crate) fn matches(pattern: &Path, disk: &dyn DiskRead) -> Result<Vec<PathBuf>, Error> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_str().unwrap_or_default();
        if !matches!(part, Component::Normal(_)) || !has_wildcard(text) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let glob = Glob::new(text);
        let mut next = Vec::new();
        for directory in found {
            let here = if directory.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &directory
            };
            for entry in disk.list(here)?.unwrap_or_default() {
                let is_hidden = entry.name.starts_with('.') && !text.starts_with('.');
                if !is_hidden && glob.matches(&entry.name) {
                    next.push(directory.join(entry.name));
                }
            }
        }
        found = next;
    }
    let mut existing = Vec::new();
    for path in found {
        if disk.metadata(&path)?.is_some() {
            existing.push(path);
        }
    }
    existing.sort();
    Ok(existing)
}
