//! Faults of the master itself, made on purpose: the proof that the oracle can fail.
//!
//! Each stands where the simulator plays a part of the master (it answers, performs, starts) or of
//! its disk, so that nothing of the shipped code knows of it.

use std::collections::HashSet;
use std::str::FromStr;

use master::jobs::decide::Request;
use master::ledger::Input;
use model::target::Target;
use storage::Entry;
use storage::memory::Simulation;

use super::oracle::whole_log;
use super::requests::Asker;
use super::world::World;

/// What the master does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// It says "recorded" before it records.
    AcknowledgesEarly,
    /// It says "recorded" of returns that it never recorded.
    DropsReturns,
    /// A wait is told that nothing happened before it.
    SkipsLookBack,
    /// It starts without taking runs up again.
    ForgetsRuns,
    /// It starts without setting timers again.
    ForgetsTimers,
    /// What it does about open jobs at a start: it publishes them again under new jids.
    PublishesAnew,
    /// Its timers that ask minions never fire.
    NeverAsks,
    /// It takes an append that failed for one that did not.
    IgnoresErrors,
    /// It forgets effects that were waiting when it should perform them.
    DropsEffects,
    /// Blobs that nobody needs stay.
    KeepsBlobs,
    /// It begins a run again with its first step, whichever is chosen.
    ForgetsFrom,
    /// The disk keeps the first half of a batch.
    TearsBatches,
    /// The disk forgets the last batch at a crash, although it said it was safe.
    LosesSynced,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::AcknowledgesEarly,
        Self::DropsReturns,
        Self::SkipsLookBack,
        Self::ForgetsRuns,
        Self::ForgetsTimers,
        Self::PublishesAnew,
        Self::NeverAsks,
        Self::IgnoresErrors,
        Self::DropsEffects,
        Self::KeepsBlobs,
        Self::ForgetsFrom,
        Self::TearsBatches,
        Self::LosesSynced,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AcknowledgesEarly => "acknowledges-early",
            Self::DropsReturns => "drops-returns",
            Self::SkipsLookBack => "skips-look-back",
            Self::ForgetsRuns => "forgets-runs",
            Self::ForgetsTimers => "forgets-timers",
            Self::PublishesAnew => "publishes-anew",
            Self::NeverAsks => "never-asks",
            Self::IgnoresErrors => "ignores-errors",
            Self::DropsEffects => "drops-effects",
            Self::KeepsBlobs => "keeps-blobs",
            Self::ForgetsFrom => "forgets-from",
            Self::TearsBatches => "tears-batches",
            Self::LosesSynced => "loses-synced",
        }
    }
}

impl FromStr for Mutation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
        found.ok_or_else(|| format!("no mutation {text}; known: {}", names.join(", ")))
    }
}

impl World {
    /// A mutation: what a master without memory would do about open jobs.
    pub(super) fn publish_anew(&mut self) {
        let Some(views) = self.master.views() else {
            return;
        };
        let open: Vec<_> = views.jobs.open().map(|job| job.published.clone()).collect();
        for job in open.into_iter().filter(|job| job.step.is_some()) {
            let ids: HashSet<_> = job.minions.iter().cloned().collect();
            let ids: Vec<_> = ids.into_iter().collect();
            let mut request = Request::new(&job.fun.to_text(), Target::list(&ids), "root");
            request.arg = job.arg;
            request.step = job.step;
            self.put(Input::Publish(Box::new(request)), Asker::Nobody);
        }
    }

    /// A mutation: the last batch is gone from the disk.
    pub(super) fn lose_synced(&mut self) {
        let last = self.master.appends().last;
        let store = self.master.disk.open();
        let head = store.reader.head().0;
        let entries = whole_log(store.reader.as_ref());
        let kept = head.saturating_sub(last as u64) as usize;
        let kept: Vec<Entry> = entries
            .into_iter()
            .take(kept)
            .map(|(_, entry)| entry)
            .collect();
        let disk = Simulation::new();
        let mut copy = disk.open();
        let ids = store.blobs.list().unwrap_or_default();
        for bytes in ids
            .iter()
            .filter_map(|id| store.blobs.get(id).ok().flatten())
        {
            let _ = copy.blobs.put(&bytes);
        }
        let _ = copy.log.append(&kept);
        self.master.disk = disk;
    }
}
