//! What follows from a fact: steps start, attempts end, the run finishes.
//!
//! The other half of a turn: `turn.rs` takes a fact in, this goes on until something must be waited
//! for.

use std::sync::Arc;

use model::api::RunPhase;
use model::{Cursor, Map, StateReturn, Tag, TagGlob, Value};

use crate::effect::{Effect, JobRequest};
use crate::readiness::{self, Next};
use crate::record::{CallId, RunRecord};
use crate::steps::{Begin, Outcome, Scene};
use crate::turn::Turn;

impl Turn<'_, '_> {
    /// Starts and passes over steps until something must be waited for.
    pub(crate) fn advance(&mut self) {
        if self.run.phase.has_ended() {
            return;
        }
        loop {
            match readiness::next(&self.run) {
                Next::Start(step) => self.start(step),
                Next::Skip(step, outcome) => self.finish_step(step, 0, outcome),
                Next::Wait => return,
                Next::Done => return self.finish(),
            }
        }
    }

    fn finish(&mut self) {
        let results = self.run.steps.iter().filter_map(|step| step.ret.as_ref());
        let phase = if self.run.cancelled_by.is_some() {
            RunPhase::Cancelled
        } else if results.clone().any(|ret| ret.result == Some(false)) {
            RunPhase::Failed
        } else {
            RunPhase::Succeeded
        };
        let at = self.context.now;
        self.record(RunRecord::Finished { phase, at });
        let ret = self.run.result();
        self.effect(Effect::Finish { phase, ret });
    }

    /// Starts the next attempt of a step: its jids, its records, its effects.
    pub(crate) fn start(&mut self, step: usize) {
        let started = Arc::clone(&self.run.started);
        let at = self.context.now;
        let attempt = self.run.steps[step].attempts.len() as u32 + 1;
        let scene = Scene::of(&started, step, at);
        let begin = started.plan.steps[step].work.step().begin(&scene);
        let mut effects = Vec::new();
        let mut calls = Vec::new();
        let mut jid = None;
        match &begin {
            Begin::Job { request, told } | Begin::JobAndWait { request, told, .. } => {
                let published = (self.context.next_jid)();
                effects.push(self.told(told));
                effects.push(Effect::Publish {
                    step,
                    attempt,
                    jid: published.clone(),
                    job: JobRequest::clone(request),
                });
                jid = Some(published);
            }
            Begin::Calls(begun) => {
                for one in begun {
                    let jid = (self.context.next_jid)();
                    effects.push(self.told(&one.told));
                    effects.push(one.effect(step, attempt, jid.clone()));
                    let name = one.name.clone();
                    calls.push(CallId { name, jid });
                }
            }
            Begin::Ask { told, .. } => effects.push(self.told(told)),
            Begin::Wait { .. } | Begin::Done(_) => {}
        }
        let watch = self.watch(step, &begin);
        let after = watch.as_ref().map(|(_, after)| *after);
        effects.extend(watch.map(|(glob, after)| Effect::Watch { step, glob, after }));
        let deadline = begin.timeout_ms().map(|millis| at.plus_millis(millis));
        effects.extend(deadline.map(|at| Effect::SetTimer { step, attempt, at }));
        self.record(RunRecord::StepStarted {
            step,
            attempt,
            jid,
            calls,
            cursor: self.context.cursor,
            after,
            at,
            deadline,
        });
        self.output.effects.append(&mut effects);
        if let Begin::Done(outcome) = begin {
            self.end_attempt(step, attempt, outcome);
        }
    }

    /// Gives what a step that starts now listens to, and behind which place. What a job causes
    /// comes behind the job.
    fn watch(&self, step: usize, begin: &Begin) -> Option<(TagGlob, Cursor)> {
        match begin {
            Begin::Wait { glob, .. } => {
                Some((glob.clone(), readiness::looks_back_to(&self.run, step)))
            }
            Begin::JobAndWait { glob, .. } => Some((glob.clone(), self.context.cursor)),
            _ => None,
        }
    }

    /// Makes the event that tells the bus what a step asks for.
    fn told(&self, data: &Map) -> Effect {
        let run = &self.run.started.run;
        Effect::Event {
            tag: Tag::new(format!("salt/run/{run}/args")),
            data: data.clone(),
        }
    }

    /// Ends a step's attempt if what is known is enough, and goes on with the run.
    pub(crate) fn settle(&mut self, step: usize) {
        let started = Arc::clone(&self.run.started);
        let Some((_, attempt)) = self.attempt(|at, _| at == step) else {
            return;
        };
        let scene = Scene::of(&started, step, self.context.now);
        let work = started.plan.steps[step].work.step();
        let outcome = work.outcome(&scene, attempt);
        let number = attempt.number;
        if let Some(outcome) = outcome {
            self.end_attempt(step, number, outcome);
            self.advance();
        }
    }

    /// Ends an attempt: the step is over, or is tried again.
    fn end_attempt(&mut self, step: usize, attempt: u32, outcome: Outcome) {
        let plan = Arc::clone(&self.run.started.plan);
        let at = self.context.now;
        match &plan.steps[step].retry {
            Some(retry)
                if !plan.options.is_test
                    && outcome.result != Some(retry.until)
                    && attempt < retry.attempts =>
            {
                let next_at = at.plus_millis(retry.interval_ms);
                let ret = Arc::new(self.state_return(step, attempt, outcome));
                self.record(RunRecord::RetryPlanned {
                    step,
                    attempt,
                    ret,
                    next_at,
                    at,
                });
                self.set_timer(step, attempt + 1, next_at);
            }
            _ => self.finish_step(step, attempt, outcome),
        }
    }

    pub(crate) fn finish_step(&mut self, step: usize, attempt: u32, outcome: Outcome) {
        let mut ret = self.state_return(step, attempt, outcome);
        let tried = &self.run.steps[step].tried;
        let tried = tried.iter().enumerate().map(|(index, before)| {
            let result = Value::from(before.result).to_text();
            let comment = &before.comment;
            format!(
                "Attempt {}: Returned a result of \"{result}\", \
                 with the following comment: \"{comment}\"\n",
                index + 1
            )
        });
        let tried: String = tried.collect();
        ret.comment.insert_str(0, &tried);
        self.record(RunRecord::StepFinished {
            step,
            attempt,
            ret: Arc::new(ret),
            at: self.context.now,
        });
    }

    /// Completes an outcome to a state result. A retried step counts from its first attempt.
    fn state_return(&self, step: usize, attempt: u32, outcome: Outcome) -> StateReturn {
        let chunk = &self.run.started.plan.steps[step].chunk;
        let now = self.context.now;
        let began = match attempt {
            0 => now,
            _ => self.run.steps[step]
                .attempts
                .first()
                .map_or(now, |first| first.at),
        };
        let ended = self.run.steps.iter().filter(|state| state.ret.is_some());
        StateReturn {
            name: chunk.name.clone(),
            result: outcome.result,
            changes: outcome.changes,
            comment: outcome.comment,
            start_time: began.clock(),
            duration: now.0.saturating_sub(began.0) as f64 / 1000.0,
            id: chunk.id.clone(),
            sls: chunk.sls.clone(),
            run_num: ended.count() as u64,
            more: outcome.more,
        }
    }
}
