//! A rolling job under way: who is asked next, and when nobody is any more.

use std::sync::Arc;

use model::api::MinionPhase;
use model::{Jid, MinionId};

use crate::attempt::Attempt;
use crate::effect::{Effect, JobRequest};
use crate::record::RunRecord;
use crate::steps::rolling::Rolling;
use crate::steps::{Begin, Scene};
use crate::turn::Turn;

impl Turn<'_, '_> {
    pub(crate) fn on_resolved(
        &mut self,
        (step, number): (usize, u32),
        minions: &[MinionId],
        missing: &[String],
        refused: Option<&String>,
    ) {
        let is_meant = |at: usize, attempt: &Attempt| at == step && attempt.number == number;
        let Some((_, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let plan = &self.run.started.plan;
        if attempt.is_published || plan.steps[step].work.rolling().is_none() {
            return;
        }
        self.record(RunRecord::Resolved {
            step,
            attempt: number,
            minions: minions.to_vec(),
            missing: missing.to_vec(),
            refused: refused.cloned(),
            at: self.context.now,
        });
        self.settle(step);
    }

    /// Takes in that a part of a rolling job is out, or cannot go out. Whoever is no accepted
    /// minion any more will not answer.
    pub(crate) fn on_wave_published(
        &mut self,
        jid: &Jid,
        minions: &[MinionId],
        refused: Option<&String>,
    ) {
        let is_meant = |_, attempt: &Attempt| attempt.asks(jid, None);
        let Some((step, attempt)) = self.attempt(is_meant) else {
            return;
        };
        let number = attempt.number;
        let asked = attempt.waves.iter().filter(|wave| wave.jid == *jid);
        let gone: Vec<MinionId> = asked
            .flat_map(|wave| &wave.minions)
            .filter(|id| !minions.contains(id))
            .filter(|id| !attempt.minions[*id].phase.has_ended())
            .cloned()
            .collect();
        let why = refused.cloned();
        let why = why.unwrap_or_else(|| "it is no accepted minion any more".into());
        let is_any = !gone.is_empty();
        self.end_unasked(step, number, gone, MinionPhase::Lost, &why);
        if is_any {
            self.settle(step);
        }
    }

    /// Sends a rolling job to the next minions, or to nobody any more if one failed and that stops
    /// it. Says whether that may have ended the attempt.
    pub(crate) fn roll(&mut self, step: usize) -> bool {
        let started = Arc::clone(&self.run.started);
        let planned = &started.plan.steps[step];
        let Some((rolling, audience)) = planned.work.rolling() else {
            return false;
        };
        let Some((_, attempt)) = self.attempt(|at, _| at == step) else {
            return false;
        };
        if !attempt.is_published || attempt.refused.is_some() {
            return false;
        }
        let number = attempt.number;
        let failhard = planned.failhard.unwrap_or(started.plan.options.failhard);
        let terms = self.run.rebooting(step, attempt);
        let mut failed = attempt.minions.keys();
        let failed = failed.find(|id| audience.has_failed(terms, attempt, id));
        // Where one machine did not come back, no further one is sent down.
        let stops = rolling.stops || failhard || attempt.is_timed_out;
        if let (Some(id), true) = (failed, stops) {
            let why = format!("{id} failed before its turn came");
            let unasked = Rolling::unasked(attempt);
            let is_any = !unasked.is_empty();
            self.end_unasked(step, number, unasked, MinionPhase::Cancelled, &why);
            return is_any;
        }
        let next = rolling.next(attempt, terms);
        if !next.is_empty() {
            self.send_wave(step, number, next);
        }
        false
    }

    fn send_wave(&mut self, step: usize, attempt: u32, minions: Vec<MinionId>) {
        let started = Arc::clone(&self.run.started);
        let is_pre = self.is_pre(step);
        let scene = Scene::of(&started, step, is_pre, self.context.now);
        let work = started.plan.steps[step].work.step();
        let Begin::Job { request, .. } = work.begin(&scene) else {
            return;
        };
        let jid = (self.context.next_jid)();
        let job = for_wave(&request, &minions);
        self.record(RunRecord::WaveSent {
            step,
            attempt,
            jid: jid.clone(),
            minions,
        });
        self.effect(Effect::Publish {
            step,
            attempt,
            jid,
            job,
        });
    }

    fn end_unasked(
        &mut self,
        step: usize,
        attempt: u32,
        ids: Vec<MinionId>,
        phase: MinionPhase,
        why: &str,
    ) {
        for id in ids {
            self.record(RunRecord::MinionEnded {
                step,
                attempt,
                id,
                phase,
                why: why.to_owned(),
                answer: None,
                at: self.context.now,
            });
        }
    }
}

/// Makes the job of one part: the same, addressed to a list.
pub(crate) fn for_wave(request: &JobRequest, minions: &[MinionId]) -> JobRequest {
    JobRequest {
        tgt: minions.iter().map(|id| id.as_str().into()).collect(),
        tgt_type: "list".into(),
        subset: None,
        ..request.clone()
    }
}
