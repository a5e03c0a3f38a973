//! The operator: starts the run, answers its questions, calls it off, and begins again with one
//! that ended badly.

use master::ledger::{Answer, Input, LedgerError};
use master::orchestrator::command::Command;
use model::api::RunPhase;
use model::{Jid, Map};
use orch::Plan;

use super::Mutation;
use super::fault::Fault;
use super::requests::Asker;
use super::world::{Happening, OPERATOR_PERIOD, TIME_MAX, World};
use crate::random::Random;

/// How long the operator waits for the start event of each machine before the run is started with
/// those that are there, in microseconds.
const OPERATOR_PATIENCE: u64 = 600_000_000;

/// When the operator tries again to call a run off, in microseconds.
pub(crate) const CALL_OFF_AGAIN: u64 = 3_000_000;

/// Makes the generator of what is begun again another one than that of the seed.
const AGAIN: u64 = 0xa9a1_0000_0000;

/// Of so many runs that ended badly one is left as it is.
const LEFT_OF: u64 = 3;

/// How often the operator begins again.
const TIMES_MAX: usize = 2;

/// What the operator means to do about a run that ended badly; drawn from a generator of its own,
/// so that all before it stays what it was.
#[derive(Debug)]
pub(super) struct Again {
    chance: Random,
    /// The run that is to begin again, and the step; `None` is the first that failed.
    wish: Option<(Jid, Option<String>)>,
    /// The life of the master that was asked.
    asked: Option<u64>,
}

impl Again {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Random::new(seed ^ AGAIN),
            wish: None,
            asked: None,
        }
    }
}

impl World {
    /// A person says yes, or no, sooner or later, or twice; before the question is asked nobody
    /// listens.
    fn approve(&mut self, run: Jid) {
        for by in ["anna", "otto"] {
            if self.chance.within(0..8) == 0 {
                let command = Command::Approve {
                    step: "agree".into(),
                    is_yes: !self.refuses,
                };
                let (run, by) = (run.clone(), by.to_owned());
                self.put(Input::Command { run, command, by }, Asker::Approver);
            }
        }
    }

    /// The operator calls the run off, and tries again until it is said to be.
    pub(crate) fn call_off(&mut self) {
        if self.is_over || self.history.is_called_off {
            return;
        }
        let Some(run) = self.run.clone().filter(|_| self.master.views().is_some()) else {
            return self.after(CALL_OFF_AGAIN, Happening::Fault(Fault::CallOff { at: 0 }));
        };
        let command = Command::Cancel;
        let by = "root".to_owned();
        self.history.may_be_called_off = true;
        self.put(Input::Command { run, command, by }, Asker::Canceller);
    }

    /// Starts the run once every machine is known, and ends the play when it is over.
    pub(super) fn operate(&mut self) {
        self.after(OPERATOR_PERIOD, Happening::Operator);
        let (nodes, now) = (self.minions.len(), self.now);
        let wanted = self.run.clone();
        let Some(views) = self.master.views() else {
            return;
        };
        if let Some(run) = wanted {
            let phase = views.runs.get(&run).map(orch::Run::phase);
            match phase.filter(|phase| phase.has_ended()) {
                Some(phase) => self.on_end(run, phase),
                None if self.orchestration.has_operator() && !self.history.is_answered => {
                    self.approve(run);
                }
                None => {}
            }
            return;
        }
        // Whoever had no answer looks whether it was started all the same.
        if let Some(run) = views.runs.unfinished().pop() {
            self.run = Some(run);
            return;
        }
        let is_late = now > OPERATOR_PATIENCE;
        let started = views.keys.accepted();
        let started = started.filter(|id| {
            let minion = views.minions.get(id);
            // The event of a first start may be lost for good.
            minion
                .is_some_and(|minion| minion.start.is_some() || is_late && minion.grains.is_some())
        });
        if started.count() == nodes && !self.master.is_asked_to_run {
            self.master.is_asked_to_run = true;
            let plan = Box::new(Plan::clone(&self.plans.outer));
            let user = "root".to_owned();
            let pillar = Map::new();
            let start = Input::StartRun {
                plan,
                user,
                pillar,
                parent: None,
            };
            self.put(start, Asker::Operator);
        }
    }

    /// The run is over: the play ends, or the operator begins again.
    fn on_end(&mut self, run: Jid, phase: RunPhase) {
        // Whoever had no answer looks whether it was begun all the same.
        if let Some(again) = self.retry_of(&run) {
            return self.begun_again(again);
        }
        if self.again.wish.is_none() && !self.wants_again(&run, phase) {
            self.is_over = true;
            return;
        }
        let life = self.life().map(|life| life.number);
        if self.again.asked == life {
            return;
        }
        self.again.asked = life;
        let Some((run, from)) = self.again.wish.clone() else {
            return;
        };
        let from = match self.mutation {
            Some(Mutation::ForgetsFrom) => Some(self.plans.outer.steps[0].chunk.id.clone()),
            _ => from,
        };
        let (command, by) = (Command::Retry { from }, "root".to_owned());
        self.put(Input::Command { run, command, by }, Asker::Retrier);
    }

    fn retry_of(&mut self, run: &Jid) -> Option<Jid> {
        let runs = &self.master.views()?.runs;
        let mut all = runs.summaries().into_iter().map(|summary| summary.run);
        all.find(|id| {
            let of = runs.get(id).and_then(orch::Run::retry_of);
            of.is_some_and(|of| of.run == *run)
        })
    }

    /// Draws whether and from which step it is begun again: the first that failed, or one that is
    /// named and not behind it.
    fn wants_again(&mut self, run: &Jid, phase: RunPhase) -> bool {
        let is_enough = self.history.begun_again.len() >= TIMES_MAX;
        let chance = &mut self.again.chance;
        if phase == RunPhase::Succeeded || is_enough || chance.within(0..LEFT_OF) == 0 {
            return false;
        }
        let (is_named, number) = (chance.within(0..2) == 0, chance.draw());
        let views = self.master.views();
        let known = views.and_then(|views| views.runs.get(run));
        let first = known.and_then(|run| run.retry(None).ok().map(|(from, _)| from));
        if first.is_none() && phase == RunPhase::Cancelled {
            // It was called off behind its last step: none failed, and the master says so.
            return false;
        }
        let named = first.filter(|_| is_named).map(|first| {
            let step = number as usize % (first + 1);
            self.plans.outer.steps[step].chunk.id.clone()
        });
        self.again.wish = Some((run.clone(), named));
        true
    }

    /// The master says whether it began again.
    pub(super) fn on_again_answered(&mut self, answer: Result<Answer, LedgerError>) {
        match answer {
            Ok(Answer::Run(started)) => self.begun_again(started.run),
            // It is told once more at the next look.
            Err(_) => self.again.asked = None,
            Ok(other) => {
                self.violate(format!("a run that ended cannot begin again: {other:?}"));
                self.is_over = true;
            }
        }
    }

    /// The run that began again takes the place of the one before.
    fn begun_again(&mut self, run: Jid) {
        let Some(wish) = self.again.wish.take() else {
            return;
        };
        self.note(|_| {
            format!(
                "the run {} begins again as {run}, from {:?}",
                wish.0, wish.1
            )
        });
        let history = &mut self.history;
        history
            .excuses_of_first
            .get_or_insert(history.excuses.len());
        history.begun_again.push(wish);
        history.runs.push(run.clone());
        history.is_answered = false;
        self.excuse("the operator began with what another run had left".into());
        self.again.asked = None;
        self.end = self.now + TIME_MAX;
        self.run = Some(run);
    }
}
