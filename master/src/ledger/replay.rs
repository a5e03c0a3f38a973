//! Builds the views from what is durable: the newest snapshot, the records behind it, the values in
//! blobs.
//!
//! A start does this, an append that failed, and each new snapshot: the ledger itself never stops
//! to save one.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use model::{Cursor, MinionId, Timestamp};
use storage::{Blobs, LogReader};

use super::snapshots::Snapshots;
use super::{Record, Views};
use crate::{mine, minions};

/// Records that are read at once: a few MB of memory.
const READ_RECORDS: usize = 1024;

/// Pieces of so many records that are decoded before they are taken in.
const PIECES_AHEAD_MAX: usize = 4;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store says no.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// What came before was trimmed, and nothing stands for it.
    #[error(
        "the log begins after record {tail}, and there is no snapshot of what came before \
        ({problems}): start the release that wrote it, or put the directory \
        `tables` of the store back from a backup"
    )]
    BeginningIsGone {
        /// The last record that was trimmed.
        tail: Cursor,
        /// What is wrong with each snapshot.
        problems: String,
    },
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

/// What the views are built from. Cheap to clone.
#[derive(Clone)]
pub struct Durable {
    /// The log.
    pub reader: Arc<dyn LogReader>,
    /// What its beginning adds up to.
    pub snapshots: Arc<Snapshots>,
    /// The values of the mine.
    pub blobs: Arc<dyn Blobs>,
}

impl Durable {
    /// Takes the parts of a store that views are built from.
    pub fn new(
        reader: Arc<dyn LogReader>,
        tables: Box<dyn storage::Tables>,
        blobs: Arc<dyn Blobs>,
    ) -> Self {
        let snapshots = Arc::new(Snapshots::new(tables));
        Self {
            reader,
            snapshots,
            blobs,
        }
    }

    /// Gives what all records add up to. Blocks on the disk.
    ///
    /// # Errors
    /// A record that cannot be read; a log that was trimmed and no snapshot that stands for what is
    /// gone.
    pub fn views(&self) -> Result<Views, ReplayError> {
        let mut views = self.without_values()?;
        mine::sealed::load(&mut views.mine, self.blobs.as_ref());
        // What earlier records dropped was removed when they were new, or is by the sweep.
        views.secrets.take_unneeded();
        Ok(views)
    }

    fn without_values(&self) -> Result<Views, ReplayError> {
        let (tail, head) = (self.reader.tail(), self.reader.head());
        let found = self.snapshots.newest(tail, head);
        let mut views = match found.views {
            Some(views) => views,
            None if tail == Cursor(0) => Views::default(),
            None => {
                let problems = found.problems.join("; ");
                return Err(ReplayError::BeginningIsGone { tail, problems });
            }
        };
        let reader = self.reader.as_ref();
        // Most of the work is reading and decoding: a thread of its own runs ahead with it.
        std::thread::scope(|scope| {
            let (sender, pieces) = sync_channel(PIECES_AHEAD_MAX);
            let after = views.head;
            scope.spawn(move || read_ahead(reader, after, &sender));
            for piece in pieces {
                for (cursor, at, record) in piece? {
                    views.apply(cursor, at, &record);
                }
            }
            Ok(views)
        })
    }

    /// Saves a snapshot of what the log says now, if it grew by `records_min` since the last. It is
    /// made from the last one and the records behind it, so that nobody waits. Blocks on the disk.
    pub fn save(&self, records_min: u64) -> Result<(), ReplayError> {
        let behind = self
            .reader
            .head()
            .0
            .saturating_sub(self.snapshots.newest_at().0);
        if behind < records_min.max(1) {
            return Ok(());
        }
        let views = self.without_values()?;
        self.snapshots.save(&views)?;
        tracing::info!(cursor = %views.head, records = behind, "a snapshot was saved");
        Ok(())
    }

    /// Gives the last of the records that are older than a moment. Blocks on the disk.
    pub fn last_before(&self, moment: Timestamp) -> Result<Cursor, storage::Error> {
        let (mut old, mut young) = (self.reader.tail(), self.reader.head().next());
        while old.next() < young {
            let middle = Cursor(old.0.midpoint(young.0));
            let before = Cursor(middle.0.saturating_sub(1));
            let is_old = self
                .reader
                .read(before, 1)?
                .first()
                .is_some_and(|(_, entry)| entry.at < moment);
            *(if is_old { &mut old } else { &mut young }) = middle;
        }
        Ok(old)
    }
}

/// Records in order, decoded.
type Piece = Vec<(Cursor, Timestamp, Record)>;

/// Reads and decodes what comes behind a place, until the log or the receiver ends.
fn read_ahead(
    reader: &dyn LogReader,
    mut after: Cursor,
    pieces: &SyncSender<Result<Piece, ReplayError>>,
) {
    loop {
        let piece = read_piece(reader, after);
        match &piece {
            Ok(records) => match records.last() {
                Some((last, ..)) => after = *last,
                None => return,
            },
            Err(_) => {
                // Whoever receives ends with it, and so does this.
                let _ = pieces.send(piece);
                return;
            }
        }
        if pieces.send(piece).is_err() {
            return;
        }
    }
}

fn read_piece(reader: &dyn LogReader, after: Cursor) -> Result<Piece, ReplayError> {
    let entries = reader.read(after, READ_RECORDS)?.into_iter();
    let decode = |(cursor, entry): (Cursor, storage::Entry)| {
        let record = Record::decode(&entry.body);
        let record = record.map_err(|source| ReplayError::Record { cursor, source })?;
        Ok((cursor, entry.at, record))
    };
    entries.map(decode).collect()
}

/// Finds the starts of minions that a record tells for the first time.
pub(super) fn starts_in(
    views: &Views,
    cursor: Cursor,
    at: Timestamp,
    record: &Record,
) -> Vec<(MinionId, String)> {
    if !matches!(record, Record::Event { tag, .. } if minions::decide::may_be_start(tag)) {
        return Vec::new();
    }
    record
        .events(cursor, at)
        .iter()
        .filter_map(|event| minions::decide::started(&views.minions, event))
        .map(|(id, said)| (id, said.to_owned()))
        .collect()
}
