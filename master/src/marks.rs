//! Which requests have been here: the same bytes are not obeyed twice.
//!
//! A request is known by its seal's MAC, which nobody can make again without the key. An honest v3
//! minion seals each attempt anew; an older one sends the same bytes again when an answer is late,
//! and is answered again once its work is done. Salt keeps no such memory (CVE-2024-38823). What
//! nonces and times tell is in `auth/replay.rs`.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::limits::MARKS_MAX;

/// The MAC of a sealed request.
pub type Mark = [u8; 32];

/// The memory.
#[derive(Debug, Default)]
pub struct Memory {
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    known: HashSet<Mark>,
    order: VecDeque<Mark>,
}

impl Memory {
    /// Says whether a request was noted.
    pub fn knows(&self, mark: Mark) -> bool {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.known.contains(&mark)
    }

    /// Notes a request; false if it was there before.
    pub fn note(&self, mark: Mark) -> bool {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if !marks.known.insert(mark) {
            return false;
        }
        marks.order.push_back(mark);
        if marks.order.len() > MARKS_MAX
            && let Some(oldest) = marks.order.pop_front()
        {
            marks.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Item 23.
    #[test]
    fn the_same_bytes_are_noted_once_and_the_oldest_are_forgotten() {
        let replays = Memory::default();
        let mark = |number: u32| {
            let mut mark = [0; 32];
            mark[..4].copy_from_slice(&number.to_be_bytes());
            mark
        };
        assert!(replays.note(mark(0)));
        assert!(!replays.note(mark(0)));
        for number in 1..=MARKS_MAX as u32 {
            assert!(replays.note(mark(number)));
        }
        assert!(replays.note(mark(0)), "the oldest is forgotten");
        assert!(!replays.note(mark(MARKS_MAX as u32)));
    }
}
