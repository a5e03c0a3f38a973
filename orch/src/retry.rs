//! A run once more: its stored plan from a step on, with the results of the steps before it.
//!
//! The new run is a run of its own, with its own id and log. A carried step counts as if it had run
//! here: requisites see its result and its changes, a wait that requires it looks back to where it
//! really began. Carried is what ended and stands before the chosen step (or is needed by it), does
//! not itself need that step, is neither `finally` nor a secret,
//! and was not taken back; everything else runs again. A guard is asked again with what it guards.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Jid;
use model::api::StepPhase;
use serde::{Deserialize, Serialize};

use crate::record::Started;
use crate::run::{Run, StepState};
use crate::steps::Work;

/// A step whose result is taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The step.
    pub step: usize,
    /// How it stood in the earlier run.
    pub state: Arc<StepState>,
}

/// Where a retried run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryOf {
    /// The earlier run.
    pub run: Jid,
    /// The step it begins with.
    pub from: usize,
    /// The steps whose results it took over.
    pub carried: Vec<usize>,
}

/// Why a run cannot be run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRetry {
    /// It goes on.
    #[error("run {0} has not ended")]
    HasNotEnded(Jid),
    /// Nothing of it failed, so the step must be said.
    #[error("no step of run {0} failed")]
    NothingFailed(Jid),
    /// There is no such step.
    #[error("run {run} has no step '{step}'")]
    NoSuchStep {
        /// The run.
        run: Jid,
        /// What was asked for.
        step: String,
    },
}

impl Run {
    /// Chooses where a retry begins (`None` is the first step that did not end well) and what it
    /// carries over.
    ///
    /// # Errors
    /// The run goes on, nothing failed, or there is no such step.
    pub fn retry(&self, from: Option<&str>) -> Result<(usize, Vec<Carried>), CannotRetry> {
        if !self.phase().has_ended() {
            return Err(CannotRetry::HasNotEnded(self.id().clone()));
        }
        let from = match from {
            Some(name) => self.step_of(name).ok_or_else(|| CannotRetry::NoSuchStep {
                run: self.id().clone(),
                step: name.to_owned(),
            })?,
            None => self
                .steps()
                .position(|step| {
                    let is_good = matches!(step.phase, StepPhase::Succeeded | StepPhase::Skipped);
                    !is_good
                        || step
                            .ret
                            .as_ref()
                            .is_some_and(|ret| ret.result == Some(false))
                })
                .ok_or_else(|| CannotRetry::NothingFailed(self.id().clone()))?,
        };
        let needed = self.reached(from, |step, other| self.needs(step, other));
        let dependent = self.reached(from, |step, other| self.needs(other, step));
        let carried = self.steps.iter().enumerate().filter(|(step, state)| {
            let planned = &self.plan().steps[*step];
            let is_before = *step < from || needed.contains(step);
            let is_over = state.phase.has_ended() && state.ret.is_some();
            // Its value was revoked when the earlier run ended.
            let is_secret = matches!(planned.work, Work::Secret(_));
            let is_of_end = planned.is_finally || planned.owner.is_some() || is_secret;
            let is_kept = is_before && is_over && !is_of_end && !dependent.contains(step);
            is_kept && !self.is_taken_back(*step)
        });
        let carried = carried.map(|(step, state)| Carried {
            step,
            state: Arc::clone(state),
        });
        let mut carried: Vec<Carried> = carried.collect();
        self.ask_guards_again(&mut carried);
        Ok((from, carried))
    }

    /// Says whether the earlier run took back what a step did.
    fn is_taken_back(&self, step: usize) -> bool {
        let mut steps = self.plan().steps.iter().zip(&self.steps);
        steps.any(|(planned, state)| {
            let is_of_it = |owner: &crate::Owner| owner.is_compensation && owner.step == step;
            planned.owner.as_ref().is_some_and(is_of_it) && !state.attempts.is_empty()
        })
    }

    /// What a guard saw in the earlier run guards nothing that runs again.
    fn ask_guards_again(&self, carried: &mut Vec<Carried>) {
        let kept: BTreeSet<usize> = carried.iter().map(|carried| carried.step).collect();
        let runs_again = |step: usize| {
            (0..self.steps.len()).any(|other| self.needs(other, step) && !kept.contains(&other))
        };
        carried.retain(|carried| {
            let work = &self.plan().steps[carried.step].work;
            !matches!(work, Work::WipeGuard(_)) || !runs_again(carried.step)
        });
    }

    fn needs(&self, step: usize, other: usize) -> bool {
        let needs = self.plan().steps[step].needs.iter();
        needs.into_iter().any(|need| need.step == other)
    }

    /// Gives a step and all that are reached from it.
    fn reached(&self, from: usize, leads: impl Fn(usize, usize) -> bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(step) = open.pop() {
            for other in 0..self.steps.len() {
                if leads(step, other) && reached.insert(other) {
                    open.push(other);
                }
            }
        }
        reached
    }

    /// Makes the run that a `Retried` record tells of.
    pub fn start_again(started: Started, of: Jid, from: usize, carried: &[Carried]) -> Run {
        let mut run = Run::start(started);
        for Carried { step, state } in carried {
            if let Some(slot) = run.steps.get_mut(*step) {
                *slot = Arc::clone(state);
            }
        }
        run.retry_of = Some(RetryOf {
            run: of,
            from,
            carried: carried.iter().map(|carried| carried.step).collect(),
        });
        run
    }

    /// Says where it comes from, if it is a retry.
    pub fn retry_of(&self) -> Option<&RetryOf> {
        self.retry_of.as_ref()
    }

    /// Gives the place in the log from which it may want to read: where it began, or where a step
    /// began whose result it took over.
    pub fn oldest_needed(&self) -> model::Cursor {
        let steps = self.steps.iter().flat_map(|step| &step.attempts);
        let oldest = steps.map(|attempt| attempt.cursor).min();
        let began = self.started.cursor;
        oldest.map_or(began, |oldest| oldest.min(began))
    }
}
