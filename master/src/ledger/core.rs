//! The ledger without its thread: a batch of inputs in, answers and effects out.
//!
//! [`Core::step`] is the whole of "decide, record, release" as one call that nothing else happens
//! in. The thread of the ledger calls it with what waits in its queue; the simulator calls it with
//! what its world thought of. It releases nothing by itself: whoever calls does, in the order of
//! [`Step`]'s fields, and may be killed between any two of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{Cursor, Timestamp};
use storage::{Entry, Log};
use tracing::{error, info, warn};

use super::decide::Decision;
use super::outage::{Attempts, Outage};
use super::{
    Answer, Durable, Effect, Input, Large, LedgerError, Policy, Record, TRIM_RECORDS_MAX, TimerKey,
    Views, decide, large, replay,
};
use crate::keys::KeyChanged;
use crate::world::Clock;

/// What a core is built of.
pub struct CoreParts {
    /// The views as replayed.
    pub views: Views,
    /// The log to append to.
    pub log: Box<dyn Log>,
    /// What the views were built from, to build them again.
    pub durable: Durable,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The options.
    pub policy: Policy,
}

/// By how much two clocks may differ without one of them having jumped, in milliseconds: more than
/// any slewing does between two inputs, less than any timeout.
const JUMP_MS_MIN: u64 = 1_000;

/// What both clocks said at the same moment.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    wall: Timestamp,
    steady: Duration,
}

impl Beat {
    /// Reads both.
    pub fn of(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            steady: clock.steady(),
        }
    }

    /// Gives by how many milliseconds the wall clock jumped from an earlier beat to this one, if it
    /// did.
    pub fn jump_since(self, earlier: Self) -> Option<i64> {
        let passed = self.steady.saturating_sub(earlier.steady);
        let passed = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let expected = earlier.wall.0.saturating_add(passed);
        let ahead = self.wall.0.saturating_sub(expected) / 1000;
        let behind = expected.saturating_sub(self.wall.0) / 1000;
        let by = i64::try_from(ahead).ok()? - i64::try_from(behind).ok()?;
        (by.unsigned_abs() >= JUMP_MS_MIN).then_some(by)
    }
}

/// What is known, and the writing end of the log.
pub struct Core {
    parts: CoreParts,
    beat: Beat,
    /// The views hold a batch that was not recorded, and could not be built again yet.
    are_views_ahead: bool,
    /// Attempts at building them again.
    rebuilds: Attempts,
    /// The last append failed.
    outage: Option<Outage>,
}

/// What one batch came to. All of it is durable.
#[derive(Debug, Default)]
pub struct Step {
    /// The place of the last durable record.
    pub head: Cursor,
    /// The keys that changed, for the keyring: before anybody is answered.
    pub keys: Vec<KeyChanged>,
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
    /// For each input, in order, what its asker is told.
    pub answers: Vec<Result<Answer, LedgerError>>,
    /// Blobs that nothing refers to any more.
    pub unneeded_blobs: Vec<String>,
}

/// What a batch adds up to before it is durable.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    step: Step,
    /// How far it has brought timers forward.
    hurried: HashMap<TimerKey, Timestamp>,
}

impl Batch {
    /// Adds effects, in order; without those that bring a timer forward no further than one of
    /// before: a herd of sign-ins brings as many.
    fn add(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::HurryTimer { key, at } => {
                    if self.hurried.get(key).is_some_and(|known| known <= at) {
                        continue;
                    }
                    self.hurried.insert(key.clone(), *at);
                }
                Effect::SetTimer { key, .. } => drop(self.hurried.remove(key)),
                _ => {}
            }
            self.step.effects.push(effect);
        }
    }
}

impl Core {
    /// Takes over the log and what was read from it.
    pub fn new(parts: CoreParts) -> Self {
        let beat = Beat::of(parts.clock.as_ref());
        Self {
            parts,
            beat,
            are_views_ahead: false,
            rebuilds: Attempts::default(),
            outage: None,
        }
    }

    /// Decides on a batch of inputs, one after the other, and makes what follows durable by one
    /// append. If that fails, nothing of the batch happened and every asker is told.
    pub fn step(&mut self, inputs: impl IntoIterator<Item = Input>) -> Step {
        let mut batch = Batch::default();
        let before = self.beat;
        let mut inputs = inputs.into_iter().peekable();
        let refusal = inputs.peek().and_then(|_| self.refusal());
        for input in inputs {
            if let Some(why) = &refusal {
                let why = why.clone();
                batch.step.answers.push(Err(LedgerError::NotRecorded(why)));
                continue;
            }
            let beat = Beat::of(self.parts.clock.as_ref());
            if let Some(by_ms) = beat.jump_since(self.beat) {
                warn!(
                    by_ms,
                    "the wall clock jumped; what is waited for moves with it"
                );
                let CoreParts { views, policy, .. } = &self.parts;
                let decision = decide::on_clock_jump(views, policy, by_ms, beat.wall);
                self.follow(decision, &[], beat.wall, &mut batch);
            }
            self.beat = beat;
            let (input, large) = match input {
                Input::WithLarge { input, large } => (*input, large),
                input => (input, Vec::new()),
            };
            let CoreParts { views, policy, .. } = &mut self.parts;
            let decision = decide::on_input(views, policy, input, beat.wall);
            let answer = self.follow(decision, &large, beat.wall, &mut batch);
            batch.step.answers.push(Ok(answer));
        }
        match self.append(&batch.entries) {
            Ok(head) => Step { head, ..batch.step },
            Err(problem) => {
                // A jump that is not on record is seen again.
                self.beat = before;
                self.undo(&batch.step, &problem)
            }
        }
    }

    /// Gives what is known, all of it durable; `None` if that cannot be said now.
    pub fn views(&mut self) -> Option<&Views> {
        self.are_views_right().then_some(&self.parts.views)
    }

    /// Forgets the next records; says whether more are left to forget.
    ///
    /// # Errors
    /// The log cannot be trimmed.
    pub fn trim(&mut self, upto: Cursor) -> Result<bool, LedgerError> {
        let Some(views) = self.views() else {
            return Ok(false);
        };
        let upto = upto.min(views.unneeded_upto());
        let tail = self.parts.durable.reader.tail();
        let next = upto.min(Cursor(tail.0.saturating_add(TRIM_RECORDS_MAX)));
        if next > tail {
            let trimmed = self.parts.log.trim(next);
            trimmed.map_err(|problem| LedgerError::NotRecorded(problem.to_string()))?;
        }
        Ok(next < upto)
    }

    /// Leaves the log in as few bytes as it takes: nothing is to follow.
    ///
    /// # Errors
    /// The disk is full or broken. What was recorded is as durable as before.
    pub fn settle(&mut self) -> Result<(), LedgerError> {
        let settled = self.parts.log.settle();
        settled.map_err(|problem| LedgerError::NotRecorded(problem.to_string()))
    }

    /// Gives what the views are built from.
    pub fn durable(&self) -> &Durable {
        &self.parts.durable
    }

    /// Takes in a decision, and decides on everything that follows from its records, in log order.
    fn follow(
        &mut self,
        decision: Decision,
        large: &[Large],
        now: Timestamp,
        batch: &mut Batch,
    ) -> Answer {
        let CoreParts { views, policy, .. } = &mut self.parts;
        batch.add(decision.effects);
        let mut records: VecDeque<Record> = decision.records.into();
        while let Some(record) = records.pop_front() {
            let cursor = views.head.next();
            let started = replay::starts_in(views, cursor, now, &record);
            batch.entries.push(large::entry(now, &record, large));
            views.apply(cursor, now, &record);
            if let Record::KeyChanged(changed) = &record {
                batch.step.keys.push(changed.clone());
            }
            let next = decide::on_record(views, policy, cursor, &record, &started, now);
            batch.add(next.effects);
            records.extend(next.records);
        }
        let unneeded = views.mine.take_unneeded();
        batch.step.unneeded_blobs.extend(unneeded);
        let unneeded = views.secrets.take_unneeded();
        batch.step.unneeded_blobs.extend(unneeded);
        decision.answer
    }

    fn append(&mut self, entries: &[Entry]) -> Result<Cursor, storage::Error> {
        if entries.is_empty() {
            // Nothing new is durable; while the views are ahead, their head is not.
            return Ok(self.parts.log.head());
        }
        let cursor = self.parts.log.append(entries)?;
        debug_assert_eq!(
            cursor, self.parts.views.head,
            "views and log count the same records"
        );
        if self.outage.take().is_some() {
            info!("the log takes records again");
        }
        Ok(cursor)
    }

    /// Gives why nothing can be decided now, if so.
    fn refusal(&mut self) -> Option<String> {
        let now = self.parts.clock.steady();
        if let Some(outage) = self.outage.as_mut().filter(|outage| !outage.is_probed) {
            if outage.probes.may_try(now) {
                match self.parts.log.probe() {
                    Ok(()) => outage.is_probed = true,
                    Err(problem) => {
                        warn!(%problem, "the log still takes nothing");
                        outage.problem = problem.to_string();
                    }
                }
            }
            if !outage.is_probed {
                return Some(outage.problem.clone());
            }
        }
        let why = "the store cannot be read; the log of the master says why";
        (!self.are_views_right()).then(|| why.to_owned())
    }

    /// The batch never happened.
    fn undo(&mut self, step: &Step, problem: &storage::Error) -> Step {
        let inputs = step.answers.len();
        error!(%problem, inputs, "nothing of this batch was recorded");
        self.are_views_ahead = true;
        self.rebuilds = Attempts::default();
        let outage = self.outage.get_or_insert_with(Outage::default);
        outage.problem = problem.to_string();
        outage.is_probed = false;
        let told = || Err(LedgerError::NotRecorded(problem.to_string()));
        Step {
            head: self.parts.log.head(),
            answers: (0..inputs).map(|_| told()).collect(),
            ..Step::default()
        }
    }

    /// Builds the views again if they hold what was not recorded; says whether they are right now.
    /// While they are not, nothing is decided and nothing is answered.
    fn are_views_right(&mut self) -> bool {
        if self.are_views_ahead && self.rebuilds.may_try(self.parts.clock.steady()) {
            match self.parts.durable.views() {
                Ok(views) => {
                    info!(head = %views.head, "the views are built again from what is durable");
                    self.parts.views = views;
                    self.are_views_ahead = false;
                }
                Err(problem) => error!(%problem, "the views cannot be built again"),
            }
        }
        !self.are_views_ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_brings_a_timer_forward_once() {
        let hurry = |secs| Effect::HurryTimer {
            key: TimerKey::Boots,
            at: Timestamp::from_secs(secs),
        };
        let set = || Effect::SetTimer {
            key: TimerKey::Boots,
            at: Timestamp::from_secs(60),
        };
        let mut batch = Batch::default();
        batch.add(vec![hurry(5), Effect::RotateKeys, hurry(5), hurry(6)]);
        batch.add(vec![hurry(6), hurry(4), set(), hurry(5)]);
        let left = [
            hurry(5),
            Effect::RotateKeys,
            hurry(4),
            // It is set to a later moment again.
            set(),
            hurry(5),
        ];
        assert_eq!(batch.step.effects, left);
    }
}
