//! Inputs that have time: they share the append of the next batch that there is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Asker, Input};

/// Those that wait, with those who ask. Bounded by whoever puts them there. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Unhurried(Arc<Mutex<Vec<Waiting>>>);

/// An input, and who hears what came of it.
type Waiting = (Input, Asker);

impl Unhurried {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one; gives how many wait.
    pub(super) fn put(&self, input: Input, asker: Asker) -> usize {
        let mut waiting = self.waiting();
        waiting.push((input, asker));
        waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    pub(super) fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting())
    }
}
