//! The one writer of the log.
//!
//! A batch is one transaction. `synchronous=FULL` makes the commit wait for the disk, and only then
//! do the shared bounds move, so that no reader sees a record that could still be lost.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::Cursor;
use rusqlite::{Connection, OptionalExtension, params};

use super::database;
use super::lock::Lock;
use super::parts::FileParts;
use super::reader;
use crate::large::Place;
use crate::{Entry, Error, LargePart, Log, check_batch};

/// A trim deletes this many records in one transaction: about 10 ms, so that no append waits
/// longer.
const TRIM_STEP: i64 = 10_000;

/// What exists, shared between the writer and its readers.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// The last durable record.
    head: AtomicU64,
    /// The last forgotten record.
    tail: AtomicU64,
}

impl Bounds {
    pub(super) fn head(&self) -> Cursor {
        Cursor(self.head.load(Ordering::Acquire))
    }

    pub(super) fn tail(&self) -> Cursor {
        Cursor(self.tail.load(Ordering::Acquire))
    }
}

/// The log's writer.
pub(super) struct EmbeddedLog {
    connection: Connection,
    path: PathBuf,
    bounds: Arc<Bounds>,
    large: Arc<FileParts>,
    /// Parts of appends that failed. If the process dies now, the next opening may find these
    /// appends done; once something was written in their place, it cannot.
    doubtful: Vec<Arc<LargePart>>,
    _lock: Arc<Lock>,
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        for part in &self.doubtful {
            part.keep();
        }
    }
}

impl EmbeddedLog {
    /// Opens the log and finds its end; the last record must be whole. Large parts that no record
    /// has go.
    pub(super) fn open(path: &Path, large: Arc<FileParts>, lock: Arc<Lock>) -> Result<Self, Error> {
        let log = Self {
            connection: database::open_for_writing(path)?,
            path: path.to_owned(),
            large,
            doubtful: Vec::new(),
            bounds: Arc::default(),
            _lock: lock,
        };
        let tail = log.query("SELECT cursor FROM bounds WHERE name = 'trimmed'")?;
        let last = log.query("SELECT max(cursor) FROM log")?;
        let (tail, last) = (tail.unwrap_or(0), last.unwrap_or(0));
        log.large
            .sweep(&log.parts_in_use().map_err(log.failed("read"))?)?;
        log.check_last(last)?;
        // A trim that was cut short left records behind; they are forgotten all the same.
        log.bounds
            .tail
            .store(tail.cast_unsigned(), Ordering::Release);
        log.bounds
            .head
            .store(last.max(tail).cast_unsigned(), Ordering::Release);
        Ok(log)
    }

    /// Gives what the readers share with this writer.
    pub(super) fn bounds(&self) -> Arc<Bounds> {
        Arc::clone(&self.bounds)
    }

    /// Makes the disk as small as this many pages of 4 KiB.
    #[cfg(test)]
    pub(super) fn set_pages_max(&self, pages: i64) {
        let set = self.connection.pragma_update(None, "max_page_count", pages);
        set.expect("SQLite takes any page count");
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> Error + '_ {
        move |source| database::error(action, &self.path, source)
    }

    fn query(&self, sql: &str) -> Result<Option<i64>, Error> {
        self.connection
            .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
            .optional()
            .map(Option::flatten)
            .map_err(self.failed("read"))
    }

    fn check_last(&self, last: i64) -> Result<(), Error> {
        let found = self.connection.query_row(
            "SELECT at, crc, body FROM log WHERE cursor = ?1",
            [last],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        );
        let found = found.optional().map_err(self.failed("read"))?;
        let Some((at, crc, body)) = found else {
            return Ok(());
        };
        let checked = reader::Reading {
            connection: &self.connection,
            path: &self.path,
            large: &self.large,
        };
        checked.record(last, at, crc, body).map(|_| ())
    }

    fn parts_in_use(&self) -> Result<HashSet<i64>, rusqlite::Error> {
        let mut select = self.connection.prepare("SELECT number FROM large")?;
        let found = select.query_map([], |row| row.get(0))?;
        found.collect()
    }

    fn insert(&self, batch: &[Entry], first: i64) -> Result<(), rusqlite::Error> {
        // Dropped without a commit, the transaction is rolled back.
        let transaction = self.connection.unchecked_transaction()?;
        let sql = "INSERT INTO log (cursor, at, crc, body) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = transaction.prepare_cached(sql)?;
        for (cursor, entry) in (first..).zip(batch) {
            let mut crc = database::checksum(cursor, entry);
            if !entry.insets.is_empty() {
                crc = database::marked(crc);
                insert_parts(&transaction, cursor, entry)?;
            }
            insert.execute(params![cursor, entry.at.0.cast_signed(), crc, entry.body])?;
        }
        drop(insert);
        transaction.commit()
    }

    /// Deletes what is at or before `tail`, in steps of one commit each; what they free goes back
    /// to the file system with them. Harmless to repeat, harmless to be cut short.
    fn forget(&self, tail: i64) -> Result<(), rusqlite::Error> {
        let first: Option<i64> =
            self.connection
                .query_row("SELECT min(cursor) FROM log", [], |row| row.get(0))?;
        let mut upto = first.unwrap_or(tail).min(tail);
        loop {
            upto = upto.saturating_add(TRIM_STEP).min(tail);
            let transaction = self.connection.unchecked_transaction()?;
            let sql = "UPDATE bounds SET cursor = ?1 WHERE name = 'trimmed'";
            transaction.execute(sql, [tail])?;
            transaction.execute("DELETE FROM log WHERE cursor <= ?1", [upto])?;
            let parts = forget_parts(&transaction, upto)?;
            free_pages(&transaction)?;
            transaction.commit()?;
            self.large.remove(&parts);
            if upto >= tail {
                return Ok(());
            }
        }
    }
}

/// Says of a record which parts it has.
fn insert_parts(
    connection: &Connection,
    cursor: i64,
    entry: &Entry,
) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO large (cursor, place, number) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql)?;
    for inset in &entry.insets {
        if let Place::File { number, .. } = &inset.part.place {
            let place = i64::try_from(inset.at).unwrap_or(i64::MAX);
            insert.execute([cursor, place, *number])?;
        }
    }
    Ok(())
}

/// Gives the parts that no record has any more: a later one may have the same as one that goes.
fn forget_parts(connection: &Connection, upto: i64) -> Result<Vec<i64>, rusqlite::Error> {
    let sql = "SELECT number FROM large GROUP BY number HAVING max(cursor) <= ?1";
    let mut select = connection.prepare_cached(sql)?;
    let found = select.query_map([upto], |row| row.get(0))?;
    let found = found.collect();
    connection.execute("DELETE FROM large WHERE cursor <= ?1", [upto])?;
    found
}

fn free_pages(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

impl Log for EmbeddedLog {
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error> {
        check_batch(batch)?;
        let head = self.bounds.head().0;
        if batch.is_empty() {
            return Ok(Cursor(head));
        }
        let first = head.cast_signed().saturating_add(1);
        let parts = || batch.iter().flat_map(|entry| &entry.insets);
        let parts = || parts().map(|inset| &inset.part);
        if let Err(error) = self.insert(batch, first) {
            self.doubtful.extend(parts().cloned());
            return Err(self.failed("append to")(error));
        }
        parts().for_each(|part| part.keep());
        self.doubtful.clear();
        let head = head.saturating_add(batch.len() as u64);
        self.bounds.head.store(head, Ordering::Release);
        Ok(Cursor(head))
    }

    fn head(&self) -> Cursor {
        self.bounds.head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        let tail = up_to.min(self.bounds.head()).max(self.bounds.tail());
        // First: a reader that finds them gone is told that they were forgotten, not that the log
        // is damaged.
        self.bounds.tail.store(tail.0, Ordering::Release);
        self.forget(tail.0.cast_signed())
            .map_err(self.failed("trim"))
    }

    /// Counts the probes in a row of their own: SQLite writes nothing where nothing changes.
    fn probe(&mut self) -> Result<(), Error> {
        let sql = "INSERT INTO bounds VALUES ('probed', 0) \
                   ON CONFLICT (name) DO UPDATE SET cursor = (cursor + 1) % 1000000";
        let written = self.connection.execute(sql, []);
        written.map_err(self.failed("write to"))?;
        self.doubtful.clear();
        Ok(())
    }

    /// Brings what stands in the WAL into the database, so that the next start finds one file.
    fn settle(&mut self) -> Result<(), Error> {
        // The row says whether a reader was in the way; then the WAL stays, and is read as always.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(self.failed("settle"))
    }
}
