//! How long a small batch waits for more: what comes together shares one append.
//!
//! An append costs 0.1 ms of CPU and a sync whatever is in it. Where a crowd is at work it pays to
//! wait for the rest of it. A sign-in waits for whatever comes next: its minion spends much more on
//! its own key, and strangers who come one by one leave the disk to others. Nothing waits for a
//! sign-in.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use super::Input;
use crate::world::real::rest;

/// How long a small batch waits if several came together before: less than a disk takes for a
/// sync, and an append less for each that comes in it.
const PAUSE: Duration = Duration::from_millis(1);

/// As [`PAUSE`], for a batch of nothing but sign-ins: the private key spaces them out, and the
/// minion of one is at work for it much longer. It ends when anything else comes.
const SIGN_INS_PAUSE: Duration = Duration::from_millis(4);

/// A batch with so many inputs does not wait for more: its append costs each of them little.
const GATHERED_INPUTS_MIN: usize = 16;

/// What the ledger and its askers know of each other while a batch comes together.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// The ledger rests until more sign-ins come, and would rather be woken for anything else.
    is_resting: AtomicBool,
    ledger: OnceLock<Thread>,
}

impl Gathering {
    /// Says that the calling thread is the ledger's.
    pub(super) fn begin(&self) {
        // Whoever comes before this only waits for the end of a pause.
        let _ = self.ledger.set(std::thread::current());
    }

    /// Ends a pause for sign-ins: something came that does not wait for them.
    pub(super) fn wake(&self) {
        if self.is_resting.load(Ordering::SeqCst)
            && let Some(ledger) = self.ledger.get()
        {
            ledger.unpark();
        }
    }

    /// Rests as long as a batch of these should wait, if at all. `more` takes what has come, and
    /// says whether all of it is sign-ins.
    pub(super) fn rest(&self, pause: Pause, mut more: impl FnMut() -> bool) {
        match pause {
            Pause::None => {}
            Pause::Any => {
                rest(PAUSE);
                more();
            }
            Pause::SignIns => self.rest_for_sign_ins(SIGN_INS_PAUSE, more),
        }
    }

    pub(super) fn rest_for_sign_ins(&self, pause: Duration, mut more: impl FnMut() -> bool) {
        self.is_resting.store(true, Ordering::SeqCst);
        // What came before it could be seen that the ledger rests has woken nobody.
        if more() {
            rest(pause);
        }
        self.is_resting.store(false, Ordering::SeqCst);
        more();
    }
}

/// For what a batch waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// It does not.
    None,
    /// For whatever comes.
    Any,
    /// For further sign-ins, and for nothing else.
    SignIns,
}

/// Says whether a batch waits: it is nothing but sign-ins, or more inputs are likely to come, since
/// several came together the last time.
pub(super) fn pause_before(inputs: &[Input], were_several: bool) -> Pause {
    match inputs.len() {
        1..GATHERED_INPUTS_MIN if are_sign_ins(inputs) => Pause::SignIns,
        1..GATHERED_INPUTS_MIN if were_several => Pause::Any,
        _ => Pause::None,
    }
}

/// Says whether there is nothing else among these.
pub(super) fn are_sign_ins(inputs: &[Input]) -> bool {
    inputs.iter().all(is_sign_in)
}

/// Says whether this is a sign-in.
pub(super) fn is_sign_in(input: &Input) -> bool {
    matches!(input, Input::Auth(_))
}
