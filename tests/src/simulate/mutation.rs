//! Faults of the master itself, made on purpose: the proof that the oracle can fail.
//!
//! Each stands where the simulator plays a part of the master (it answers, performs, starts) or of
//! its disk, so that nothing of the shipped code knows of it.

use std::str::FromStr;

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
    /// It starts without the returns that open jobs already have.
    ForgetsReturns,
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
        Self::ForgetsReturns,
        Self::ForgetsTimers,
        Self::PublishesAnew,
        Self::NeverAsks,
        Self::IgnoresErrors,
        Self::DropsEffects,
        Self::KeepsBlobs,
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
            Self::ForgetsReturns => "forgets-returns",
            Self::ForgetsTimers => "forgets-timers",
            Self::PublishesAnew => "publishes-anew",
            Self::NeverAsks => "never-asks",
            Self::IgnoresErrors => "ignores-errors",
            Self::DropsEffects => "drops-effects",
            Self::KeepsBlobs => "keeps-blobs",
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
