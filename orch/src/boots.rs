//! Boots that a run waits for, and deadlines that follow what minions show.
//!
//! A new boot counts once the minion is through with the job: a machine that restarted by itself
//! before it heard the job gets it again, and restarts once more.

use model::{Boot, Cursor, Jid, MinionId, Timestamp};

use crate::attempt::Attempt;
use crate::record::RunRecord;
use crate::run::Run;
use crate::steps::Work;
use crate::steps::rebooting::{Proof, Rebooting, Restart};
use crate::turn::Turn;

/// The key of a start event's data that says that the master had made it up before it came: the
/// same start, told late. Nothing waits for it any more.
pub const REPEATS_SYNTHESIZED: &str = "repeats_synthesized";

/// By how much a deadline moves at least, in milliseconds: a chatty minion is not a record for each
/// word.
const MOVED_MS_MIN: u64 = 1_000;

/// The same as a part of the time-out: one twentieth.
const MOVED_PART: u64 = 20;

/// Applies what a record says of boots and deadlines.
pub(crate) fn apply(attempt: &mut Attempt, record: &RunRecord) -> Result<(), String> {
    match record {
        RunRecord::BootsBefore { boots, .. } => {
            for (id, boot) in boots {
                let state = attempt.boots.entry(id.clone()).or_default();
                state.before = Some(boot.clone());
            }
        }
        RunRecord::BootSeen {
            id,
            boot,
            is_new,
            cursor,
            ..
        } => {
            let minion = attempt.minions.get(id);
            let minion = minion.ok_or_else(|| format!("nothing was asked of {id}"))?;
            let is_through = minion.phase.has_ended();
            let state = attempt.boots.entry(id.clone()).or_default();
            state.told = Some(*cursor);
            state.now = boot.clone();
            state.is_mute = boot.is_none();
            if !is_through {
                state.before = boot.clone().or(state.before.take());
            } else if *is_new && state.before.is_some() {
                state.proof.get_or_insert(*cursor);
            }
        }
        RunRecord::BootsAwaited {
            deadline, limit, ..
        } => {
            attempt.deadline = Some(*deadline);
            attempt.limit = Some(*limit);
        }
        RunRecord::Progressed {
            id, at, deadline, ..
        } => {
            attempt.deadline = Some(*deadline);
            attempt.progress = Some((id.clone(), *at));
        }
        other => return Err(format!("{} does not belong here", other.name())),
    }
    Ok(())
}

impl Run {
    /// Says whether a step at work waits for a minion's machine to restart, and wants to be told of
    /// its boots.
    pub fn wants_boot_of(&self, id: &MinionId) -> bool {
        self.boots_wanted()
            .any(|attempt| attempt.minions.contains_key(id))
    }

    /// Says whether a job of this run is to restart machines, so that their boots of now count.
    pub fn wants_boots_of(&self, jid: &Jid) -> bool {
        self.boots_wanted().any(|attempt| attempt.asks(jid, None))
    }

    fn boots_wanted(&self) -> impl Iterator<Item = &Attempt> {
        let wants = |(step, attempt): (usize, &Attempt)| {
            let rebooting = self.rebooting(step, attempt)?;
            (rebooting.proof == Proof::Boot).then_some(())
        };
        self.running()
            .filter(move |(step, attempt)| wants((*step, attempt)).is_some())
            .map(|(_, attempt)| attempt)
    }

    /// Gives what a step waits for that restarts machines, unless it only says what it would do.
    pub(crate) fn rebooting(&self, step: usize, attempt: &Attempt) -> Option<Rebooting> {
        let is_real = !self.plan().options.is_test && !attempt.is_pre;
        self.plan().steps[step].work.rebooting().filter(|_| is_real)
    }

    /// Gives the minions whose start or boot a step at work waits for: after a restart of the
    /// master they are asked, as one whose start event was lost has no reason to say anything.
    pub fn awaited(&self) -> Vec<MinionId> {
        let mut ids = Vec::new();
        for (step, attempt) in self.running() {
            let wait = self.plan().steps[step].work.as_wait();
            if let Some(wait) = wait.filter(|wait| wait.waits_for_starts()) {
                let waiting = wait.waiting_for(attempt);
                ids.extend(waiting.iter().filter_map(|wait| wait.id.parse().ok()));
            } else if let Some(rebooting) = self.rebooting(step, attempt) {
                let minions = attempt.minions.keys();
                let away = minions.filter(|id| rebooting.restart(attempt, id) == Restart::No);
                ids.extend(away.cloned());
            }
        }
        ids
    }

    /// Says whether the deadline of a step at work moves with what a minion shows.
    pub fn follows(&self, id: &MinionId) -> bool {
        self.running()
            .any(|(step, attempt)| self.follows_in(step, attempt, id))
    }

    fn follows_in(&self, step: usize, attempt: &Attempt, id: &MinionId) -> bool {
        if attempt.limit.is_none() {
            return false;
        }
        if let Some(wait) = self.plan().steps[step].work.as_wait() {
            let waiting = wait.waiting_for(attempt);
            let is_it = |text: &str| text == id.as_str();
            return waiting
                .iter()
                .any(|wait| is_it(&wait.id) || wait.alias.as_deref().is_some_and(is_it));
        }
        let rebooting = self.rebooting(step, attempt);
        let is_away = |rebooting: Rebooting| rebooting.restart(attempt, id) == Restart::No;
        attempt.minions.contains_key(id) && rebooting.is_some_and(is_away)
    }
}

impl Work {
    /// Gives what it waits for that restarts machines, if it does.
    pub(crate) fn rebooting(&self) -> Option<Rebooting> {
        match self {
            Work::Reboot(reboot) => Some(reboot.rebooting()),
            Work::State(state) => state.audience.rebooting,
            Work::Function(function) => function.audience.rebooting,
            _ => None,
        }
    }

    /// Gives how long nothing may be heard of those it waits for, if its deadline follows that.
    fn patience_ms(&self) -> Option<u64> {
        match self.as_wait() {
            Some(wait) => wait.timeout_max_ms.map(|_| wait.timeout_ms),
            None => self.rebooting().map(|rebooting| rebooting.timeout_ms),
        }
    }
}

impl Turn<'_, '_> {
    pub(crate) fn on_boots_before(&mut self, jid: &Jid, boots: &[(MinionId, Boot)]) {
        let is_meant = |_, attempt: &Attempt| attempt.asks(jid, None);
        let Some((step, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let meant = boots
            .iter()
            .filter(|(id, _)| attempt.minions.contains_key(id) && !attempt.boots.contains_key(id));
        let boots: Vec<_> = meant.cloned().collect();
        let attempt = attempt.number;
        if boots.is_empty() {
            return;
        }
        self.record(RunRecord::BootsBefore {
            step,
            attempt,
            boots,
        });
    }

    pub(crate) fn on_boot(
        &mut self,
        id: &MinionId,
        boot: Option<&Boot>,
        is_new: bool,
        cursor: Cursor,
    ) {
        let meant: Vec<(usize, u32)> = self
            .run
            .running()
            .filter(|(step, attempt)| {
                let rebooting = self.run.rebooting(*step, attempt);
                let wants = rebooting.is_some_and(|rebooting| rebooting.proof == Proof::Boot);
                let told = attempt.boots.get(id).and_then(|boot| boot.told);
                let is_news = told.is_none_or(|told| told < cursor);
                wants && is_news && attempt.minions.contains_key(id)
            })
            .map(|(step, attempt)| (step, attempt.number))
            .collect();
        for (step, attempt) in meant {
            self.record(RunRecord::BootSeen {
                step,
                attempt,
                id: id.clone(),
                boot: boot.cloned(),
                is_new,
                cursor,
            });
            self.settle(step);
        }
    }

    /// Moves the deadlines of what waits for a minion that gets on.
    pub(crate) fn on_progress(&mut self, id: &MinionId) {
        let now = self.context.now;
        let mut moved = Vec::new();
        for (step, attempt) in self.run.running() {
            let patience = self.run.plan().steps[step].work.patience_ms();
            let (Some(patience), Some(deadline), Some(limit)) =
                (patience, attempt.deadline, attempt.limit)
            else {
                continue;
            };
            let next = now.plus_millis(patience).min(limit);
            let by = next.millis_since(deadline);
            let is_worth_it = by >= MOVED_MS_MIN.max(patience / MOVED_PART) || next == limit;
            if by > 0 && is_worth_it && self.run.follows_in(step, attempt, id) {
                moved.push((step, attempt.number, next));
            }
        }
        for (step, attempt, deadline) in moved {
            self.record(RunRecord::Progressed {
                step,
                attempt,
                id: id.to_string(),
                at: now,
                deadline,
            });
            self.set_timer(step, attempt, deadline);
        }
    }

    /// Begins to count the time in which machines must have restarted, once everybody who was asked
    /// is through with the job.
    pub(crate) fn await_boots(&mut self, step: usize) {
        let now = self.context.now;
        let Some((_, attempt)) = self.attempt(|at, _| at == step) else {
            return;
        };
        let Some(rebooting) = self.run.rebooting(step, attempt) else {
            return;
        };
        let is_any = rebooting.awaits_any(attempt);
        if !is_any || attempt.limit.is_some() || self.is_at_work(step, attempt) {
            return;
        }
        let of_step = self.step_deadline(step, attempt);
        let limit = now.plus_millis(rebooting.timeout_max_ms);
        let limit = of_step.map_or(limit, |of_step| of_step.min(limit));
        let deadline = now.plus_millis(rebooting.timeout_ms).min(limit);
        let attempt = attempt.number;
        self.record(RunRecord::BootsAwaited {
            step,
            attempt,
            at: now,
            deadline,
            limit,
        });
        self.set_timer(step, attempt, deadline);
    }

    /// Says whether a minion that was asked is not through with the job.
    pub(crate) fn is_at_work(&self, step: usize, attempt: &Attempt) -> bool {
        let is_rolling = self.run.plan().steps[step].work.rolling().is_some();
        attempt.minions.iter().any(|(id, minion)| {
            let is_asked = |wave: &crate::Wave| wave.minions.contains(id);
            let is_asked = !is_rolling || attempt.waves.iter().any(is_asked);
            is_asked && !minion.phase.has_ended()
        })
    }

    /// Says whether a deadline that passed is that of an earlier part of a rolling job: the minions
    /// of the next are at work, and what they take is not counted.
    pub(crate) fn is_for_boots(&self, step: usize, attempt: &Attempt, now: Timestamp) -> bool {
        let work = &self.run.plan().steps[step].work;
        let is_own = self.step_deadline(step, attempt);
        let is_own = is_own.is_some_and(|deadline| deadline <= now);
        let is_rolling = work.rolling().is_some() && work.rebooting().is_some();
        is_rolling && !is_own && self.is_at_work(step, attempt)
    }

    /// Gives when the step's own time is over.
    pub(crate) fn step_deadline(&self, step: usize, attempt: &Attempt) -> Option<Timestamp> {
        let timeout = self.run.plan().steps[step].timeout_ms?;
        let timeout = timeout.saturating_add(attempt.given_back_ms);
        Some(attempt.at.plus_millis(timeout))
    }
}
