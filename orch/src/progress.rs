//! What follows from a fact: steps start, attempts end, the run finishes.
//!
//! The other half of a turn: `turn.rs` takes a fact in, this goes on until something must be waited
//! for.

use std::sync::Arc;

use model::api::RunPhase;
use model::{Cursor, Jid, Map, StateReturn, Tag, TagGlob, Value};

use crate::conditions::Conditions;
use crate::effect::{Effect, JobRequest};
use crate::readiness::{self, Next};
use crate::record::{Begun, CallId, RunRecord};
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
                Next::Start(step) => self.start(step, false),
                Next::Foresee(step) => self.start(step, true),
                Next::Foreseen(step, outcome) => self.foreseen(step, 0, outcome),
                Next::Hold(step) => return self.hold(step),
                Next::Skip(step, outcome) => self.finish_step(step, 0, outcome),
                Next::Wait => return,
                Next::Done => return self.finish(),
            }
        }
    }

    fn finish(&mut self) {
        let results = self.run.steps.iter().filter_map(|step| step.ret.as_ref());
        // What a person ended before its last step is no success, whatever it did so far.
        let is_cut = readiness::is_soft_killed(&self.run);
        let phase = if self.run.cancelled_by.is_some() || is_cut {
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
    /// With `is_pre` the step is only asked what it would do.
    pub(crate) fn start(&mut self, step: usize, is_pre: bool) {
        let started = Arc::clone(&self.run.started);
        let attempt = self.run.steps[step].attempts.len() as u32 + 1;
        let planned = &started.plan.steps[step];
        let conditions = planned.conditions.as_ref();
        let Some(call) = conditions.and_then(Conditions::before) else {
            return self.begin(step, attempt, is_pre, false);
        };
        let at = self.context.now;
        let deadline = planned.timeout_ms.map(|millis| at.plus_millis(millis));
        self.record(RunRecord::StepStarted {
            step,
            attempt,
            begun: Begun {
                jid: None,
                calls: Vec::new(),
                cursor: self.context.cursor,
                after: None,
                at,
                deadline,
                limit: None,
            },
            is_pre,
        });
        self.ask(step, attempt, call, None);
        if let Some(at) = deadline {
            self.set_timer(step, attempt, at);
        }
    }

    /// Begins an attempt: its jids, its record, its effects. One that its conditions held is on
    /// record already.
    pub(crate) fn begin(&mut self, step: usize, attempt: u32, is_pre: bool, is_held: bool) {
        let started = Arc::clone(&self.run.started);
        let at = self.context.now;
        let scene = Scene::of(&started, step, is_pre, at);
        let work = &started.plan.steps[step].work;
        let begin = work.step().begin(&scene);
        let (mut effects, calls, jid) = self.wishes(step, attempt, &begin);
        let watch = self.watch(step, &begin);
        let after = watch.as_ref().map(|(_, after)| *after);
        effects.extend(watch.map(|(glob, after)| Effect::Watch { step, glob, after }));
        let step_timeout = started.plan.steps[step].timeout_ms;
        let timeout = begin.timeout();
        let millis = timeout.map(|timeout| timeout.millis);
        let millis = millis.into_iter().chain(step_timeout).min();
        let deadline = millis.map(|millis| at.plus_millis(millis));
        let limit = timeout.and_then(|timeout| timeout.millis_max);
        let limit = limit.map(|limit| at.plus_millis(limit.min(step_timeout.unwrap_or(limit))));
        effects.extend(deadline.map(|at| Effect::SetTimer { step, attempt, at }));
        let begun = Begun {
            jid,
            calls,
            cursor: self.context.cursor,
            after,
            at,
            deadline,
            limit,
        };
        self.record(match is_held {
            true => RunRecord::WorkStarted {
                step,
                attempt,
                begun,
            },
            false => RunRecord::StepStarted {
                step,
                attempt,
                begun,
                is_pre,
            },
        });
        self.output.effects.append(&mut effects);
        if let Begin::Done(outcome) = begin {
            let outcome = readiness::after_watch(&self.run, step, outcome);
            self.end_attempt(step, attempt, outcome);
        }
    }

    /// Gives what a beginning attempt wishes, its calls, and its job.
    fn wishes(
        &mut self,
        step: usize,
        attempt: u32,
        begin: &Begin,
    ) -> (Vec<Effect>, Vec<CallId>, Option<Jid>) {
        let work = &self.run.started.plan.steps[step].work;
        let is_rolling = work.rolling().is_some();
        let mut effects = Vec::new();
        let mut calls = Vec::new();
        let mut jid = None;
        match begin {
            Begin::Job { request, told } if is_rolling => {
                effects.push(self.told(told));
                let job = JobRequest::clone(request);
                effects.push(Effect::Resolve { step, attempt, job });
            }
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
                    effects.extend(one.told.as_ref().map(|told| self.told(told)));
                    effects.push(one.effect(step, attempt, jid.clone()));
                    let name = one.name.clone();
                    calls.push(CallId { name, jid });
                }
            }
            Begin::Ask { told, .. } => effects.push(self.told(told)),
            Begin::Wait { .. } | Begin::Done(_) => {}
        }
        (effects, calls, jid)
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
        if attempt.is_checked() {
            let attempt = attempt.clone();
            return self.settle_check(step, &attempt);
        }
        let scene = Scene::of(&started, step, attempt.is_pre, self.context.now);
        let work = started.plan.steps[step].work.step();
        let outcome = work.outcome(&scene, attempt);
        let number = attempt.number;
        if let Some(outcome) = outcome {
            self.end_attempt(step, number, outcome);
            self.advance();
        } else if self.roll(step) {
            self.settle(step);
        } else {
            self.await_boots(step);
        }
    }

    /// Says whether a step is only asked what it would do.
    pub(crate) fn is_pre(&self, step: usize) -> bool {
        let attempt = self.run.steps[step].attempts.last();
        attempt.is_some_and(|attempt| attempt.is_pre)
    }

    /// Notes what a step would do.
    fn foreseen(&mut self, step: usize, attempt: u32, outcome: Outcome) {
        let ret = Arc::new(self.state_return(step, attempt, outcome));
        self.record(RunRecord::Foreseen {
            step,
            attempt,
            ret,
            at: self.context.now,
        });
    }

    /// Ends an attempt, unless its `check_cmd` has a say first.
    pub(crate) fn end_attempt(&mut self, step: usize, attempt: u32, outcome: Outcome) {
        let conditions = self.run.started.plan.steps[step].conditions.as_ref();
        match conditions.and_then(Conditions::after) {
            Some(call) => self.ask(step, attempt, call, Some(outcome)),
            None => self.conclude(step, attempt, outcome),
        }
    }

    /// Ends an attempt: the step is over, or is tried again.
    pub(crate) fn conclude(&mut self, step: usize, attempt: u32, outcome: Outcome) {
        let plan = Arc::clone(&self.run.started.plan);
        let at = self.context.now;
        if self.is_pre(step) {
            return self.foreseen(step, attempt, outcome);
        }
        let attempts = &self.run.steps[step].attempts;
        let tries = attempts.iter().filter(|attempt| !attempt.is_pre).count() as u32;
        let is_called_off = self.run.cancelled_by.is_some() && !plan.steps[step].is_finally;
        match &plan.steps[step].retry {
            Some(retry)
                if !plan.options.is_test
                    && !is_called_off
                    && outcome.result != Some(retry.until)
                    && tries < retry.attempts =>
            {
                let next_at = at.plus_millis(retry.interval_after(tries));
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
    pub(crate) fn state_return(&self, step: usize, number: u32, outcome: Outcome) -> StateReturn {
        let chunk = &self.run.started.plan.steps[step].chunk;
        let now = self.context.now;
        let began = match number {
            0 => now,
            _ => {
                let mut attempts = self.run.steps[step].attempts.iter();
                let first = attempts.find(|attempt| !attempt.is_pre || attempt.number == number);
                first.map_or(now, |first| first.at)
            }
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
