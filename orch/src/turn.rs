//! One turn of a run: a fact comes in, records and effects go out.
//!
//! Works on a copy to which each record is applied as it is made, so that the next decision of the
//! same turn sees it. What is made here is exactly what a fold of the records makes again.

use std::sync::Arc;

use model::api::MinionPhase;
use model::{Event, Jid, JobReturn, MinionId};

use crate::attempt::Attempt;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::hiding::hidden;
use crate::record::{Answer, CallReturn, RunRecord};
use crate::run::{Context, Output, Run};
use crate::steps::{Outcome, Work};

/// How long to wait before a timer is tried again that ran out before the log was read, in
/// milliseconds.
const LOOK_BACK_PATIENCE_MS: u64 = 1000;

/// How long to wait before a timer for boots is looked at again while minions are still at work, in
/// milliseconds.
const AT_WORK_PATIENCE_MS: u64 = 60_000;

/// A run while it decides.
pub(crate) struct Turn<'a, 'c> {
    pub(crate) run: Run,
    pub(crate) context: &'a mut Context<'c>,
    pub(crate) output: Output,
}

impl<'a, 'c> Turn<'a, 'c> {
    pub(crate) fn of(run: &Run, context: &'a mut Context<'c>) -> Self {
        Self {
            run: run.clone(),
            context,
            output: Output::default(),
        }
    }

    pub(crate) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Begin => self.on_begin(),
            Fact::Published {
                jid,
                minions,
                missing,
            } => self.on_published(jid, minions, missing, None),
            Fact::NotPublished { jid, why } => self.on_published(jid, &[], &[], Some(why)),
            Fact::Returned(ret) => self.on_returned(ret),
            Fact::MinionEnded {
                jid,
                id,
                phase,
                why,
            } => {
                let phase = match phase {
                    // Whoever says so without an answer means that none came.
                    MinionPhase::Ok | MinionPhase::Failed => MinionPhase::Lost,
                    other => *other,
                };
                if phase.has_ended() {
                    self.on_minion_ended(jid, id, phase, why, None);
                }
            }
            Fact::StillRunning { jid, id, since } => self.on_still_running(jid, id, *since),
            Fact::Event(event) => self.on_event(event),
            Fact::LookedBack { step, upto } => self.on_looked_back(*step, *upto),
            Fact::NotLookedBack { step, why } => self.on_not_looked_back(*step, why),
            Fact::BootsBefore { jid, boots } => self.on_boots_before(jid, boots),
            Fact::Boot {
                id,
                boot,
                is_new,
                cursor,
            } => self.on_boot(id, boot.as_ref(), *is_new, *cursor),
            Fact::Progress { id } => self.on_progress(id),
            Fact::CallDone {
                jid,
                is_success,
                ret,
            } => {
                let ret = if self.hides_output(jid) {
                    hidden(ret)
                } else {
                    ret.clone()
                };
                let is_success = *is_success;
                let ret = CallReturn { is_success, ret };
                self.on_call_ended(jid, Some(ret));
            }
            Fact::CallLost { jid } => self.on_call_ended(jid, None),
            Fact::TimerFired { step, attempt } => self.on_timer(*step, *attempt),
            Fact::Resolved {
                step,
                attempt,
                minions,
                missing,
                refused,
            } => self.on_resolved((*step, *attempt), minions, missing, refused.as_ref()),
            Fact::Pause { id, pause, by } => self.on_pause(id, *pause, by),
            Fact::Unpause { id, by } => self.on_unpause(id, by),
            Fact::Approved { step, by, is_yes } => self.on_approved(*step, by, *is_yes),
            Fact::Cancelled { by } => self.on_cancelled(by),
        }
    }

    fn on_returned(&mut self, ret: &JobReturn) {
        let phase = if ret.is_failure() {
            MinionPhase::Failed
        } else {
            MinionPhase::Ok
        };
        let mut answer = Answer::from(ret);
        if self.hides_output(&ret.jid) {
            answer.ret = hidden(&answer.ret);
        }
        let answer = Some(Arc::new(answer));
        self.on_minion_ended(&ret.jid, &ret.id, phase, "", answer);
    }

    fn on_begin(&mut self) {
        // A rolling job whose next part was not recorded any more goes on.
        let running: Vec<usize> = self.run.running().map(|(step, _)| step).collect();
        for step in running {
            if self.run.started.plan.steps[step].work.rolling().is_some() {
                self.settle(step);
            }
        }
        self.advance();
    }

    /// Applies a record to the copy and hands it out.
    pub(crate) fn record(&mut self, record: RunRecord) {
        let applied = self.run.apply(&record);
        debug_assert_eq!(applied, Ok(()), "a turn only makes records that can follow");
        if applied.is_ok() {
            self.output.records.push(record);
        }
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.output.effects.push(effect);
    }

    pub(crate) fn attempt(
        &self,
        is_meant: impl Fn(usize, &Attempt) -> bool,
    ) -> Option<(usize, &Attempt)> {
        self.run
            .running()
            .find(|(step, attempt)| is_meant(*step, attempt))
    }

    fn hides_output(&self, jid: &Jid) -> bool {
        let is_meant = |_, attempt: &Attempt| attempt.asks(jid, None) || attempt.is_calling(jid);
        let found = self.attempt(is_meant);
        found.is_some_and(|(step, _)| self.run.started.plan.steps[step].hides_output)
    }

    fn on_published(
        &mut self,
        jid: &Jid,
        minions: &[MinionId],
        missing: &[String],
        refused: Option<&String>,
    ) {
        let is_meant = |_, attempt: &Attempt| attempt.jid.as_ref() == Some(jid);
        let Some((step, attempt)) = self.attempt(is_meant) else {
            return self.on_wave_published(jid, minions, refused);
        };
        if attempt.is_published {
            return;
        }
        let attempt = attempt.number;
        self.record(RunRecord::Published {
            step,
            attempt,
            minions: minions.to_vec(),
            missing: missing.to_vec(),
            refused: refused.cloned(),
            at: self.context.now,
        });
        self.settle(step);
    }

    fn on_minion_ended(
        &mut self,
        jid: &Jid,
        id: &MinionId,
        phase: MinionPhase,
        why: &str,
        answer: Option<Arc<Answer>>,
    ) {
        let is_meant = |_, attempt: &Attempt| attempt.asks(jid, Some(id));
        let Some((step, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let Some(minion) = attempt.minions.get(id) else {
            return;
        };
        // A minion that was given up may still answer while others are waited for: late is fine.
        let is_late = minion.answer.is_none() && answer.is_some();
        if minion.phase.has_ended() && !is_late {
            return;
        }
        let is_open = |minion: &&crate::MinionState| !minion.phase.has_ended();
        let others = attempt.minions.values().filter(is_open).count();
        let others = others - usize::from(!minion.phase.has_ended());
        // Of a thousand answers 999 end nothing: they need no copy of the step to decide on.
        let is_only_told = others > 0 && attempt.after.is_none() && attempt.waves.is_empty();
        let record = RunRecord::MinionEnded {
            step,
            attempt: attempt.number,
            id: id.clone(),
            phase,
            why: why.to_owned(),
            answer,
            at: self.context.now,
        };
        if is_only_told {
            self.output.records.push(record);
        } else {
            self.record(record);
            self.settle(step);
        }
    }

    fn on_still_running(&mut self, jid: &Jid, id: &MinionId, since: model::Timestamp) {
        let is_meant = |_, attempt: &Attempt| {
            let is_waiting = |minion: &crate::MinionState| minion.phase == MinionPhase::Waiting;
            attempt.asks(jid, Some(id)) && attempt.minions.get(id).is_some_and(is_waiting)
        };
        if let Some((step, attempt)) = self.attempt(is_meant) {
            let attempt = attempt.number;
            self.record(RunRecord::MinionRunning {
                step,
                attempt,
                id: id.clone(),
                since,
            });
        }
    }

    fn on_event(&mut self, event: &Event) {
        let plan = Arc::clone(&self.run.started.plan);
        let mut ticked = Vec::new();
        for (step, attempt) in self.run.running() {
            for id in plan.steps[step].work.matching(attempt, event) {
                ticked.push((step, attempt.number, id));
            }
        }
        let steps: Vec<usize> = ticked.iter().map(|(step, ..)| *step).collect();
        for (step, attempt, id) in ticked {
            let cursor = event.cursor;
            self.record(RunRecord::EventSeen {
                step,
                attempt,
                id,
                cursor,
            });
        }
        for step in steps {
            self.settle(step);
        }
    }

    fn on_looked_back(&mut self, step: usize, upto: model::Cursor) {
        let is_meant = |at: usize, attempt: &Attempt| at == step && attempt.after.is_some();
        let Some((_, attempt)) = self.attempt(is_meant) else {
            return;
        };
        if attempt.looked_back.is_some_and(|before| before >= upto) {
            return;
        }
        let attempt = attempt.number;
        self.record(RunRecord::LookedBack {
            step,
            attempt,
            upto,
        });
    }

    fn on_not_looked_back(&mut self, step: usize, why: &str) {
        let is_blind = |at: usize, attempt: &Attempt| {
            at == step && attempt.after.is_some() && attempt.looked_back.is_none()
        };
        let Some((_, attempt)) = self.attempt(is_blind) else {
            return;
        };
        let attempt = attempt.number;
        let why = why.to_owned();
        self.record(RunRecord::NotLookedBack { step, attempt, why });
        self.settle(step);
    }

    fn on_call_ended(&mut self, jid: &Jid, ret: Option<CallReturn>) {
        let is_meant = |_, attempt: &Attempt| attempt.is_calling(jid);
        let Some((step, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let attempt = attempt.number;
        self.record(RunRecord::CallEnded {
            step,
            attempt,
            jid: jid.clone(),
            ret,
            at: self.context.now,
        });
        self.settle(step);
    }

    fn on_approved(&mut self, step: usize, by: &str, is_yes: bool) {
        let plan = Arc::clone(&self.run.started.plan);
        let is_asked =
            |at: usize, _: &Attempt| at == step && plan.steps[at].work.as_approve().is_some();
        let Some((_, attempt)) = self.attempt(is_asked) else {
            return;
        };
        let attempt = attempt.number;
        self.record(RunRecord::Approved {
            step,
            attempt,
            by: by.to_owned(),
            is_yes,
            at: self.context.now,
        });
        self.settle(step);
    }

    fn on_timer(&mut self, step: usize, number: u32) {
        let Some(state) = self.run.steps.get(step) else {
            return;
        };
        let now = self.context.now;
        if let Some((held, until)) = self.run.held
            && held == step
            && number == 0
        {
            return self.on_held_long_enough(step, until);
        }
        if let Some(at) = state.retry_at {
            let next = state.attempts.len() as u32 + 1;
            match (number == next, now >= at) {
                (false, _) => {}
                (true, false) => self.set_timer(step, next, at),
                (true, true) => {
                    self.start(step, false);
                    self.advance();
                }
            }
            return;
        }
        let is_meant = |at: usize, attempt: &Attempt| at == step && attempt.number == number;
        let Some((_, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let Some(deadline) = attempt.deadline else {
            return;
        };
        if now < deadline {
            self.set_timer(step, number, deadline);
        } else if attempt.after.is_some() && attempt.looked_back.is_none() {
            // What the wait waits for may be in the part of the log that nobody read yet.
            let again = now.plus_millis(LOOK_BACK_PATIENCE_MS);
            self.set_timer(step, number, again);
        } else if self.is_for_boots(step, attempt, now) {
            let again = now.plus_millis(AT_WORK_PATIENCE_MS);
            self.set_timer(step, number, again);
        } else {
            self.record(RunRecord::TimedOut {
                step,
                attempt: number,
                at: now,
            });
            self.end_silent(step, number);
            self.settle(step);
        }
    }

    /// What was not answered when a job's time is over will not be waited for.
    fn end_silent(&mut self, step: usize, attempt: u32) {
        let planned = &self.run.started.plan.steps[step];
        let Some(seconds) = planned.timeout_ms.map(|millis| millis as f64 / 1000.0) else {
            return;
        };
        let why = format!("it did not return within the step's {seconds} s");
        let minions = self.run.steps[step].attempts.last();
        let minions = minions.into_iter().flat_map(|attempt| &attempt.minions);
        let open = minions.filter(|(_, minion)| !minion.phase.has_ended());
        let open: Vec<MinionId> = open.map(|(id, _)| id.clone()).collect();
        for id in open {
            self.record(RunRecord::MinionEnded {
                step,
                attempt,
                id,
                phase: MinionPhase::Lost,
                why: why.clone(),
                answer: None,
                at: self.context.now,
            });
        }
    }

    pub(crate) fn set_timer(&mut self, step: usize, attempt: u32, at: model::Timestamp) {
        self.effect(Effect::SetTimer { step, attempt, at });
    }

    fn on_cancelled(&mut self, by: &str) {
        if self.run.cancelled_by.is_some() {
            return;
        }
        let at = self.context.now;
        let mut open = Vec::new();
        let mut minions = Vec::new();
        for (step, state) in self.run.steps.iter().enumerate() {
            let planned = &self.run.started.plan.steps[step];
            // What a maker is about to make can be revoked only once it is made.
            let is_making = matches!(planned.work, Work::Secret(_)) && state.retry_at.is_none();
            if state.phase == model::api::StepPhase::Running
                && !planned.is_finally
                && !is_making
                && let Some(attempt) = state.attempts.last()
            {
                open.push((step, attempt.number));
                let waiting = attempt.minions.iter();
                let waiting = waiting.filter(|(_, minion)| !minion.phase.has_ended());
                minions.extend(waiting.map(|(id, _)| (step, attempt.number, id.clone())));
            }
        }
        self.record(RunRecord::Cancelled {
            by: by.to_owned(),
            at,
        });
        for (step, attempt, id) in minions {
            self.record(RunRecord::MinionEnded {
                step,
                attempt,
                id,
                phase: MinionPhase::Cancelled,
                why: format!("by {by}"),
                answer: None,
                at,
            });
        }
        for (step, attempt) in open {
            let outcome = Outcome::failed(format!("Cancelled by {by}."));
            self.finish_step(step, attempt, outcome);
        }
        self.advance();
    }
}
