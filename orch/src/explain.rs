//! Why a run waits or failed, from what the run itself knows.
//!
//! Signs of life and places in the log are not known here; the master adds them.

use model::api::{Awaited, MinionPhase, Question, StepExplanation, StepPhase};

use crate::attempt::Attempt;
use crate::plan::PlannedStep;
use crate::run::{Run, StepState};
use crate::steps::Work;
use crate::steps::rebooting::Restart;

/// Steps named by a question at most: beyond that a person looks at the plan.
const THEN_MAX: usize = 12;

impl Run {
    /// Explains the steps that are at work or did not end well, in the plan's order.
    pub fn explain(&self) -> Vec<StepExplanation> {
        let steps = self.plan().steps.iter().zip(self.steps()).enumerate();
        let is_told = |(_, (_, state)): &(usize, (&PlannedStep, &StepState))| {
            matches!(
                state.phase,
                StepPhase::Running | StepPhase::Failed | StepPhase::Cancelled
            )
        };
        let explain = |(index, (planned, state)): (usize, (&PlannedStep, &StepState))| {
            self.explain_step(index, planned, state)
        };
        steps.filter(is_told).map(explain).collect()
    }

    fn explain_step(
        &self,
        index: usize,
        planned: &PlannedStep,
        state: &StepState,
    ) -> StepExplanation {
        let last = state.attempts.last();
        let why = match &state.ret {
            Some(ret) => ret.comment.clone(),
            None => self.note(planned, state),
        };
        StepExplanation {
            id: planned.chunk.id.clone(),
            fun: format!("{}.{}", planned.chunk.state, planned.chunk.fun),
            phase: state.phase,
            why,
            started: last.map(|attempt| attempt.at),
            until: last
                .filter(|attempt| attempt.ended.is_none())
                .and_then(|attempt| attempt.deadline),
            limit: last
                .filter(|attempt| attempt.ended.is_none())
                .and_then(|attempt| attempt.limit),
            cursor: last.map(|attempt| attempt.cursor),
            proof: None,
            jid: last.and_then(|attempt| attempt.jid.as_ref().map(ToString::to_string)),
            question: self.question(index),
            awaits: last.map_or_else(Vec::new, |attempt| awaits(planned, attempt)),
        }
    }

    /// Gives what a person is asked by a step, while it waits for the answer.
    pub fn question(&self, step: usize) -> Option<Question> {
        let approve = self.plan().steps.get(step)?.work.as_approve()?;
        let (_, attempt) = self.running().find(|(running, _)| *running == step)?;
        let graph = self.plan().graph();
        let states: Vec<&StepState> = self.steps().collect();
        let is_next = |other: &usize| states[*other].phase == StepPhase::Pending;
        let mut then: Vec<String> = (0..graph.len())
            .filter(is_next)
            .filter_map(|other| graph.get(other))
            .map(|next| {
                let marks: Vec<&str> = next.marks.iter().map(|mark| mark.as_str()).collect();
                let marks = if marks.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", marks.join(", "))
                };
                format!("{}: {}{marks}", next.id, next.what)
            })
            .collect();
        if then.len() > THEN_MAX {
            let more = then.len() - THEN_MAX;
            then.truncate(THEN_MAX);
            then.push(format!("and {more} more steps"));
        }
        Some(Question {
            text: approve.text.clone(),
            then,
            until: attempt.deadline,
        })
    }
}

fn awaits(planned: &PlannedStep, attempt: &Attempt) -> Vec<Awaited> {
    if let Work::WaitForEvent(wait) = &planned.work {
        let here = attempt.seen.iter().map(|seen| Awaited {
            id: seen.id.clone(),
            is_here: true,
            proof: Some(seen.cursor),
            ..Awaited::default()
        });
        let missing = wait.waiting_for(attempt).into_iter().map(|wait| Awaited {
            id: wait.id.clone(),
            ..Awaited::default()
        });
        return here.chain(missing).collect();
    }
    let terms = planned.work.rebooting();
    let minions = attempt.minions.iter().map(|(id, minion)| {
        let seen = attempt.seen.iter().find(|seen| seen.id == id.as_str());
        let boot = attempt.boots.get(id);
        let is_here = match terms {
            Some(terms) => terms.restart(attempt, id) != Restart::No,
            None => minion.phase == MinionPhase::Ok,
        };
        let proof = boot.and_then(|boot| boot.proof);
        Awaited {
            id: id.to_string(),
            is_here,
            phase: Some(minion.phase),
            why: minion.why.clone(),
            proof: proof.or(seen.map(|seen| seen.cursor)),
            boot_before: boot.and_then(|boot| Some(boot.before.as_ref()?.to_string())),
            ..Awaited::default()
        }
    });
    let missing = attempt.missing.iter().map(|id| Awaited {
        id: id.clone(),
        phase: Some(MinionPhase::NeverSeen),
        why: "it is no accepted minion of this master".into(),
        ..Awaited::default()
    });
    minions.chain(missing).collect()
}
