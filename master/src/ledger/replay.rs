//! Builds the views from the log.

use model::{Cursor, MinionId, Timestamp};
use storage::LogReader;

use super::{Record, Views};
use crate::minions;

/// Records that are read at once: a few MB of memory.
const READ_RECORDS: usize = 1024;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store says no.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// A record is whole, but of a kind that this release does not know.
    #[error(
        "record {cursor} is not understood ({source}); was it written by a newer release of Brine?"
    )]
    Record {
        /// Where it stands.
        cursor: Cursor,
        /// What msgpack says.
        source: rmp_serde::decode::Error,
    },
}

/// Reads the whole log and gives the views it adds up to.
pub fn replay(reader: &dyn LogReader) -> Result<Views, ReplayError> {
    let mut views = Views {
        head: reader.tail(),
        ..Views::default()
    };
    loop {
        let entries = reader.read(views.head, READ_RECORDS)?;
        if entries.is_empty() {
            return Ok(views);
        }
        for (cursor, entry) in entries {
            let record = Record::decode(&entry.body)
                .map_err(|source| ReplayError::Record { cursor, source })?;
            views.apply(cursor, entry.at, &record);
        }
    }
}

/// Finds the starts of minions that a record tells for the first time.
pub(super) fn starts_in(
    views: &Views,
    cursor: Cursor,
    at: Timestamp,
    record: &Record,
) -> Vec<(MinionId, String)> {
    if !matches!(record, Record::Event { .. }) {
        return Vec::new();
    }
    record
        .events(cursor, at)
        .iter()
        .filter_map(|event| minions::decide::started(&views.minions, event))
        .map(|(id, said)| (id, said.to_owned()))
        .collect()
}
