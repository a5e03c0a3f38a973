//! One master's store: a directory with an SQLite database for the log, and files for the rest.
//!
//! ```text
//! DIR/lock           held (flock) while the store is open; its text is the holder's process id
//! DIR/log.sqlite     the log; WAL mode, synchronous=FULL: a commit is on disk before it returns
//! DIR/tables/NAME    one snapshot: magic, cursor, checksum, bytes
//! DIR/blobs/ab/...   one blob, named by its SHA-256
//! DIR/large/17       a large part of one record, named by a number that the database knows
//! ```
//!
//! Snapshots, blobs and large parts are files because they are large: in the database they would
//! hold up the one writer and blow up its WAL. Nothing here knows what a record means.

use std::path::Path;
use std::sync::Arc;

use crate::disk::{Disk, RealDisk};
use crate::{Error, Store};

mod blobs;
mod database;
mod lock;
mod log;
mod parts;
mod reader;
mod tables;

/// Only the owner may read a store: it holds what minions returned.
const DIRECTORY_MODE: u32 = 0o700;
/// As [`DIRECTORY_MODE`], for files.
const FILE_MODE: u32 = 0o600;

/// Opens the store in `dir`, made if need be. Fails if another process has it open, if a newer
/// release wrote it, or if its last record is damaged.
pub fn open(dir: &Path) -> Result<Store, Error> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    disk.make_directory(dir, DIRECTORY_MODE)?;
    for below in ["tables", "blobs", "large"] {
        disk.make_directory(&dir.join(below), DIRECTORY_MODE)?;
    }
    let lock = Arc::new(lock::Lock::take(dir)?);
    let database = dir.join("log.sqlite");
    let large = parts::FileParts::new(dir.join("large"), Arc::clone(&disk), Arc::clone(&lock));
    let large = Arc::new(large);
    let log = log::EmbeddedLog::open(&database, Arc::clone(&large), Arc::clone(&lock))?;
    let reader = reader::EmbeddedReader::new(database, Arc::clone(&large), log.bounds());
    Ok(Store {
        log: Box::new(log),
        reader: Arc::new(reader),
        tables: Box::new(tables::FileTables::new(
            dir.join("tables"),
            Arc::clone(&disk),
            Arc::clone(&lock),
        )),
        blobs: Arc::new(blobs::FileBlobs::new(dir.join("blobs"), disk, lock)),
        large,
    })
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests damage files on purpose"
)]
mod tests;
