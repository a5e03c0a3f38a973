//! The files that minions may fetch, and that templates are made of.
//!
//! [`FileServer`] answers what minions ask: lists, hashes, pieces of files. Where files come from
//! is a [`Backend`]; `roots` (directories) is the one there is. A path from a minion is relative
//! and has no `..`, or there is no such file. Nothing here is ever written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use minion_protocol::Piece;
use model::Map;
use states::file_client::FileClient;
use storage::disk::{DiskRead, Metadata};

mod client;
mod contents;
mod file_list;
mod hashes;
mod ignored;
mod roots;
#[cfg(test)]
mod tests;

pub use client::RootsClient;
pub(crate) use contents::KeptContents;
pub use file_list::Lists;
pub use hashes::HashType;
pub use roots::Roots;

use crate::config::Opts;
use crate::world::World;
use file_list::KeptLists;
use hashes::KeptHashes;
use ignored::Ignored;

/// Where files come from.
pub trait Backend: Send + Sync {
    /// Names the environments, sorted.
    fn envs(&self) -> Vec<String>;

    /// Finds a file; `None` if there is none that may be served.
    fn find(&self, path: &str, saltenv: &str) -> Result<Option<Found>, storage::Error>;

    /// Lists everything of an environment.
    fn lists(&self, saltenv: &str) -> Result<Lists, storage::Error>;
}

/// A file that may be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is on the master.
    pub path: PathBuf,
    /// Its path below the root, as it was asked for.
    pub rel: String,
    /// What the disk says of it.
    pub metadata: Metadata,
    /// The back-end it comes from.
    pub back: &'static str,
}

/// Answers minions' questions about files.
pub struct FileServer {
    roots: Arc<Roots>,
    disk: Arc<dyn DiskRead>,
    chunk_bytes: usize,
    hash_type: HashType,
    hashes: KeptHashes,
    contents: Arc<KeptContents>,
    large_contents: KeptContents,
    /// Held by who reads a larger file whole: a crowd that asks at once would have as many copies
    /// of it. The others read their pieces.
    reads_whole: Mutex<()>,
    lists: KeptLists,
}

impl FileServer {
    /// Makes the file server of `file_roots`.
    pub fn new(opts: &Opts, world: &World) -> Self {
        let disk: Arc<dyn DiskRead> = world.disk.clone();
        Self {
            roots: Arc::new(Roots::new(opts.file_roots.clone(), opts, Arc::clone(&disk))),
            disk,
            chunk_bytes: usize::try_from(opts.file_buffer_size).unwrap_or(usize::MAX),
            hash_type: HashType::from_name(&opts.hash_type).unwrap_or_default(),
            hashes: KeptHashes::new(Arc::clone(&world.clock)),
            contents: Arc::new(KeptContents::new(Arc::clone(&world.clock))),
            large_contents: KeptContents::large(Arc::clone(&world.clock)),
            reads_whole: Mutex::default(),
            lists: KeptLists::new(Arc::clone(&world.clock)),
        }
    }

    /// Gives the files to renderers and compilers.
    pub fn client(&self) -> Arc<dyn FileClient> {
        let client = RootsClient::new(Arc::clone(&self.roots), Arc::clone(&self.disk));
        Arc::new(client.keeping(Arc::clone(&self.contents)))
    }

    /// Names the environments (`_file_envs`).
    pub fn envs(&self) -> Vec<String> {
        self.roots.envs()
    }

    /// Lists files (`_file_list`) whose path begins with a prefix.
    pub fn list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, storage::Error> {
        Ok(beginning_with(prefix, &self.lists(saltenv)?.files))
    }

    /// Lists directories (`_dir_list`).
    pub fn dir_list(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, storage::Error> {
        Ok(beginning_with(prefix, &self.lists(saltenv)?.dirs))
    }

    /// Lists directories with nothing in them (`_file_list_emptydirs`).
    pub fn emptydirs(&self, saltenv: &str, prefix: &str) -> Result<Vec<String>, storage::Error> {
        Ok(beginning_with(prefix, &self.lists(saltenv)?.empty_dirs))
    }

    /// Lists links and what they say (`_symlink_list`).
    pub fn symlink_list(&self, saltenv: &str, prefix: &str) -> Result<Map, storage::Error> {
        let lists = self.lists(saltenv)?;
        let prefix = prefix.trim_matches('/');
        let links = lists
            .links
            .iter()
            .filter(|(link, _)| link.starts_with(prefix));
        Ok(links
            .map(|(link, target)| (link.as_str(), target.as_str()))
            .collect())
    }

    /// Finds a file (`_file_find`).
    pub fn find(&self, path: &str, saltenv: &str) -> Result<Option<Found>, storage::Error> {
        self.roots.find(path, saltenv)
    }

    /// Gives a file's checksum, in hexadecimal (`_file_hash`).
    pub fn hash(&self, path: &str, saltenv: &str) -> Result<Option<String>, storage::Error> {
        match self.find(path, saltenv)? {
            Some(found) => self.hash_of(&found),
            None => Ok(None),
        }
    }

    /// Gives the checksum of a file that was found, in hexadecimal (`_file_hash_and_stat`).
    pub fn hash_of(&self, found: &Found) -> Result<Option<String>, storage::Error> {
        self.hashes.of(found, self.hash_type, self.disk.as_ref())
    }

    /// Names the checksum: the option `hash_type`.
    pub fn hash_type(&self) -> &'static str {
        self.hash_type.name()
    }

    /// Gives the piece of a file that begins at `offset` (`_serve_file`), compressed if the minion
    /// asks for a level above 0; `None` if there is no such file. At the end of the file the piece
    /// is empty.
    pub fn piece(
        &self,
        path: &str,
        saltenv: &str,
        offset: u64,
        gzip: u32,
    ) -> Result<Option<Piece>, storage::Error> {
        let Some(found) = self.find(path, saltenv)? else {
            return Ok(None);
        };
        let Some(data) = self.part(&found, offset)? else {
            return Ok(None);
        };
        let dest = found.rel;
        if gzip == 0 || data.is_empty() {
            return Ok(Some(Piece {
                data,
                dest,
                gzip: None,
            }));
        }
        let level = gzip.min(9);
        Ok(Some(Piece {
            data: compressed(&data, level).into(),
            dest,
            gzip: Some(level),
        }))
    }

    fn part(&self, found: &Found, offset: u64) -> Result<Option<Bytes>, storage::Error> {
        let disk = self.disk.as_ref();
        let content = if self.contents.is_for(found) {
            self.contents.of(found, disk)?
        } else if let Some(content) = self.large_contents.kept(found) {
            Some(content)
        } else if offset == 0
            && self.large_contents.would_keep(found)
            && let Ok(_turn) = self.reads_whole.try_lock()
        {
            // The other pieces are asked for next.
            self.large_contents.of(found, disk)?
        } else {
            let read = disk.read_range(&found.path, offset, self.chunk_bytes)?;
            return Ok(read.map(Bytes::from));
        };
        let cut = |content: Arc<[u8]>| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let start = start.min(content.len());
            let end = start.saturating_add(self.chunk_bytes).min(content.len());
            Bytes::from_owner(content).slice(start..end)
        };
        Ok(content.map(cut))
    }

    fn lists(&self, saltenv: &str) -> Result<Arc<Lists>, storage::Error> {
        self.lists.of(saltenv, self.roots.as_ref())
    }
}

/// A minion's prefix may carry slashes at its ends; Salt drops them, too.
fn beginning_with(prefix: &str, paths: &[String]) -> Vec<String> {
    let prefix = prefix.trim_matches('/');
    paths
        .iter()
        .filter(|path| path.starts_with(prefix))
        .cloned()
        .collect()
}

fn compressed(data: &[u8], level: u32) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    let written = encoder.write_all(data).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail")
}
