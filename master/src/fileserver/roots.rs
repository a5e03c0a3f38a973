//! Files from directories: `file_roots` and `pillar_roots`.
//!
//! An environment has several roots; the first that has the file wins. An environment that is not
//! configured is served from `__env__` if there is one, with its name put in. Links lead anywhere,
//! as in Salt, because only the operator can make them; `fileserver_followsymlinks: false` keeps
//! them inside their root.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use storage::Error;
use storage::disk::{DiskRead, Kind, Metadata};

use super::file_list::Walk;
use super::{Backend, Found, Ignored, Lists};
use crate::config::{self, Opts};

/// The environment that stands for every one that is not configured.
const ANY_ENV: &str = "__env__";

/// What links may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkRules {
    /// Whether they may lead out of their root.
    pub(super) follow: bool,
    /// Whether they are left out of the lists.
    pub(super) unlisted: bool,
}

/// Directories, by environment.
pub struct Roots {
    directories: config::Roots,
    links: LinkRules,
    ignored: Ignored,
    disk: Arc<dyn DiskRead>,
}

impl Roots {
    /// Serves these directories by the rules of the options.
    pub fn new(directories: config::Roots, opts: &Opts, disk: Arc<dyn DiskRead>) -> Self {
        let links = LinkRules {
            follow: opts.fileserver_followsymlinks,
            unlisted: opts.fileserver_ignoresymlinks,
        };
        Self {
            directories,
            links,
            ignored: Ignored::new(opts),
            disk,
        }
    }

    /// Gives the directories of an environment, in the order of the search.
    fn of(&self, saltenv: &str) -> Vec<PathBuf> {
        if let Some(directories) = self.directories.get(saltenv) {
            return directories.iter().map(PathBuf::from).collect();
        }
        match self.directories.get(ANY_ENV) {
            // The name comes from a minion and becomes a part of a path.
            Some(directories) if is_plain_name(saltenv) => {
                let named = |directory: &String| PathBuf::from(directory.replace(ANY_ENV, saltenv));
                directories.iter().map(named).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Looks for a file in one root.
    fn look(&self, root: &Path, path: &Path) -> Result<Option<(PathBuf, Metadata)>, Error> {
        let full = root.join(path);
        let Some(metadata) = self.disk.metadata(&full)? else {
            return Ok(None);
        };
        let is_served = metadata.kind == Kind::File
            && !self.ignored.matches(&full.to_string_lossy())
            && (self.links.follow || self.is_inside(root, &full)?);
        Ok(is_served.then_some((full, metadata)))
    }

    /// Says whether a path is still below its root when all links are followed.
    fn is_inside(&self, root: &Path, full: &Path) -> Result<bool, Error> {
        let (root, full) = (self.disk.resolve(root)?, self.disk.resolve(full)?);
        Ok(root
            .zip(full)
            .is_some_and(|(root, full)| full.starts_with(root)))
    }
}

impl Backend for Roots {
    fn envs(&self) -> Vec<String> {
        self.directories.keys().cloned().collect()
    }

    fn find(&self, path: &str, saltenv: &str) -> Result<Option<Found>, Error> {
        let Some(relative) = relative(path) else {
            return Ok(None);
        };
        for root in self.of(saltenv) {
            if let Some((full, metadata)) = self.look(&root, &relative)? {
                let rel = relative.to_string_lossy().into_owned();
                return Ok(Some(Found {
                    path: full,
                    rel,
                    metadata,
                    back: "roots",
                }));
            }
        }
        Ok(None)
    }

    fn lists(&self, saltenv: &str) -> Result<Lists, Error> {
        let mut walk = Walk::new(self.disk.as_ref(), self.links, &self.ignored);
        for root in self.of(saltenv) {
            walk.add(&root)?;
        }
        Ok(walk.finish())
    }
}

/// Takes a path as a minion may send it: relative, without `..`, and without the marks (`|`, `?`)
/// by which a URL carries more than a path. `None` for any other: there is no such file.
fn relative(path: &str) -> Option<PathBuf> {
    if path.contains(['\0', '?']) || path.starts_with('|') {
        return None;
    }
    let mut relative = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => relative.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!relative.as_os_str().is_empty()).then_some(relative)
}

fn is_plain_name(saltenv: &str) -> bool {
    !saltenv.is_empty() && saltenv != "." && saltenv != ".." && !saltenv.contains(['/', '\\', '\0'])
}
