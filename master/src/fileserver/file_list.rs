//! Everything that an environment holds: files, directories, empty directories, links.
//!
//! One walk makes all four lists, and a burst of minions that ask shares it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use storage::Error;
use storage::disk::{DirectoryEntry, DiskRead, Kind};

use super::roots::LinkRules;
use super::{Backend, Ignored};
use crate::world::Clock;

/// How long a list is good. Salt keeps its lists for 20 s; a new file should be seen by whoever
/// looks again.
const LIST_KEPT_MILLIS: u64 = 1_000;

/// Environments whose lists are kept; their names may come from minions (`__env__`).
const LISTS_KEPT_MAX: usize = 64;

/// Directories in directories: links that lead to each other end here if nowhere else.
const DEPTH_MAX: usize = 64;

/// What an environment holds, by path below its roots, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Files, links to files, and links to nothing.
    pub files: Vec<String>,
    /// Directories.
    pub dirs: Vec<String>,
    /// Directories with nothing in them.
    pub empty_dirs: Vec<String>,
    /// Links and what they say.
    pub links: BTreeMap<String, String>,
}

/// Lists that are good for a moment.
pub(super) struct KeptLists {
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<String, (Timestamp, Arc<Lists>)>>,
}

impl KeptLists {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// Gives the lists of an environment; whoever asks meanwhile waits and gets the same.
    pub(super) fn of(&self, saltenv: &str, backend: &dyn Backend) -> Result<Arc<Lists>, Error> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if let Some((made, lists)) = kept.get(saltenv)
            && *made <= now
            && now.millis_since(*made) < LIST_KEPT_MILLIS
        {
            return Ok(Arc::clone(lists));
        }
        let lists = Arc::new(backend.lists(saltenv)?);
        if kept.len() >= LISTS_KEPT_MAX {
            kept.clear();
        }
        kept.insert(saltenv.to_owned(), (now, Arc::clone(&lists)));
        Ok(lists)
    }
}

/// A walk through roots.
pub(super) struct Walk<'a> {
    disk: &'a dyn DiskRead,
    links: LinkRules,
    ignored: &'a Ignored,
    files: BTreeSet<String>,
    dirs: BTreeSet<String>,
    empty_dirs: BTreeSet<String>,
    found_links: BTreeMap<String, String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(disk: &'a dyn DiskRead, links: LinkRules, ignored: &'a Ignored) -> Self {
        Self {
            disk,
            links,
            ignored,
            files: BTreeSet::new(),
            dirs: BTreeSet::new(),
            empty_dirs: BTreeSet::new(),
            found_links: BTreeMap::new(),
        }
    }

    /// Adds what is below a root; a root that is not there adds nothing.
    pub(super) fn add(&mut self, root: &Path) -> Result<(), Error> {
        let mut above = Vec::new();
        self.directory(root, "", root, &mut above)
    }

    pub(super) fn finish(self) -> Lists {
        Lists {
            files: self.files.into_iter().collect(),
            dirs: self.dirs.into_iter().collect(),
            empty_dirs: self.empty_dirs.into_iter().collect(),
            links: self.found_links,
        }
    }

    /// Walks one directory. `above` holds the device and inode of each directory on the way.
    fn directory(
        &mut self,
        root: &Path,
        rel: &str,
        path: &Path,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<(), Error> {
        let Some(metadata) = self.disk.metadata(path)? else {
            return Ok(());
        };
        let identity = (metadata.device, metadata.inode);
        // A link to a directory above would be walked for ever.
        if above.contains(&identity) || above.len() >= DEPTH_MAX {
            return Ok(());
        }
        above.push(identity);
        for entry in self.disk.list(path)?.unwrap_or_default() {
            let rel = if rel.is_empty() {
                entry.name.clone()
            } else {
                format!("{rel}/{}", entry.name)
            };
            self.entry(root, &rel, &path.join(&entry.name), &entry, above)?;
        }
        above.pop();
        Ok(())
    }

    fn entry(
        &mut self,
        root: &Path,
        rel: &str,
        path: &Path,
        entry: &DirectoryEntry,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<(), Error> {
        let is_link = entry.kind == Kind::Link;
        let is_hidden = self.ignored.matches(rel) || (is_link && self.links.unlisted);
        let is_listed = !is_hidden;
        let kind = match entry.kind {
            Kind::Link => self
                .disk
                .metadata(path)?
                .map_or(Kind::Other, |found| found.kind),
            kind => kind,
        };
        if is_listed && is_link {
            self.link(root, rel, path)?;
        }
        if kind != Kind::Directory {
            if is_listed {
                self.files.insert(rel.to_owned());
            }
            return Ok(());
        }
        if is_listed {
            self.dirs.insert(rel.to_owned());
            if self.disk.list(path)?.is_some_and(|names| names.is_empty()) {
                self.empty_dirs.insert(rel.to_owned());
            }
        }
        // As Salt's walk: an ignored directory hides itself, not what is in it.
        if is_link && !self.links.follow {
            return Ok(());
        }
        self.directory(root, rel, path, above)
    }

    /// Lists a link that stays in its root; one that leads out is listed only where it is not
    /// followed.
    fn link(&mut self, root: &Path, rel: &str, path: &Path) -> Result<(), Error> {
        let Some(target) = self.disk.link_target(path)? else {
            return Ok(());
        };
        if self.links.follow && !self.stays_inside(root, path, &target)? {
            return Ok(());
        }
        self.found_links
            .insert(rel.to_owned(), target.to_string_lossy().into_owned());
        Ok(())
    }

    fn stays_inside(&self, root: &Path, path: &Path, target: &Path) -> Result<bool, Error> {
        let resolved = match self.disk.resolve(path)? {
            Some(resolved) => resolved,
            // It leads nowhere; where it would lead counts.
            None => lexically(&path.parent().unwrap_or(root).join(target)),
        };
        let root = self.disk.resolve(root)?.unwrap_or_else(|| root.to_owned());
        Ok(resolved.starts_with(root))
    }
}

/// Takes `.` and `..` out of a path without looking at the disk.
fn lexically(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            std::path::Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}
