//! What the beginning of the log adds up to, saved: a start reads it and the rest of the log.
//!
//! Two are kept in turn, so that one damaged file is no misfortune; the log is trimmed behind
//! neither. A snapshot is never the truth: one that cannot be used is told, and the log is read
//! from further back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Cursor;
use storage::Tables;

use super::Views;

/// Where the two snapshots are.
const NAMES: [&str; 2] = ["views-a", "views-b"];

/// The format this release writes: these 4 bytes, little end first, then msgpack.
const FORMAT: u32 = 2;

/// The oldest it reads: 1 has no packed jobs.
const FORMAT_MIN: u32 = 1;

/// The snapshots of one store.
pub struct Snapshots {
    inner: Mutex<Inner>,
}

struct Inner {
    tables: Box<dyn Tables>,
    /// Where each is valid, as far as it can be used.
    at: [Option<Cursor>; 2],
}

/// What was found.
pub(super) struct Found {
    /// The newest that can be used.
    pub(super) views: Option<Views>,
    /// Why the others cannot.
    pub(super) problems: Vec<String>,
}

impl Snapshots {
    /// Keeps snapshots in these tables.
    pub fn new(tables: Box<dyn Tables>) -> Self {
        let inner = Inner {
            tables,
            at: [None; 2],
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panic may have left is a cursor that is one snapshot behind.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the newest snapshot that fits a log with these ends.
    pub(super) fn newest(&self, tail: Cursor, head: Cursor) -> Found {
        let mut inner = self.inner();
        let mut found = Found {
            views: None,
            problems: Vec::new(),
        };
        for (number, name) in NAMES.into_iter().enumerate() {
            let problem = match read(inner.tables.as_ref(), name) {
                Ok(None) => "it is not there".to_owned(),
                Ok(Some(views)) if views.head > head => {
                    format!(
                        "it is of record {}, and the log ends with {head}",
                        views.head
                    )
                }
                Ok(Some(views)) if views.head < tail => {
                    format!(
                        "it is of record {}, and the log begins after {tail}",
                        views.head
                    )
                }
                Ok(Some(views)) => {
                    inner.at[number] = Some(views.head);
                    if found
                        .views
                        .as_ref()
                        .is_none_or(|newest| newest.head < views.head)
                    {
                        found.views = Some(views);
                    }
                    continue;
                }
                Err(problem) => problem,
            };
            if inner.at[number].take().is_some() || problem != "it is not there" {
                tracing::warn!(
                    snapshot = name, %problem,
                    "a snapshot cannot be used; the log is read instead"
                );
            }
            found.problems.push(format!("{name}: {problem}"));
        }
        found
    }

    /// Saves a snapshot in the place of the older one, or of one that cannot be used.
    pub(super) fn save(&self, views: &Views) -> Result<(), storage::Error> {
        let mut bytes = FORMAT.to_le_bytes().to_vec();
        let encoded = rmp_serde::encode::write_named(&mut bytes, views);
        encoded.expect("views hold only types that msgpack can write, and memory does not refuse");
        let mut inner = self.inner();
        let number = usize::from(inner.at[0] > inner.at[1]);
        inner.tables.save(NAMES[number], views.head, &bytes)?;
        inner.at[number] = Some(views.head);
        Ok(())
    }

    /// Gives where the newest is valid.
    pub(super) fn newest_at(&self) -> Cursor {
        let inner = self.inner();
        inner.at[0].max(inner.at[1]).unwrap_or_default()
    }

    /// Gives the place up to which the log may be trimmed: where the older of the two is valid.
    pub fn oldest_at(&self) -> Cursor {
        let inner = self.inner();
        inner.at[0].min(inner.at[1]).unwrap_or_default()
    }
}

fn read(tables: &dyn Tables, name: &str) -> Result<Option<Views>, String> {
    let Some((at, bytes)) = tables.load(name).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let Some((format, encoded)) = bytes.split_first_chunk::<4>() else {
        return Err("it is cut short".into());
    };
    let format = u32::from_le_bytes(*format);
    if !(FORMAT_MIN..=FORMAT).contains(&format) {
        return Err(format!(
            "it has format {format}, and this release of Brine reads {FORMAT_MIN} to {FORMAT}"
        ));
    }
    let views: Views = rmp_serde::from_slice(encoded).map_err(|error| error.to_string())?;
    if views.head != at {
        return Err(format!(
            "it says record {} and is of record {at}",
            views.head
        ));
    }
    Ok(Some(views))
}
