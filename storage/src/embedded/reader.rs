//! Reading the log, by many at once.
//!
//! Each read borrows a read-only connection from a small pool; in WAL mode it neither waits for the
//! writer nor holds it up. Numbers and checksums are verified: what is damaged or missing is named,
//! never skipped.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Cursor, Timestamp};
use rusqlite::Connection;

use super::database;
use super::log::Bounds;
use super::parts::{Broken, FileParts};
use crate::{Entry, Error, LogReader, READ_BYTES_MAX};

/// Connections kept for the next read: each costs about 50 kB; more readers than this open their
/// own and close it.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// The log's readers' side.
pub(super) struct EmbeddedReader {
    path: PathBuf,
    large: Arc<FileParts>,
    bounds: Arc<Bounds>,
    idle: Mutex<Vec<Connection>>,
}

impl EmbeddedReader {
    pub(super) fn new(path: PathBuf, large: Arc<FileParts>, bounds: Arc<Bounds>) -> Self {
        Self {
            path,
            large,
            bounds,
            idle: Mutex::default(),
        }
    }

    fn borrow(&self) -> Result<Connection, Error> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(connection) => Ok(connection),
            None => database::open_for_reading(&self.path),
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(connection);
        }
    }

    fn check_not_trimmed(&self, after: Cursor) -> Result<(), Error> {
        let tail = self.bounds.tail();
        if after < tail {
            return Err(Error::Trimmed { after, tail });
        }
        Ok(())
    }
}

/// A connection that the database is read with, and what belongs to it.
pub(super) struct Reading<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
    pub(super) large: &'a FileParts,
}

impl Reading<'_> {
    fn damaged(&self, cursor: i64, cause: &str) -> Error {
        Error::Damaged {
            cursor: Cursor(cursor.cast_unsigned()),
            path: self.path.to_owned(),
            cause: cause.to_owned(),
        }
    }

    /// Reads records `first..=last`, fewer if they are large.
    fn range(&self, first: i64, last: i64) -> Result<Vec<(Cursor, Entry)>, Error> {
        let failed = |source| database::error("read", self.path, source);
        let sql = "SELECT cursor, at, crc, body FROM log
            WHERE cursor BETWEEN ?1 AND ?2 ORDER BY cursor";
        let mut select = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = select.query([first, last]).map_err(failed)?;
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        for expected in first..=last {
            let row = rows.next().map_err(failed)?;
            let row = row.ok_or_else(|| self.damaged(expected, "it is missing"))?;
            let columns = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let columns: Result<(i64, _, _, _), rusqlite::Error> = columns();
            let (cursor, at, crc, body) =
                columns.map_err(|source| self.damaged(expected, &source.to_string()))?;
            if cursor != expected {
                return Err(self.damaged(expected, "it is missing"));
            }
            let entry = self.record(cursor, at, crc, body)?;
            bytes = bytes.saturating_add(entry.body.len());
            if bytes > READ_BYTES_MAX && !found.is_empty() {
                break;
            }
            found.push((Cursor(expected.cast_unsigned()), entry));
        }
        Ok(found)
    }

    /// Puts a record together of the columns of its row, and checks it.
    pub(super) fn record(
        &self,
        cursor: i64,
        at: i64,
        crc: i64,
        body: Vec<u8>,
    ) -> Result<Entry, Error> {
        let at = Timestamp(at.cast_unsigned());
        let (entry, crc) = match crc {
            0.. => (Entry::new(at, body), crc),
            _ => {
                let whole = self.large.whole(self.connection, cursor, &body);
                let body = whole.map_err(|broken| self.broken(cursor, broken))?;
                (Entry::new(at, body), database::marked(crc))
            }
        };
        if crc != database::checksum(cursor, &entry) {
            return Err(self.damaged(cursor, "its checksum does not match"));
        }
        Ok(entry)
    }

    fn broken(&self, cursor: i64, broken: Broken) -> Error {
        match broken {
            Broken::Database(source) => database::error("read", self.path, source),
            Broken::File(error) => error,
            Broken::Missing(number) => self.damaged(
                cursor,
                &format!("its part large/{number} is missing or out of place"),
            ),
        }
    }
}

impl LogReader for EmbeddedReader {
    fn read(&self, after: Cursor, limit: usize) -> Result<Vec<(Cursor, Entry)>, Error> {
        self.check_not_trimmed(after)?;
        let head = self.bounds.head();
        let last = after.0.saturating_add(limit as u64).min(head.0);
        if after >= head || limit == 0 {
            return Ok(Vec::new());
        }
        let connection = self.borrow()?;
        let (first, last) = (after.next().0.cast_signed(), last.cast_signed());
        let reading = Reading {
            connection: &connection,
            path: &self.path,
            large: &self.large,
        };
        let found = reading.range(first, last);
        self.give_back(connection);
        if found.is_err() {
            // A trim may have passed by while we read: then nothing is damaged.
            self.check_not_trimmed(after)?;
        }
        found
    }

    fn head(&self) -> Cursor {
        self.bounds.head()
    }

    fn tail(&self) -> Cursor {
        self.bounds.tail()
    }
}
