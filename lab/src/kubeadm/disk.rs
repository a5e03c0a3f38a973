//! The stand-in's files: each is replaced whole and synced, so a power cut leaves old or new.

#![expect(
    clippy::disallowed_methods,
    reason = "a node's program, not the master: it has files"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::Error;

/// Who may read a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Readers {
    /// Root alone: keys, tokens, kubeconfigs.
    Owner,
    /// Anyone.
    All,
}

/// Gives the place of `path` (absolute, as on a real node) under `root`.
pub(super) fn under(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Reads a file as text.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::file(path, source))
}

/// Reads a file as text, or gives none if there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path, error)),
    }
}

/// Replaces a file; it is on the disk when this returns. Missing folders are made.
pub(super) fn replace(path: &Path, content: &[u8], readers: Readers) -> Result<(), Error> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let fresh = path.with_extension(format!("new{}", std::process::id()));
    let written = (|| {
        fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|source| Error::file(path, source))
}

/// Removes a file or a folder with all it holds; none is fine.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(path, error)),
        _ => Ok(()),
    }
}

/// Opens a file to append to, for a log.
pub(super) fn append(path: &Path) -> Result<File, Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)
        .and_then(|()| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)
        })
        .map_err(|source| Error::file(path, source))
}

/// Takes the lock of a folder's files; it is given back when the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let file = append(path)?;
    file.lock().map_err(|source| Error::file(path, source))?;
    Ok(file)
}

/// Gives the host's name, in the lower case that a node's name needs.
pub(super) fn host_name() -> Result<String, Error> {
    Ok(read(Path::new("/proc/sys/kernel/hostname"))?
        .trim()
        .to_lowercase())
}
