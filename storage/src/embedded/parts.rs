//! Large parts as files, named by a number: `large/17`. The table `large` says which record has
//! which part where.
//!
//! A part that no record has is one of a process that ended too early; it goes at the next opening.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;

use super::FILE_MODE;
use super::lock::Lock;
use crate::disk::Disk;
use crate::large::Place;
use crate::{Error, LargePart, LargeParts};

/// The large parts of one store.
pub(super) struct FileParts {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    next: AtomicI64,
    _lock: Arc<Lock>,
}

/// Why a record with large parts cannot be put together.
pub(super) enum Broken {
    /// The database does not say which, or where.
    Database(rusqlite::Error),
    /// A file cannot be read.
    File(Error),
    /// A part is not there, or has no place in this record.
    Missing(i64),
}

impl FileParts {
    pub(super) fn new(directory: PathBuf, disk: Arc<dyn Disk>, lock: Arc<Lock>) -> Self {
        Self {
            directory,
            disk,
            next: AtomicI64::new(1),
            _lock: lock,
        }
    }

    /// Removes what no record has, and goes on counting behind the rest.
    pub(super) fn sweep(&self, kept: &HashSet<i64>) -> Result<(), Error> {
        for file in self.disk.list(&self.directory)?.unwrap_or_default() {
            let number = file.name.parse::<i64>().ok();
            if number.is_none_or(|number| !kept.contains(&number)) {
                self.disk.remove_lazily(&self.directory.join(&file.name))?;
            }
        }
        let last = kept.iter().max().copied().unwrap_or(0);
        self.next.store(last.saturating_add(1), Ordering::Relaxed);
        Ok(())
    }

    /// Removes parts whose records are gone.
    pub(super) fn remove(&self, numbers: &[i64]) {
        for number in numbers {
            // What cannot be removed now is at the next opening.
            let _ = self.disk.remove_lazily(&self.path(*number));
        }
    }

    /// Puts a record together of its body in the log and its parts.
    pub(super) fn whole(
        &self,
        connection: &Connection,
        cursor: i64,
        body: &[u8],
    ) -> Result<Vec<u8>, Broken> {
        let sql = "SELECT place, number FROM large WHERE cursor = ?1 ORDER BY place, rowid";
        let mut select = connection.prepare_cached(sql).map_err(Broken::Database)?;
        let found = select.query_map([cursor], |row| Ok((row.get(0)?, row.get(1)?)));
        let insets: Result<Vec<(i64, i64)>, _> = found.and_then(Iterator::collect);
        let mut whole = Vec::new();
        let mut rest = body;
        let mut before = 0;
        for (place, number) in insets.map_err(Broken::Database)? {
            let bytes = place.checked_sub(before);
            let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
            let here = bytes.and_then(|bytes| rest.split_at_checked(bytes));
            let (here, behind) = here.ok_or(Broken::Missing(number))?;
            let part = self.disk.read(&self.path(number)).map_err(Broken::File)?;
            let part = part.ok_or(Broken::Missing(number))?;
            whole.reserve(here.len() + part.len());
            whole.extend_from_slice(here);
            whole.extend_from_slice(&part);
            (rest, before) = (behind, place);
        }
        whole.extend_from_slice(rest);
        Ok(whole)
    }

    fn path(&self, number: i64) -> PathBuf {
        self.directory.join(number.to_string())
    }
}

impl LargeParts for FileParts {
    fn put(&self, bytes: &[u8]) -> Result<LargePart, Error> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path(number);
        self.disk.write(&path, bytes, FILE_MODE)?;
        let disk = Arc::clone(&self.disk);
        let place = Place::File { number, path, disk };
        Ok(LargePart::new(place, bytes))
    }
}
