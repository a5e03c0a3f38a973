//! Every file that is not the database, behind two small traits.
//!
//! [`DiskRead`] looks, [`Disk`] also changes; [`RealDisk`] is the one that calls the operating
//! system, and the only place besides `embedded/` that does. Simulations have a disk of their own.
//! A path is taken as it is: whoever accepts a name from outside confines it first.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

mod real;

pub use real::RealDisk;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Link,
    /// A socket, a pipe, a device.
    Other,
}

/// What `stat` says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Type and permission bits.
    pub mode: u32,
    /// The inode.
    pub inode: u64,
    /// The device it is on.
    pub device: u64,
    /// How many names it has.
    pub links: u64,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its size in bytes.
    pub bytes: u64,
    /// Last read, in whole seconds since the epoch.
    pub accessed_secs: i64,
    /// Last content change, in whole seconds since the epoch.
    pub modified_secs: i64,
    /// The rest of the last content change, in nanoseconds.
    pub modified_nanos: i64,
    /// Last change of its metadata, in whole seconds since the epoch.
    pub changed_secs: i64,
}

impl Metadata {
    /// Gives the ten integers of Python's `os.stat`, in its order.
    pub fn stat(&self) -> [i64; 10] {
        [
            i64::from(self.mode),
            self.inode.cast_signed(),
            self.device.cast_signed(),
            self.links.cast_signed(),
            i64::from(self.uid),
            i64::from(self.gid),
            self.bytes.cast_signed(),
            self.accessed_secs,
            self.modified_secs,
            self.changed_secs,
        ]
    }

    /// Gives the permission bits alone, as `chmod` takes them.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name, without the directory.
    pub name: String,
    /// What it is; a link is not followed.
    pub kind: Kind,
}

/// Looks at files. What is not there is `None`, not an error.
pub trait DiskRead: Send + Sync + Debug {
    /// Gives the whole content.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Error>;

    /// Gives up to `bytes` from `offset`; nothing past the end.
    fn read_range(&self, path: &Path, offset: u64, bytes: usize) -> Result<Option<Vec<u8>>, Error>;

    /// Gives the names in a directory, sorted. Names that are not UTF-8 are left out: no peer can
    /// ask for them.
    fn list(&self, path: &Path) -> Result<Option<Vec<DirectoryEntry>>, Error>;

    /// Says what is at the end of all links.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, Error>;

    /// Says what is at the path itself.
    fn link_metadata(&self, path: &Path) -> Result<Option<Metadata>, Error>;

    /// Gives what a link says, unresolved; `None` if it is no link.
    fn link_target(&self, path: &Path) -> Result<Option<PathBuf>, Error>;

    /// Gives the absolute path without links; `None` if it leads nowhere.
    fn resolve(&self, path: &Path) -> Result<Option<PathBuf>, Error>;
}

/// Changes files. Each change is whole or not at all, and durable when the call returns.
pub trait Disk: DiskRead {
    /// Replaces the content, with these permission bits from its first byte on. The directory must
    /// exist.
    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), Error>;

    /// Makes a directory and those above it; an existing one is left as it is. New ones get `mode`.
    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), Error>;

    /// Sets the permission bits.
    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), Error>;

    /// Gives a file another name, over one that has it already.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error>;

    /// Removes a file or a link; says whether it was there.
    fn remove(&self, path: &Path) -> Result<bool, Error>;

    /// Writes `content` into a file at `offset`, makes the file if need be, and cuts it after what
    /// was written.
    fn write_range(&self, path: &Path, offset: u64, content: &[u8]) -> Result<(), Error>;

    /// Says whether files can be made in a directory, by making one.
    fn check_writable(&self, directory: &Path) -> Result<(), Error>;
}

/// Turns "not there" into `None`: a missing file, or a file where a directory was expected.
fn absent<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::from_io(action, path, error)),
    }
}
