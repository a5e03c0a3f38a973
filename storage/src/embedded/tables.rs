//! Snapshots as files: `BRS1`, the cursor (8 bytes, little end first), a CRC-32 (4 bytes), the
//! bytes.
//!
//! Replaced whole. A snapshot is never the truth: a damaged one can be deleted as long as the log
//! was not trimmed.

use std::path::PathBuf;
use std::sync::Arc;

use model::Cursor;

use super::FILE_MODE;
use super::lock::Lock;
use crate::disk::Disk;
use crate::{Error, Tables, check_table_name};

const MAGIC: &[u8; 4] = b"BRS1";
const HEADER_BYTES: usize = 16;

/// The snapshots of one store.
pub(super) struct FileTables {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    _lock: Arc<Lock>,
}

impl FileTables {
    pub(super) fn new(directory: PathBuf, disk: Arc<dyn Disk>, lock: Arc<Lock>) -> Self {
        Self {
            directory,
            disk,
            _lock: lock,
        }
    }
}

impl Tables for FileTables {
    fn save(&mut self, name: &str, at: Cursor, snapshot: &[u8]) -> Result<(), Error> {
        check_table_name(name)?;
        let mut content = Vec::with_capacity(HEADER_BYTES.saturating_add(snapshot.len()));
        content.extend_from_slice(MAGIC);
        content.extend_from_slice(&at.0.to_le_bytes());
        content.extend_from_slice(&checksum(at, snapshot).to_le_bytes());
        content.extend_from_slice(snapshot);
        self.disk
            .write(&self.directory.join(name), &content, FILE_MODE)
    }

    fn load(&self, name: &str) -> Result<Option<(Cursor, Vec<u8>)>, Error> {
        check_table_name(name)?;
        let path = self.directory.join(name);
        let Some(content) = self.disk.read(&path)? else {
            return Ok(None);
        };
        match decode(&content) {
            Some((at, snapshot)) => Ok(Some((at, snapshot.to_vec()))),
            None => Err(Error::DamagedFile {
                path,
                cause: "its checksum does not match; if the log was never trimmed, \
                    delete the file and it is rebuilt"
                    .to_owned(),
            }),
        }
    }
}

fn decode(content: &[u8]) -> Option<(Cursor, &[u8])> {
    let rest = content.strip_prefix(MAGIC)?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (crc, snapshot) = rest.split_first_chunk::<4>()?;
    let at = Cursor(u64::from_le_bytes(*at));
    (checksum(at, snapshot) == u32::from_le_bytes(*crc)).then_some((at, snapshot))
}

fn checksum(at: Cursor, snapshot: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&at.0.to_le_bytes());
    crc.update(snapshot);
    crc.finalize()
}
