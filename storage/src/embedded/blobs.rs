//! Blobs as files, named by their hash: `ab/cdef...`, two digits of it a directory.
//!
//! The name is the checksum. A blob never changes, so that readers need no lock.

use std::path::PathBuf;
use std::sync::Arc;

use super::lock::Lock;
use super::{DIRECTORY_MODE, FILE_MODE};
use crate::disk::Disk;
use crate::{BlobId, Blobs, Error};

/// The blobs of one store.
pub(super) struct FileBlobs {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    _lock: Arc<Lock>,
}

impl FileBlobs {
    pub(super) fn new(directory: PathBuf, disk: Arc<dyn Disk>, lock: Arc<Lock>) -> Self {
        Self {
            directory,
            disk,
            _lock: lock,
        }
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        let name = id.to_string();
        let (directory, rest) = name.split_at(2);
        self.directory.join(directory).join(rest)
    }
}

impl Blobs for FileBlobs {
    fn put(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        let id = BlobId::of(bytes);
        let path = self.path(&id);
        // Size is enough: a file gets its name only when it is whole and synced.
        let existing = self.disk.metadata(&path)?;
        if existing.is_some_and(|found| found.bytes == bytes.len() as u64) {
            return Ok(id);
        }
        if let Some(directory) = path.parent() {
            self.disk.make_directory(directory, DIRECTORY_MODE)?;
        }
        self.disk.write(&path, bytes, FILE_MODE)?;
        Ok(id)
    }

    fn get(&self, id: &BlobId) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(id);
        match self.disk.read(&path)? {
            Some(bytes) if BlobId::of(&bytes) != *id => Err(Error::DamagedFile {
                path,
                cause: "its content does not have the hash it is named after; restore a backup"
                    .to_owned(),
            }),
            found => Ok(found),
        }
    }

    fn remove(&self, id: &BlobId) -> Result<bool, Error> {
        self.disk.remove(&self.path(id))
    }

    fn list(&self) -> Result<Vec<BlobId>, Error> {
        let mut found = Vec::new();
        for directory in self.disk.list(&self.directory)?.unwrap_or_default() {
            let inside = self.disk.list(&self.directory.join(&directory.name))?;
            // What has no blob's name is a file that was never finished.
            found.extend(inside.unwrap_or_default().iter().filter_map(|file| {
                format!("{}{}", directory.name, file.name)
                    .parse::<BlobId>()
                    .ok()
            }));
        }
        Ok(found)
    }
}
