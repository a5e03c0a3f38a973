//! The SQLite database: how it is opened, what is in it, what its errors mean.
//!
//! For the writer and the readers of `embedded`. The schema is versioned; a newer one is refused,
//! not guessed at.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::large::Stretch;
use crate::{Entry, Error};

/// The schema this release writes. Version 1: `log`, `bounds`. Version 2: `large` as well, which a
/// store of version 1 gets when it is opened for writing.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// Marks the file as ours ("BRIN"), so that another program's database is not taken for a store.
const APPLICATION_ID: i64 = 0x4252_494e;

/// Readers and the writer never wait for each other in WAL mode; what can wait is a recovery at the
/// first open.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A WAL grown by one large batch is cut back to this many bytes at the next checkpoint.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

const SCHEMA: &str = "
    CREATE TABLE log (
        cursor INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE bounds (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) STRICT;
    INSERT INTO bounds VALUES ('trimmed', 0);
";

/// Which part of which record is the file of which number. The checksum of such a record stands in
/// its row below zero ([`marked`]), so that others are read without a look into this table.
const SCHEMA_OF_LARGE: &str = "
    CREATE TABLE large (
        cursor INTEGER NOT NULL,
        place INTEGER NOT NULL,
        number INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX large_cursor ON large (cursor);
";

/// Opens the database for its writer; makes the schema in a new one.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepare_writer(path, flags).map_err(|source| error("open", path, source))?
}

fn prepare_writer(
    path: &Path,
    flags: OpenFlags,
) -> Result<Result<Connection, Error>, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = number("user_version")?;
    if found > SCHEMA_VERSION {
        let path = path.to_owned();
        let known = SCHEMA_VERSION;
        return Ok(Err(Error::NewerSchema { path, found, known }));
    }
    let is_empty = number("schema_version")? == 0;
    if !is_empty && number("application_id")? != APPLICATION_ID {
        return Ok(Err(Error::DamagedFile {
            path: path.to_owned(),
            cause: "it is a database of another program; move it away".to_owned(),
        }));
    }
    if is_empty {
        // Only before the first table: lets a trim give pages back to the file system.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    if found < SCHEMA_VERSION {
        let transaction = connection.unchecked_transaction()?;
        if is_empty {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        transaction.execute_batch(SCHEMA_OF_LARGE)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    }
    Ok(Ok(connection))
}

/// Opens the database for one of its readers.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        Ok(connection)
    };
    open().map_err(|source| error("open", path, source))
}

/// Gives a record's checksum. Its number and time are part of it: a body under a wrong number is
/// damage too.
pub(super) fn checksum(cursor: i64, entry: &Entry) -> i64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&cursor.to_le_bytes());
    crc.update(&entry.at.0.to_le_bytes());
    for stretch in entry.stretches() {
        match stretch {
            Stretch::Here(bytes) => crc.update(bytes),
            Stretch::Large(part) => crc.combine(&part.crc),
        }
    }
    i64::from(crc.finalize())
}

/// Gives a checksum as it stands in the row of a record with large parts, and back: below zero.
pub(super) fn marked(crc: i64) -> i64 {
    -1 - crc
}

/// Says what SQLite's error means to our caller.
pub(super) fn error(action: &'static str, path: &Path, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    let Some(code) = source.sqlite_error() else {
        return Error::Database {
            action,
            path,
            source,
        };
    };
    // The index of the WAL is a file of its own; SQLite reports a full disk there as an I/O error.
    let is_full =
        code.code == ErrorCode::DiskFull || code.extended_code == ffi::SQLITE_IOERR_SHMSIZE;
    match code.code {
        _ if is_full => Error::Full { path },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::DamagedFile {
            path,
            cause: format!("{source}; keep a copy of the store and restore a backup"),
        },
        _ => Error::Database {
            action,
            path,
            source,
        },
    }
}
