//! Every file that is not the database, behind two small traits.
//!
//! [`DiskRead`] looks, [`Disk`] also changes; [`RealDisk`] is the one that calls the operating
//! system, and the only place besides `embedded/` that does. Simulations have a disk of their own.
//! A path is taken as it is: whoever accepts a name from outside confines it first.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the home of file access; everybody else goes through the traits"
)]

use std::fmt::Debug;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use crate::Error;

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
    /// Nanoseconds of the same moment.
    pub changed_nanos: i64,
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

    /// Gives what changes with the file: who finds it the same has the same file.
    pub fn stamp(&self) -> Stamp {
        Stamp([
            self.modified_secs,
            self.modified_nanos,
            self.changed_secs,
            self.changed_nanos,
            self.bytes.cast_signed(),
            self.inode.cast_signed(),
            self.device.cast_signed(),
        ])
    }

    /// Gives when its content or its place last changed, in microseconds since the epoch.
    pub fn changed_micros(&self) -> u64 {
        let secs = self.changed_secs.saturating_mul(1_000_000);
        u64::try_from(secs.saturating_add(self.changed_nanos / 1000)).unwrap_or(0)
    }

    /// Gives the permission bits alone, as `chmod` takes them.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// By what a file counts as unchanged: its size, its inode and device, and the times of its content
/// and its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp([i64; 7]);

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

    /// As [`Disk::write`], without waiting for the medium, and a new file straight under its name:
    /// after a crash it may be missing or not whole. For what is noticed to be so, and made again.
    /// Says what is there now.
    fn write_lazily(
        &self,
        path: &Path,
        content: &[u8],
        mode: u32,
    ) -> Result<Option<Metadata>, Error> {
        self.write(path, content, mode)?;
        self.metadata(path)
    }

    /// Sets the permission bits.
    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), Error>;

    /// Gives a file another name, over one that has it already.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error>;

    /// Removes a file or a link; says whether it was there.
    fn remove(&self, path: &Path) -> Result<bool, Error>;

    /// As [`Disk::remove`], without waiting for the medium: after a crash it may be there again.
    /// For what is noticed then, and removed again.
    fn remove_lazily(&self, path: &Path) -> Result<bool, Error> {
        self.remove(path)
    }

    /// Makes a symbolic link at `path` that says `target`. Nothing may be there.
    fn make_link(&self, path: &Path, target: &Path) -> Result<(), Error>;

    /// Removes a file, a link, or a directory with all that is below it; says whether it was there.
    fn remove_tree(&self, path: &Path) -> Result<bool, Error>;

    /// Gives a path, with links followed, another owner or group.
    fn set_owner(&self, path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<(), Error>;

    /// Says that a file or directory was read and changed at a moment, in seconds since the epoch.
    fn set_times(&self, path: &Path, secs: u64) -> Result<(), Error>;

    /// Writes `content` into a file at `offset`, makes the file if need be, and cuts it after what
    /// was written.
    fn write_range(&self, path: &Path, offset: u64, content: &[u8]) -> Result<(), Error>;

    /// Says whether files can be made in a directory, by making one.
    fn check_writable(&self, directory: &Path) -> Result<(), Error>;
}

/// `ELOOP` on Linux: links that lead to each other. The standard library has no stable name for it.
const LINKS_IN_A_CIRCLE: i32 = 40;

/// Turns "not there" into `None`: a path that leads nowhere, whatever the reason.
fn absent<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if leads_nowhere(&error) => Ok(None),
        Err(error) => Err(Error::from_io(action, path, error)),
    }
}

fn leads_nowhere(error: &io::Error) -> bool {
    let is_absent = matches!(
        error.kind(),
        // A file where a directory was expected; a name longer than the system takes.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    );
    is_absent || error.raw_os_error() == Some(LINKS_IN_A_CIRCLE)
}

/// The disk of the machine we run on. A file is replaced by writing a new one beside it, syncing
/// it, renaming it and syncing the directory: a reader and a crash find old or new content, whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

/// Two writers of one process must not share a temporary name.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

impl DiskRead for RealDisk {
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        absent("read", path, fs::read(path))
    }

    fn read_range(&self, path: &Path, offset: u64, bytes: usize) -> Result<Option<Vec<u8>>, Error> {
        absent("read", path, range(path, offset, bytes))
    }

    fn list(&self, path: &Path) -> Result<Option<Vec<DirectoryEntry>>, Error> {
        absent("list", path, entries(path))
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, Error> {
        let found = absent("look at", path, fs::metadata(path))?;
        Ok(found.as_ref().map(metadata))
    }

    fn link_metadata(&self, path: &Path) -> Result<Option<Metadata>, Error> {
        let found = absent("look at", path, fs::symlink_metadata(path))?;
        Ok(found.as_ref().map(metadata))
    }

    fn link_target(&self, path: &Path) -> Result<Option<PathBuf>, Error> {
        match fs::read_link(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            result => absent("read the link", path, result),
        }
    }

    fn resolve(&self, path: &Path) -> Result<Option<PathBuf>, Error> {
        absent("resolve", path, fs::canonicalize(path))
    }
}

impl Disk for RealDisk {
    fn write(&self, path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
        replace(path, |temporary| {
            write_new(temporary, content, mode)?.sync_all()?;
            fs::rename(temporary, path)?;
            sync_directory_of(path)
        })
    }

    fn write_lazily(
        &self,
        path: &Path,
        content: &[u8],
        mode: u32,
    ) -> Result<Option<Metadata>, Error> {
        let written = match create_new(path, mode) {
            Ok(file) => fill(&file, content, mode).inspect_err(|_| {
                // What is not whole goes again.
                let _ = fs::remove_file(path);
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                replace(path, |temporary| {
                    let file = create_new(temporary, mode)?;
                    fill(&file, content, mode)?;
                    fs::rename(temporary, path)
                })?;
                return self.metadata(path);
            }
            Err(error) => Err(error),
        };
        let found = written.map_err(|error| Error::from_io("write", path, error))?;
        Ok(Some(metadata(&found)))
    }

    fn make_directory(&self, path: &Path, mode: u32) -> Result<(), Error> {
        if path.is_dir() {
            return Ok(());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(path)
            .and_then(|()| sync_directory_of(path))
            .map_err(|error| Error::from_io("make the directory", path, error))
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Result<(), Error> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| Error::from_io("set the permissions of", path, error))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        fs::rename(from, to)
            .and_then(|()| sync_directory_of(from))
            .and_then(|()| sync_directory_of(to))
            .map_err(|error| Error::from_io("rename", from, error))
    }

    fn remove(&self, path: &Path) -> Result<bool, Error> {
        let removed = absent("remove", path, fs::remove_file(path))?.is_some();
        if removed {
            sync_directory_of(path).map_err(|error| Error::from_io("remove", path, error))?;
        }
        Ok(removed)
    }

    fn remove_lazily(&self, path: &Path) -> Result<bool, Error> {
        Ok(absent("remove", path, fs::remove_file(path))?.is_some())
    }

    fn make_link(&self, path: &Path, target: &Path) -> Result<(), Error> {
        std::os::unix::fs::symlink(target, path)
            .and_then(|()| sync_directory_of(path))
            .map_err(|error| Error::from_io("make the link", path, error))
    }

    fn remove_tree(&self, path: &Path) -> Result<bool, Error> {
        let Some(found) = self.link_metadata(path)? else {
            return Ok(false);
        };
        if found.kind != Kind::Directory {
            return self.remove(path);
        }
        fs::remove_dir_all(path)
            .and_then(|()| sync_directory_of(path))
            .map_err(|error| Error::from_io("remove", path, error))?;
        Ok(true)
    }

    fn set_owner(&self, path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<(), Error> {
        std::os::unix::fs::chown(path, uid, gid)
            .map_err(|error| Error::from_io("set the owner of", path, error))
    }

    fn set_times(&self, path: &Path, secs: u64) -> Result<(), Error> {
        let moment = UNIX_EPOCH + Duration::from_secs(secs);
        let times = FileTimes::new().set_accessed(moment).set_modified(moment);
        File::open(path)
            .and_then(|file| file.set_times(times))
            .map_err(|error| Error::from_io("set the times of", path, error))
    }

    fn write_range(&self, path: &Path, offset: u64, content: &[u8]) -> Result<(), Error> {
        write_at(path, offset, content).map_err(|error| Error::from_io("write", path, error))
    }

    fn check_writable(&self, directory: &Path) -> Result<(), Error> {
        let temporary = temporary_beside(&directory.join("writable"));
        let tried = write_new(&temporary, b"", 0o600).and_then(|_| fs::remove_file(&temporary));
        tried.map_err(|error| Error::from_io("write into", directory, error))
    }
}

fn range(path: &Path, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let rest = usize::try_from(total.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut content = Vec::with_capacity(bytes.min(rest));
    if rest == 0 {
        // Some file systems refuse to seek as far as a peer may ask.
        return Ok(content);
    }
    if offset > 0 {
        file.seek(SeekFrom::Start(offset))?;
    }
    file.take(bytes as u64).read_to_end(&mut content)?;
    Ok(content)
}

fn entries(path: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            let kind = kind(entry.file_type()?);
            found.push(DirectoryEntry { name, kind });
        }
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

fn kind(file_type: fs::FileType) -> Kind {
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}

fn metadata(found: &fs::Metadata) -> Metadata {
    Metadata {
        kind: kind(found.file_type()),
        mode: found.mode(),
        inode: found.ino(),
        device: found.dev(),
        links: found.nlink(),
        uid: found.uid(),
        gid: found.gid(),
        bytes: found.size(),
        accessed_secs: found.atime(),
        modified_secs: found.mtime(),
        modified_nanos: found.mtime_nsec(),
        changed_secs: found.ctime(),
        changed_nanos: found.ctime_nsec(),
    }
}

/// Names a file in the same directory; the leading dot keeps it out of every list of keys or files.
fn temporary_beside(path: &Path) -> PathBuf {
    let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name may have 255 bytes; a long one is cut, at a character.
    let short: String = name.chars().take(40).collect();
    path.with_file_name(format!(".{short}.{}-{number}.new", std::process::id()))
}

/// Replaces a file by way of a temporary one, which goes if that fails.
fn replace(path: &Path, by: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
    let temporary = temporary_beside(path);
    by(&temporary).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        Error::from_io("write", path, error)
    })
}

/// Bytes that are given to the medium at once: whoever syncs a few bytes of another file meanwhile
/// waits for these.
const SYNCED_BYTES: usize = 1024 * 1024;

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<File> {
    let file = create_new(path, mode)?;
    let mut rest = content;
    while let Some((piece, behind)) = rest.split_at_checked(SYNCED_BYTES) {
        (&file).write_all(piece)?;
        file.sync_data()?;
        rest = behind;
    }
    fill(&file, rest, mode)?;
    Ok(file)
}

fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Writes the content of a new file, and gives back what bits the umask took away.
fn fill(mut file: &File, content: &[u8], mode: u32) -> io::Result<fs::Metadata> {
    file.write_all(content)?;
    let made = file.metadata()?;
    if made.mode() & 0o7777 == mode {
        return Ok(made);
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.metadata()
}

fn write_at(path: &Path, offset: u64, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(content)?;
    file.set_len(offset.saturating_add(content.len() as u64))?;
    file.sync_all()
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
