//! Which requests have been here: the same bytes are not obeyed twice.
//!
//! A request is known by its seal's MAC, which nobody can make again without the key. An honest v3
//! minion seals each attempt anew; an older one sends the same bytes again when an answer is late,
//! and is answered again once its work is done. Salt keeps no such memory (CVE-2024-38823). What
//! nonces and times tell is in `auth/replay.rs`.
//!
//! Eight bytes are kept of each, made under a key that is drawn at the start and told to nobody: an
//! honest request is taken for another by chance once in 2^43, and nobody can look for such a one.
//! They stand in two generations. When the younger is full the elder is forgotten as a whole, so
//! that the memory has one size however long the master runs.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::limits::MARKS_MAX;

/// The MAC of a sealed request.
pub type Mark = [u8; 32];

/// Slots of the smallest table.
const SLOTS_MIN: usize = 1024;

/// A memory of marks that many tasks share.
#[derive(Debug)]
pub struct Memory {
    marks: Mutex<Generations>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            marks: Mutex::new(Generations::new(MARKS_MAX)),
        }
    }
}

impl Memory {
    /// Says whether a request was noted.
    pub fn knows(&self, mark: Mark) -> bool {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.knows(&mark)
    }

    /// Notes a request; false if it was there before.
    pub fn note(&self, mark: Mark) -> bool {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.note(&mark)
    }
}

/// A memory of the last things noted: of `room` of them at least, of twice as many at most.
#[derive(Debug)]
pub struct Generations {
    key: RandomState,
    room: usize,
    young: Table,
    old: Table,
    turn: u64,
}

impl Generations {
    /// Makes an empty memory with room for so many in each generation.
    pub fn new(room: usize) -> Self {
        Self {
            key: RandomState::new(),
            room,
            young: Table::default(),
            old: Table::default(),
            turn: 0,
        }
    }

    /// Says whether this was noted and is not forgotten.
    pub fn knows(&self, thing: &impl Hash) -> bool {
        self.has(self.print(thing))
    }

    /// Notes this; false if it was there before.
    pub fn note(&mut self, thing: &impl Hash) -> bool {
        let print = self.print(thing);
        if self.has(print) {
            return false;
        }
        if self.young.count >= self.room {
            self.turn_over();
        }
        self.young.insert(print, slots_for(self.room));
        true
    }

    /// How often a generation has ended. What was noted two turns ago is forgotten.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// Ends the younger generation and forgets the elder.
    pub fn turn_over(&mut self) {
        let mut spare = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        // Under full load one table follows another of the same size; else memory goes back.
        if spare.slots.len() == self.old.slots.len() {
            spare.clear();
            self.young = spare;
        }
        self.turn += 1;
    }

    fn has(&self, print: u64) -> bool {
        self.young.has(print) || self.old.has(print)
    }

    fn print(&self, thing: &impl Hash) -> u64 {
        // Zero is an empty slot.
        self.key.hash_one(thing).max(1)
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        (self.young.slots.capacity() + self.old.slots.capacity()) * size_of::<u64>()
    }
}

/// Slots of a generation of this size: a quarter stay empty, so that a search is short.
fn slots_for(room: usize) -> usize {
    room.saturating_mul(4) / 3 + 1
}

/// A set of numbers that are not zero, in one piece of memory: each is in the first empty slot from
/// where it belongs.
#[derive(Debug, Default)]
struct Table {
    slots: Vec<u64>,
    count: usize,
}

impl Table {
    fn has(&self, print: u64) -> bool {
        !self.slots.is_empty() && self.slots[self.place(print)] == print
    }

    fn insert(&mut self, print: u64, slots_max: usize) {
        if self.count >= self.slots.len() / 4 * 3 && self.slots.len() < slots_max {
            self.grow(slots_max);
        }
        let place = self.place(print);
        self.slots[place] = print;
        self.count += 1;
    }

    fn grow(&mut self, slots_max: usize) {
        let wider = (self.slots.len() * 2).clamp(SLOTS_MIN.min(slots_max), slots_max);
        let narrow = std::mem::replace(&mut self.slots, vec![0; wider]);
        for print in narrow.into_iter().filter(|print| *print != 0) {
            let place = self.place(print);
            self.slots[place] = print;
        }
    }

    fn clear(&mut self) {
        self.slots.fill(0);
        self.count = 0;
    }

    /// Where this is, or where it would go. The table is never full.
    fn place(&self, print: u64) -> usize {
        let count = self.slots.len();
        let mut place = ((u128::from(print) * count as u128) >> 64) as usize;
        while self.slots[place] != 0 && self.slots[place] != print {
            place = if place + 1 == count { 0 } else { place + 1 };
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: usize) -> Mark {
        let mut mark = [0; 32];
        mark[..8].copy_from_slice(&(number as u64).to_be_bytes());
        mark
    }

    // Item 23.
    #[test]
    fn the_same_bytes_are_noted_once_and_as_many_as_promised_are_remembered() {
        let memory = Memory::default();
        for number in 0..=2 * MARKS_MAX {
            assert!(memory.note(mark(number)), "{number}");
            assert!(!memory.note(mark(number)), "{number} again");
            let oldest = mark((number + 1).saturating_sub(MARKS_MAX));
            assert!(memory.knows(oldest), "{MARKS_MAX} before {number}");
        }
        assert!(!memory.knows(mark(0)), "the elder generation is forgotten");
        assert!(memory.note(mark(0)));
    }

    #[test]
    fn however_many_come_the_memory_stays_within_what_the_limit_says() {
        let mut marks = Generations::new(MARKS_MAX);
        let mut most = 0;
        for number in 0..4 * MARKS_MAX {
            marks.note(&mark(number));
            most = most.max(marks.bytes());
        }
        assert_eq!(marks.turn(), 3);
        assert!((5_000_000..6_000_000).contains(&most), "{most}");
    }

    #[test]
    fn few_take_little_and_what_a_rush_took_is_given_back() {
        let mut marks = Generations::new(MARKS_MAX);
        for number in 0..700 {
            marks.note(&mark(number));
        }
        assert_eq!(marks.bytes(), SLOTS_MIN * 8);
        for number in 0..100_000 {
            marks.note(&mark(number));
        }
        marks.turn_over();
        assert!(marks.knows(&mark(5)) && marks.bytes() > SLOTS_MIN * 8);
        marks.turn_over();
        assert_eq!((marks.knows(&mark(5)), marks.bytes()), (false, 0));
    }

    #[test]
    fn numbers_that_belong_into_the_last_slot_go_on_at_the_first() {
        let mut table = Table::default();
        for back in 0..100 {
            table.insert(u64::MAX - back, SLOTS_MIN);
        }
        assert!((0..100).all(|back| table.has(u64::MAX - back)));
        assert!(!table.has(u64::MAX - 100) && !table.has(1));
    }
}
