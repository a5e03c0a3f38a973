//! A store in memory that can be made to fail: for tests and the simulator.
//!
//! [`open`] gives a plain one. A [`Simulation`] outlives the stores opened from it, as a disk
//! outlives processes: it can be full or broken, and it can crash in the middle of an append,
//! before or after the batch became durable. It never touches a real disk.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Cursor;

use crate::large::{Place, Stretch};
use crate::{
    BlobId, Blobs, Entry, Error, LargePart, LargeParts, Log, LogReader, READ_BYTES_MAX, Store,
    Tables, check_batch, check_table_name,
};

/// Opens an empty store that nothing will go wrong with.
pub fn open() -> Store {
    Simulation::new().open()
}

/// What goes wrong with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full, until healed.
    Full,
    /// The disk gives errors (EIO) to reads and writes, until healed.
    Broken,
    /// The next write fails as its process dies: what was being written is lost.
    CrashBeforeSync,
    /// The next write fails as its process dies: what was being written is there afterwards.
    CrashAfterSync,
}

/// The disk under the stores opened from it.
#[derive(Debug, Clone, Default)]
pub struct Simulation(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Stores of an earlier opening are dead.
    generation: u64,
    fault: Option<Fault>,
    tail: u64,
    records: VecDeque<Entry>,
    tables: BTreeMap<String, (Cursor, Vec<u8>)>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl State {
    fn head(&self) -> Cursor {
        Cursor(self.tail.saturating_add(self.records.len() as u64))
    }

    fn check_readable(&self, generation: u64) -> Result<(), Error> {
        if self.generation != generation {
            return Err(broken("use", "its process has crashed"));
        }
        match self.fault {
            Some(Fault::Broken) => Err(broken("read", "input/output error (simulated)")),
            _ => Ok(()),
        }
    }

    /// Does what the fault leaves of a write.
    fn write(&mut self, generation: u64, change: impl FnOnce(&mut Self)) -> Result<(), Error> {
        self.check_readable(generation)?;
        match self.fault {
            None => {
                change(self);
                Ok(())
            }
            Some(Fault::Full) => Err(Error::Full { path: path() }),
            Some(Fault::Broken) => Err(broken("write", "input/output error (simulated)")),
            Some(crash) => {
                if crash == Fault::CrashAfterSync {
                    change(self);
                }
                self.fault = None;
                self.generation = self.generation.wrapping_add(1);
                Err(broken("write", "its process crashed (simulated)"))
            }
        }
    }
}

impl Simulation {
    /// Makes an empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the store on this disk; one that was open is dead from now on, as after a crash.
    pub fn open(&self) -> Store {
        let generation = self.crash();
        let part = Part {
            disk: self.clone(),
            generation,
        };
        Store {
            log: Box::new(part.clone()),
            reader: Arc::new(part.clone()),
            tables: Box::new(part.clone()),
            blobs: Arc::new(part.clone()),
            large: Arc::new(part),
        }
    }

    /// Lets something go wrong from now on.
    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Lets all go well from now on.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// Kills whoever has the store open; what was acknowledged stays. Gives the next opening's
    /// number.
    pub fn crash(&self) -> u64 {
        let mut state = self.state();
        state.generation = state.generation.wrapping_add(1);
        state.generation
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every part of an opened store.
#[derive(Debug, Clone)]
struct Part {
    disk: Simulation,
    generation: u64,
}

impl Log for Part {
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error> {
        check_batch(batch)?;
        let mut state = self.disk.state();
        if !batch.is_empty() {
            state.write(self.generation, |state| {
                state.records.extend(batch.iter().map(whole))
            })?;
        }
        Ok(state.head())
    }

    fn head(&self) -> Cursor {
        self.disk.state().head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        self.disk.state().write(self.generation, |state| {
            let tail = up_to.min(state.head()).0.max(state.tail);
            let forgotten = usize::try_from(tail - state.tail).unwrap_or(usize::MAX);
            state.records.drain(..forgotten.min(state.records.len()));
            state.tail = tail;
        })
    }

    fn probe(&mut self) -> Result<(), Error> {
        self.disk.state().write(self.generation, |_| ())
    }
}

/// Gives a record with its large parts in its body.
fn whole(entry: &Entry) -> Entry {
    let mut body = Vec::with_capacity(entry.bytes());
    for stretch in entry.stretches() {
        match stretch {
            Stretch::Here(bytes) => body.extend_from_slice(bytes),
            Stretch::Large(part) => {
                if let Place::Memory(bytes) = &part.place {
                    body.extend_from_slice(bytes);
                }
            }
        }
    }
    Entry::new(entry.at, body)
}

impl LargeParts for Part {
    fn put(&self, bytes: &[u8]) -> Result<LargePart, Error> {
        self.disk.state().write(self.generation, |_| ())?;
        Ok(LargePart::new(Place::Memory(bytes.to_vec()), bytes))
    }
}

impl LogReader for Part {
    fn read(&self, after: Cursor, limit: usize) -> Result<Vec<(Cursor, Entry)>, Error> {
        let state = self.disk.state();
        state.check_readable(self.generation)?;
        let tail = Cursor(state.tail);
        if after < tail {
            return Err(Error::Trimmed { after, tail });
        }
        if after >= state.head() {
            return Ok(Vec::new());
        }
        let skipped = usize::try_from(after.0 - tail.0).unwrap_or(usize::MAX);
        let mut bytes = 0_usize;
        let numbers = after.0.saturating_add(1)..;
        let following = numbers.zip(state.records.iter().skip(skipped)).take(limit);
        let fitting = following.take_while(|(_, entry)| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(entry.body.len());
            is_first || bytes <= READ_BYTES_MAX
        });
        Ok(fitting
            .map(|(number, entry)| (Cursor(number), entry.clone()))
            .collect())
    }

    fn head(&self) -> Cursor {
        self.disk.state().head()
    }

    fn tail(&self) -> Cursor {
        Cursor(self.disk.state().tail)
    }
}

impl Tables for Part {
    fn save(&mut self, name: &str, at: Cursor, snapshot: &[u8]) -> Result<(), Error> {
        check_table_name(name)?;
        self.disk.state().write(self.generation, |state| {
            state
                .tables
                .insert(name.to_owned(), (at, snapshot.to_vec()));
        })
    }

    fn load(&self, name: &str) -> Result<Option<(Cursor, Vec<u8>)>, Error> {
        check_table_name(name)?;
        let state = self.disk.state();
        state.check_readable(self.generation)?;
        Ok(state.tables.get(name).cloned())
    }
}

impl Blobs for Part {
    fn put(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        let id = BlobId::of(bytes);
        self.disk.state().write(self.generation, |state| {
            state.blobs.insert(id, bytes.to_vec());
        })?;
        Ok(id)
    }

    fn get(&self, id: &BlobId) -> Result<Option<Vec<u8>>, Error> {
        let state = self.disk.state();
        state.check_readable(self.generation)?;
        Ok(state.blobs.get(id).cloned())
    }

    fn remove(&self, id: &BlobId) -> Result<bool, Error> {
        let mut was_there = false;
        self.disk.state().write(self.generation, |state| {
            was_there = state.blobs.remove(id).is_some();
        })?;
        Ok(was_there)
    }

    fn list(&self) -> Result<Vec<BlobId>, Error> {
        let state = self.disk.state();
        state.check_readable(self.generation)?;
        Ok(state.blobs.keys().copied().collect())
    }
}

fn path() -> PathBuf {
    PathBuf::from("(memory)")
}

fn broken(action: &'static str, cause: &str) -> Error {
    Error::Io {
        action,
        path: path(),
        source: io::Error::other(cause.to_owned()),
    }
}

#[cfg(test)]
mod tests;
