//! What can go wrong with a store or a file, by what one can do about it.

use std::io;
use std::path::{Path, PathBuf};

use model::Cursor;

/// Why a store or a file did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The records asked for were forgotten.
    #[error("the log was trimmed up to record {tail}: it cannot be read after record {after}")]
    Trimmed {
        /// Where the reader wanted to begin.
        after: Cursor,
        /// The last forgotten record.
        tail: Cursor,
    },
    /// A record cannot be trusted.
    #[error(
        "record {cursor} of {} is damaged: {cause}; keep a copy of the store and restore a backup",
        path.display()
    )]
    Damaged {
        /// Which record.
        cursor: Cursor,
        /// Where it is kept.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// A file of the store cannot be trusted.
    #[error("{} is damaged: {cause}", path.display())]
    DamagedFile {
        /// Which file.
        path: PathBuf,
        /// What does not fit, and what to do.
        cause: String,
    },
    /// There is no room.
    #[error(
        "no space left for {}: nothing was written; free space on that disk or quota and retry",
        path.display()
    )]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// Another process (or another part of this one) has the store open.
    #[error(
        "the store in {} is in use by process {pid}: stop that one first, or use another directory",
        path.display()
    )]
    Locked {
        /// The store's directory.
        path: PathBuf,
        /// Who holds it, as far as that is known.
        pid: String,
    },
    /// The store was written by a newer release.
    #[error(
        "the store in {} has schema {found}, this one knows up to {known}: use the newer release",
        path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version known here.
        known: i64,
    },
    /// One record is larger than any back-end takes.
    #[error("a record of {bytes} bytes is too large (at most {bytes_max}): keep it as a blob")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A snapshot cannot have this name.
    #[error("'{0}' cannot name a snapshot: 1 to 64 of a-z, 0-9, _ and -")]
    TableName(String),
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Database {
        /// What was tried: a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl Error {
    /// Makes the error for a failed system call; no room is [`Error::Full`].
    pub fn from_io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Says whether the same call may succeed later, once there is room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Gives the kind of system error, if it is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }
}
