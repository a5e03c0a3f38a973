//! A cursor and a filter over the log, with its live end.

use std::sync::Arc;

use model::{Cursor, Event, TagGlob};
use storage::LogReader;
use tokio::sync::watch;

use crate::ledger::Record;

/// Records that one read takes: small enough that a filter that matches little gives way to others.
const READ_RECORDS: usize = 512;

/// Which events a reader wants: those whose tag matches one of the globs; all, if there are none.
#[derive(Debug, Clone, Default)]
pub struct Filter(pub Vec<TagGlob>);

impl Filter {
    fn wants(&self, event: &Event) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| glob.matches(&event.tag))
    }
}

/// A reader of events.
pub struct Subscription {
    reader: Arc<dyn LogReader>,
    head: watch::Receiver<Cursor>,
    cursor: Cursor,
    filter: Filter,
}

/// The log could not be read for events.
#[derive(Debug, thiserror::Error)]
pub enum LookBackError {
    /// What was asked for is no longer kept.
    #[error("the events after {after} are no longer kept; the oldest begin after {oldest}")]
    Forgotten {
        /// Where the reader wanted to begin.
        after: Cursor,
        /// The smallest cursor that one can read after.
        oldest: Cursor,
    },
    /// The store says no.
    #[error(transparent)]
    Storage(storage::Error),
    /// A record is not understood.
    #[error("record {0} of the log is not understood")]
    Record(Cursor),
}

impl From<storage::Error> for LookBackError {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Trimmed { after, tail } => Self::Forgotten {
                after,
                oldest: tail,
            },
            other => Self::Storage(other),
        }
    }
}

impl LookBackError {
    /// Gives the smallest cursor that one can read after, if that is what was wrong.
    pub fn oldest(&self) -> Option<Cursor> {
        match self {
            Self::Forgotten { oldest, .. } => Some(*oldest),
            _ => None,
        }
    }
}

impl Subscription {
    /// Makes a reader of what comes behind `after`.
    pub fn new(
        reader: Arc<dyn LogReader>,
        head: watch::Receiver<Cursor>,
        after: Cursor,
        filter: Filter,
    ) -> Self {
        Self {
            reader,
            head,
            cursor: after,
            filter,
        }
    }

    /// Gives the next events that match, waiting for one if there is none yet. An empty answer says
    /// that the log was read further and nothing matched: the cursor moved. `None` means that the
    /// master stops.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, LookBackError> {
        loop {
            let (reader, cursor) = (Arc::clone(&self.reader), self.cursor);
            let read = tokio::task::spawn_blocking(move || read_events(&*reader, cursor)).await;
            let Ok(read) = read else { return Ok(None) };
            let (events, upto) = read?;
            if upto > self.cursor {
                self.cursor = upto;
                return Ok(Some(
                    events
                        .into_iter()
                        .filter(|e| self.filter.wants(e))
                        .collect(),
                ));
            }
            let cursor = self.cursor;
            if self.head.wait_for(|head| *head > cursor).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Says whether the reader's place is still in the log.
    pub fn check(&self) -> Result<(), LookBackError> {
        let (after, oldest) = (self.cursor, self.reader.tail());
        if after < oldest {
            return Err(LookBackError::Forgotten { after, oldest });
        }
        Ok(())
    }

    /// Gives the place up to which the log was read.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }
}

fn read_events(
    reader: &dyn LogReader,
    after: Cursor,
) -> Result<(Vec<Event>, Cursor), LookBackError> {
    let mut events = Vec::new();
    let mut upto = after;
    for (cursor, entry) in reader.read(after, READ_RECORDS)? {
        let record = Record::decode(&entry.body).map_err(|_| LookBackError::Record(cursor))?;
        events.extend(record.events(cursor, entry.at));
        upto = cursor;
    }
    Ok((events, upto))
}

/// Gives all events behind `after` and up to `upto` that match. Blocks on the disk.
pub fn look_back(
    reader: &dyn LogReader,
    glob: &TagGlob,
    after: Cursor,
    upto: Cursor,
) -> Result<Vec<Event>, LookBackError> {
    // What was trimmed is older than any run that is still on its way.
    let mut at = after.max(reader.tail());
    let mut found = Vec::new();
    while at < upto {
        let (events, read_upto) = read_events(reader, at)?;
        if read_upto == at {
            break;
        }
        at = read_upto;
        let is_wanted = |event: &Event| event.cursor <= upto && glob.matches(&event.tag);
        found.extend(events.into_iter().filter(is_wanted));
    }
    Ok(found)
}
