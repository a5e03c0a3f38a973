//! `pillar_cache`: compiled pillars are kept, and given again while they would come out the same.
//!
//! A kept pillar counts for one question exactly (minion, grains, environments, overrides, options)
//! and while every file that was looked for is as it was. What else it was made of (external
//! pillars, functions that ask the world) is not looked at again until `pillar_cache_ttl` is over
//! or the minion asks for a fresh one (`saltutil.refresh_pillar` does). Broken ones are not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Glob, Map, MinionId, Timestamp, Value};
use pillar::{Inputs, Pillar, Request};
use states::file_client::FileClient;

use crate::config::Opts;
use crate::world::Clock;

/// Most pillars that are kept of one minion: one for each environment and override it asks with.
const OF_A_MINION_MAX: usize = 16;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// The pillars that are kept.
pub(super) struct Kept {
    ttl_micros: u64,
    clock: Arc<dyn Clock>,
    pillars: Mutex<HashMap<MinionId, Vec<Entry>>>,
}

struct Entry {
    /// What [`Inputs::key`] gives for its question.
    key: String,
    pillarenv: Option<String>,
    inputs: Inputs,
    data: Map,
    since: Timestamp,
}

impl Kept {
    /// Makes an empty store; none if the options want none.
    pub(super) fn new(opts: &Opts, clock: Arc<dyn Clock>) -> Option<Self> {
        opts.pillar_cache.then(|| Self {
            ttl_micros: opts.pillar_cache_ttl.saturating_mul(SECOND),
            clock,
            pillars: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MinionId, Vec<Entry>>> {
        // Whoever panicked while holding it had at most added a whole entry.
        self.pillars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, entry: &Entry) -> bool {
        self.clock.now().0.saturating_sub(entry.since.0) <= self.ttl_micros
    }

    /// Gives what is kept for a question, if it still counts.
    pub(super) fn get(&self, request: &Request, files: &dyn FileClient) -> Option<Map> {
        let key = Inputs::key(request);
        let (inputs, data) = {
            let pillars = self.lock();
            let entries = pillars.get(&request.id)?;
            let entry = entries.iter().find(|entry| entry.key == key)?;
            if !self.is_fresh(entry) {
                return None;
            }
            (entry.inputs.clone(), entry.data.clone())
        };
        // A file that cannot be read is told by the render that follows.
        let is_same = inputs.has_same_files(files).unwrap_or(false);
        is_same.then_some(data)
    }

    /// Keeps a pillar that is whole.
    pub(super) fn put(&self, request: &Request, pillar: &Pillar) {
        if !pillar.problems.is_empty() {
            return;
        }
        let entry = Entry {
            key: Inputs::key(request),
            pillarenv: request.pillarenv.clone(),
            inputs: pillar.inputs.clone(),
            data: pillar.data.clone(),
            since: self.clock.now(),
        };
        let mut pillars = self.lock();
        let entries = pillars.entry(request.id.clone()).or_default();
        entries.retain(|known| known.key != entry.key && self.is_fresh(known));
        if entries.len() >= OF_A_MINION_MAX {
            entries.remove(0);
        }
        entries.push(entry);
    }

    /// Drops the pillars of a minion.
    pub(super) fn drop_of(&self, id: &MinionId) {
        self.lock().remove(id);
    }

    /// Drops the pillars of the minions that a glob matches.
    pub(super) fn clear(&self, glob: &str) {
        let glob = Glob::new(glob);
        self.lock().retain(|id, _| !glob.matches(id.as_str()));
    }

    /// Gives the newest kept pillar of each minion that a glob matches, for one environment.
    pub(super) fn show(&self, glob: &str, pillarenv: Option<&str>) -> Map {
        let glob = Glob::new(glob);
        let pillars = self.lock();
        let mut shown: Vec<(&MinionId, Value)> = pillars
            .iter()
            .filter(|(id, _)| glob.matches(id.as_str()))
            .filter_map(|(id, entries)| {
                let is_it = |entry: &&Entry| {
                    entry.pillarenv.as_deref() == pillarenv && self.is_fresh(entry)
                };
                let newest = entries.iter().rev().find(is_it)?;
                Some((id, newest.data.clone().into()))
            })
            .collect();
        shown.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        shown
            .into_iter()
            .map(|(id, data)| (id.as_str(), data))
            .collect()
    }
}
