//! The log with deaths at appends, as faults and mutations want them.

use std::sync::{Arc, Mutex, PoisonError};

use model::Cursor;
use storage::{Entry, Error, Log};

use super::fault::Death;

/// What was planned for appends, and what became of it; shared with the log.
#[derive(Debug, Default)]
pub(super) struct Appends {
    pub(super) count: u64,
    pub(super) doomed: Vec<(u64, Death)>,
    /// The process died in this append.
    pub(super) died: bool,
    /// Where the log may end after a death in an append: a batch is whole or not there.
    pub(super) cut: Option<[Cursor; 2]>,
    /// How many records the last batch had.
    pub(super) last: usize,
    /// Mutation: half of a batch stays after a death.
    pub(super) tears: bool,
    /// Mutation: errors are taken for success.
    pub(super) ignores: bool,
    pub(super) ignored: u64,
}

/// The log, with deaths at appends.
pub(super) struct DoomedLog {
    pub(super) inner: Box<dyn Log>,
    pub(super) appends: Arc<Mutex<Appends>>,
}

impl Log for DoomedLog {
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error> {
        let mut appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        appends.count += 1;
        let count = appends.count;
        let doom = appends.doomed.iter().position(|(at, _)| *at <= count);
        let Some(place) = doom else {
            appends.last = batch.len();
            let appended = self.inner.append(batch);
            if !appends.ignores {
                return appended;
            }
            appends.ignored += appended.map_or(batch.len() as u64, |_| 0);
            return Ok(Cursor(self.inner.head().0 + appends.ignored));
        };
        let (_, death) = appends.doomed.remove(place);
        appends.died = true;
        let before = self.inner.head();
        let after = Cursor(before.0.saturating_add(batch.len() as u64));
        appends.cut = Some([before, after]);
        if death == Death::AfterSync {
            self.inner.append(batch)?;
        }
        if appends.tears && death != Death::AfterSync {
            self.inner.append(&batch[..batch.len() / 2])?;
        }
        let source = std::io::Error::other("the process died (simulated)");
        Err(Error::Io {
            action: "write",
            path: "(simulated)".into(),
            source,
        })
    }

    fn head(&self) -> Cursor {
        self.inner.head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        self.inner.trim(up_to)
    }

    fn probe(&mut self) -> Result<(), Error> {
        self.inner.probe()
    }
}
