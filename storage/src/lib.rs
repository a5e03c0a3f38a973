//! The durable log, its snapshots and its blobs: one contract, several back-ends.
//!
//! This crate does not know what a job or a key is; a record is bytes with a time. The contract
//! every back-end keeps (`conformance.rs` checks it):
//!
//! 1. Records are numbered from 1, each one more than the last, without a gap, for ever; a trim
//!    does not start the count again.
//! 2. [`Log::append`] is all or nothing. When it gives a cursor, the whole batch survives the loss
//!    of the process and of the power.
//! 3. When it gives an error, no reader ever saw a record of the batch, and the log goes on where
//!    it was. Only a crash during the append may leave the batch behind, whole: nobody was told, so
//!    nobody is lied to.
//! 4. There is one writer. Opening a store a second time is an error that names the process.
//! 5. Readers see whole batches, in order, and never hold up the writer.
//! 6. [`LogReader::read`] gives records `after` a cursor. It may give fewer than `limit` (large
//!    records), but nothing only when there is nothing. A record that is damaged or missing is an
//!    error that names it; it is never skipped.
//! 7. [`Log::trim`] forgets records up to a cursor, at most all. Reading from before it is
//!    [`Error::Trimmed`].
//! 8. A snapshot ([`Tables`]) and a blob ([`Blobs`]) are durable when the call returns, and are
//!    found whole or not at all. A damaged one is an error.
//! 9. A full disk is [`Error::Full`]; the store is usable again as soon as there is room.
//! 10. A large part ([`LargeParts`]) is durable when the call returns, is found inside of the
//!     records that it was appended with, and goes with the last of them. One that no record has
//!     goes by itself.
//! 11. [`Log::probe`] costs one small write, and changes nothing that anybody reads.

use std::sync::Arc;

use model::{Cursor, Timestamp};

mod blob_id;
#[cfg(test)]
mod conformance;
pub mod disk;
pub mod embedded;
mod error;
mod large;
pub mod memory;

pub use blob_id::{BlobId, InvalidBlobId};
pub use error::Error;
pub use large::{Inset, LargePart, LargeParts, Sum};

/// One record: when it was taken, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the record was made, by the clock of who made it.
    pub at: Timestamp,
    /// What it says; nobody here looks inside.
    pub body: Vec<u8>,
    /// Parts of what it says that are on the disk already, by their places. One that is read has
    /// none: they are in its body.
    pub insets: Vec<Inset>,
}

/// The largest record, in bytes, its large parts included. A larger thing belongs into a blob;
/// SQLite itself ends at 1 GB.
pub const RECORD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One `read` ends after this many bytes of bodies: ten thousand records of 1 MB must not be held
/// at once.
pub const READ_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The log as its one writer sees it.
pub trait Log: Send {
    /// Appends a batch, all or nothing, and gives the cursor of its last record; durable when it
    /// returns. An empty batch changes nothing and gives the head.
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error>;

    /// Gives the last durable record; `Cursor(0)` if there never was one.
    fn head(&self) -> Cursor;

    /// Forgets the records up to and including `up_to` (at most all) and gives their space back.
    fn trim(&mut self, up_to: Cursor) -> Result<(), Error>;

    /// Writes something that says nothing, as durably as a batch: whether the log takes batches
    /// again after one that failed.
    fn probe(&mut self) -> Result<(), Error>;

    /// Leaves the log in as few bytes as it takes, for a writer that ends. Nothing depends on it:
    /// all is durable before and after.
    fn settle(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The log as its many readers see it. Cheap to share; never waits for the writer.
pub trait LogReader: Send + Sync {
    /// Gives up to `limit` records that follow `after`, in order; fewer if they are large
    /// ([`READ_BYTES_MAX`]), none only if there is none.
    fn read(&self, after: Cursor, limit: usize) -> Result<Vec<(Cursor, Entry)>, Error>;

    /// Gives the last durable record.
    fn head(&self) -> Cursor;

    /// Gives the last forgotten record: the smallest cursor that one can read after.
    fn tail(&self) -> Cursor;
}

/// Snapshots of views, one for each name: a start reads them and the log's end instead of the whole
/// log.
pub trait Tables: Send {
    /// Replaces the snapshot `name`, which says what the records up to `at` add up to.
    /// A name is made of `a-z`, `0-9`, `_`, `-` and is 1 to 64 characters long.
    fn save(&mut self, name: &str, at: Cursor, snapshot: &[u8]) -> Result<(), Error>;

    /// Gives the snapshot `name`, if there is one.
    fn load(&self, name: &str) -> Result<Option<(Cursor, Vec<u8>)>, Error>;
}

/// Large things, found by the hash of their content.
pub trait Blobs: Send + Sync {
    /// Stores bytes; the same bytes twice are stored once.
    fn put(&self, bytes: &[u8]) -> Result<BlobId, Error>;

    /// Gives the bytes, checked against the hash; `None` if they are not there.
    fn get(&self, id: &BlobId) -> Result<Option<Vec<u8>>, Error>;

    /// Removes the bytes; says whether they were there.
    fn remove(&self, id: &BlobId) -> Result<bool, Error>;

    /// Gives all ids, in order: so that a start finds what nobody refers to.
    fn list(&self) -> Result<Vec<BlobId>, Error>;
}

/// Everything one opened store offers.
pub struct Store {
    /// The writer.
    pub log: Box<dyn Log>,
    /// The readers' side of the same log.
    pub reader: Arc<dyn LogReader>,
    /// The snapshots.
    pub tables: Box<dyn Tables>,
    /// The large things.
    pub blobs: Arc<dyn Blobs>,
    /// The large parts of records to come.
    pub large: Arc<dyn LargeParts>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("head", &self.log.head())
            .field("tail", &self.reader.tail())
            .finish_non_exhaustive()
    }
}

/// Says whether `name` may name a snapshot: it becomes a file name in some back-ends.
fn check_table_name(name: &str) -> Result<(), Error> {
    let is_valid = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if is_valid {
        Ok(())
    } else {
        Err(Error::TableName(name.to_owned()))
    }
}

/// Refuses a batch with a record that no back-end takes.
fn check_batch(batch: &[Entry]) -> Result<(), Error> {
    match batch.iter().find(|entry| entry.bytes() > RECORD_BYTES_MAX) {
        None => Ok(()),
        Some(entry) => Err(Error::TooLarge {
            bytes: entry.bytes(),
            bytes_max: RECORD_BYTES_MAX,
        }),
    }
}
