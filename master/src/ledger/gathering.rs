//! How long a small batch waits for more: what comes together shares one append.
//!
//! An append costs 0.1 ms of CPU and a sync whatever is in it. Where a crowd is at work it pays to
//! wait for the rest of it; who comes alone, or beside sign-ins, does not wait.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    at_work: AtomicUsize,
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

    /// One request more is at work, or one less.
    pub(super) fn count(&self, is_more: bool) {
        if is_more {
            self.at_work.fetch_add(1, Ordering::Relaxed);
        } else {
            self.at_work.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives how many requests are at work.
    pub(super) fn at_work(&self) -> usize {
        self.at_work.load(Ordering::Relaxed)
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

/// Says whether a batch waits, as more inputs are likely to come: other requests are at work beside
/// its sign-ins, or several of another kind came together the last time.
pub(super) fn pause_before(inputs: &[Input], at_work: usize, were_several: bool) -> Pause {
    if !(1..GATHERED_INPUTS_MIN).contains(&inputs.len()) {
        return Pause::None;
    }
    if are_sign_ins(inputs) && at_work > inputs.len() {
        return Pause::SignIns;
    }
    if were_several {
        Pause::Any
    } else {
        Pause::None
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
