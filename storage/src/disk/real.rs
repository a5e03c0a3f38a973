//! The disk of the machine we run on.
//!
//! For everybody who was handed a `Disk`. A file is replaced by writing a new one beside it,
//! syncing it, renaming it and syncing the directory, so that a reader and a crash find the old or
//! the new content, never a part.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the home of file access; everybody else goes through the traits"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{DirectoryEntry, Disk, DiskRead, Kind, Metadata, absent};
use crate::Error;

/// The disk of the machine we run on.
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
        let temporary = temporary_beside(path);
        let written = write_new(&temporary, content, mode)
            .and_then(|()| fs::rename(&temporary, path))
            .and_then(|()| sync_directory_of(path));
        written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Error::from_io("write", path, error)
        })
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

    fn write_range(&self, path: &Path, offset: u64, content: &[u8]) -> Result<(), Error> {
        write_at(path, offset, content).map_err(|error| Error::from_io("write", path, error))
    }

    fn check_writable(&self, directory: &Path) -> Result<(), Error> {
        let temporary = temporary_beside(&directory.join("writable"));
        let tried = write_new(&temporary, b"", 0o600).and_then(|()| fs::remove_file(&temporary));
        tried.map_err(|error| Error::from_io("write into", directory, error))
    }
}

fn range(path: &Path, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    let rest = usize::try_from(total.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut content = Vec::with_capacity(bytes.min(rest));
    file.seek(SeekFrom::Start(offset))?;
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

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The umask may have taken bits away.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
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
