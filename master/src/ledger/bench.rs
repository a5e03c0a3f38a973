//! A ledger without a log and a thread, for tests of decisions: what follows from a record is
//! decided as [`Core`](crate::ledger::Core) does.

use std::collections::VecDeque;

use model::{MinionId, Timestamp};

use crate::config::Opts;
use crate::keys::{KeyChange, KeyChanged};
use crate::ledger::decide::{self, Decision};
use crate::ledger::{Effect, Input, Policy, Record, Views, replay};

/// What is known, and all that happened so far.
pub(crate) struct Bench {
    pub(crate) views: Views,
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

impl Bench {
    /// Knows these accepted minions.
    pub(crate) fn with(minions: &[&str]) -> Self {
        let mut bench = Self {
            views: Views::default(),
            policy: crate::master::policy(&Opts::default()),
            now: Timestamp::from_secs(1_000_000),
            records: Vec::new(),
            effects: Vec::new(),
        };
        let accepted = minions.iter().map(|id| {
            Record::KeyChanged(KeyChanged {
                id: minion(id),
                change: KeyChange::Accepted,
                pem: "pem".into(),
                by: "test".into(),
            })
        });
        bench.follow(Decision::records(accepted.collect()));
        bench
    }

    /// Decides on one input.
    pub(crate) fn put(&mut self, input: Input) {
        let decision = decide::on_input(&mut self.views, &self.policy, input, self.now);
        self.follow(decision);
    }

    /// Takes in a decision and what follows from it.
    pub(crate) fn follow(&mut self, decision: Decision) {
        self.effects.extend(decision.effects);
        let mut records: VecDeque<Record> = decision.records.into();
        while let Some(record) = records.pop_front() {
            let cursor = self.views.head.next();
            let started = replay::starts_in(&self.views, cursor, self.now, &record);
            self.views.apply(cursor, self.now, &record);
            let (views, policy) = (&mut self.views, &self.policy);
            let next = decide::on_record(views, policy, cursor, &record, &started, self.now);
            self.effects.extend(next.effects);
            records.extend(next.records);
            self.records.push(record);
        }
    }
}

/// Reads an id.
pub(crate) fn minion(id: &str) -> MinionId {
    id.parse().expect("a test names valid ids")
}
