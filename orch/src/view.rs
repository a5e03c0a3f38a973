//! A run as people and the API see it: a tree of steps, each with a line about what it does right
//! now.

use model::api::{MinionPhase, RunSummary, RunView, StepPhase, StepView};

use crate::attempt::{Attempt, CallPhase};
use crate::plan::PlannedStep;
use crate::run::{Run, StepState};

impl Run {
    /// Gives the line of the run in a list.
    pub fn summary(&self) -> RunSummary {
        let ended = self.steps().filter(|step| step.phase.has_ended());
        RunSummary {
            run: self.id().clone(),
            name: self.plan().name.clone(),
            user: self.started().user.clone(),
            phase: self.phase,
            started: self.started().at,
            ended: self.ended,
            steps_ended: ended.count(),
            steps: self.steps.len(),
        }
    }

    /// Gives how long a step took from its first start to its good end, in milliseconds: what
    /// "typical" is made of. A result that was taken over counts in the run it comes from.
    pub fn took_ms(&self, step: usize) -> Option<u64> {
        let is_carried = self
            .retry_of()
            .is_some_and(|retry| retry.carried.contains(&step));
        let state = self.steps.get(step)?;
        let is_good = state.phase == StepPhase::Succeeded && !is_carried;
        let began = state.attempts.first()?.at;
        is_good.then(|| Some(state.ended?.millis_since(began)))?
    }

    /// Gives the run with its steps. Typical times and notices are left empty, they are not the
    /// run's to know. Sub-steps are left empty: they are events, which a run does
    /// not keep.
    pub fn view(&self) -> RunView {
        let steps = self.plan().steps.iter().zip(self.steps()).enumerate();
        RunView {
            summary: self.summary(),
            resumed: self.resumed,
            retry_of: self.retry_of().map(|retry| retry.run.clone()),
            notices: Vec::new(),
            tree: steps
                .map(|(index, (planned, step))| self.step_view(index, planned, step))
                .collect(),
        }
    }

    fn step_view(&self, index: usize, planned: &PlannedStep, step: &StepState) -> StepView {
        let chunk = &planned.chunk;
        let last = step.attempts.last();
        let minions = last.into_iter().flat_map(|attempt| &attempt.minions);
        let steps = &self.plan().steps;
        StepView {
            key: chunk.key(),
            id: chunk.id.clone(),
            fun: format!("{}.{}", chunk.state, chunk.fun),
            name: chunk.name.clone(),
            phase: step.phase,
            started: last.map(|attempt| attempt.at),
            ended: step.ended,
            attempts: step.attempts.len() as u32,
            jids: step.attempts.iter().flat_map(jids).cloned().collect(),
            minions: minions
                .map(|(id, minion)| (id.clone(), minion.phase))
                .collect(),
            missing: last.map_or_else(Vec::new, |attempt| attempt.missing.clone()),
            typical_ms: None,
            question: self.question(index),
            is_carried: self
                .retry_of()
                .is_some_and(|retry| retry.carried.contains(&index)),
            note: self.note(planned, step),
            substeps: Vec::new(),
            requires: planned
                .needs
                .iter()
                .map(|need| steps[need.step].chunk.key())
                .collect(),
            ret: step.ret.as_deref().cloned(),
        }
    }

    pub(crate) fn note(&self, planned: &PlannedStep, step: &StepState) -> String {
        if let Some(ret) = &step.ret {
            return format!("{}{}", ret.comment, self.goes_on_after(planned, step));
        }
        if let Some(at) = step.retry_at {
            let next = step.attempts.len() + 1;
            let at = at.clock();
            return format!("attempt {next} starts at {at}");
        }
        match (step.phase, step.attempts.last()) {
            (StepPhase::Running, Some(attempt)) => now_doing(planned, attempt),
            (StepPhase::Pending, _) => self.later(planned),
            _ => String::new(),
        }
    }

    /// Names what still runs after a failed step although nobody said that it may: as in Salt, a
    /// step without a requisite does.
    fn goes_on_after(&self, planned: &PlannedStep, step: &StepState) -> String {
        let stops = planned.failhard.unwrap_or(self.plan().options.failhard);
        if step.phase != StepPhase::Failed || stops || self.phase().has_ended() {
            return String::new();
        }
        let steps = self.plan().steps.iter().zip(self.steps());
        let free = steps.filter(|(other, state)| {
            let is_free = other.needs.is_empty() && other.listens.is_empty();
            is_free && !other.is_finally && state.phase == StepPhase::Pending
        });
        let free: Vec<&str> = free.map(|(other, _)| other.chunk.id.as_str()).collect();
        if free.is_empty() {
            return String::new();
        }
        let free = free.join(", ");
        format!("\nThese run all the same, as nothing ties them to it: {free}.")
    }

    /// Says when a step of a block runs, or what holds a step.
    fn later(&self, planned: &PlannedStep) -> String {
        if let Some(note) = self.held_note(planned) {
            return note;
        }
        let Some(owner) = planned.owner else {
            return String::new();
        };
        let id = &self.plan().steps[owner.step].chunk.id;
        match (owner.is_compensation, self.phase().has_ended()) {
            (true, false) => format!("takes back {id} if the run fails"),
            (true, true) => format!("was not needed: takes back {id}"),
            (false, false) => format!("runs at the end, once {id} has begun"),
            (false, true) => format!("was not needed: {id} did nothing"),
        }
    }
}

fn jids(attempt: &Attempt) -> impl Iterator<Item = &model::Jid> {
    let calls = attempt.calls.iter().map(|call| &call.jid);
    attempt.job_jids().chain(calls)
}

fn now_doing(planned: &PlannedStep, attempt: &Attempt) -> String {
    if attempt.is_checked() {
        return "its conditions are looked at".to_owned();
    }
    if let Some(wait) = planned.work.as_wait() {
        let waiting = wait.waiting_for(attempt);
        let waiting: Vec<&str> = waiting.iter().map(|wait| wait.id.as_str()).collect();
        let mut note = format!("waits for {}", waiting.join(", "));
        if !attempt.seen.is_empty() {
            let seen: Vec<&str> = attempt.seen.iter().map(|seen| seen.id.as_str()).collect();
            note.push_str(&format!("; seen: {}", seen.join(", ")));
        }
        // One that moves with what minions show would be news each time; `explain` tells it.
        if let (Some(deadline), None) = (attempt.deadline, attempt.limit) {
            note.push_str(&format!("; until {}", deadline.clock()));
        }
        return note;
    }
    if let Some(approve) = planned.work.as_approve() {
        return format!("waits for approval: {}", approve.text);
    }
    let open = attempt.calls.iter();
    let open: Vec<&str> = open
        .filter(|call| call.phase == CallPhase::Running)
        .map(|call| call.name.as_str())
        .collect();
    if !open.is_empty() {
        return match open.as_slice() {
            [""] => "the function is at work".to_owned(),
            names => format!("at work: {}", names.join(", ")),
        };
    }
    if attempt.jid.is_some() && !attempt.is_published {
        return "the job is being published".to_owned();
    }
    minions_note(planned, attempt)
}

/// Ids that a note names before the rest is only counted.
const IDS_MAX: usize = 6;

/// Says who is waited for, and for what: grouped, as there may be thousands.
fn minions_note(planned: &PlannedStep, attempt: &Attempt) -> String {
    let terms = planned.work.rebooting();
    let (mut away, mut at_work, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for (minion_id, minion) in &attempt.minions {
        let id = minion_id.as_str();
        match minion.phase {
            MinionPhase::Running => {
                let since = minion.since.clock();
                at_work.push(format!("{id} still running since {since}"));
            }
            MinionPhase::Waiting => silent.push(id.to_owned()),
            _ if terms.is_some_and(|terms| terms.awaits(attempt, minion_id)) => {
                away.push(id.to_owned());
            }
            _ => {}
        }
    }
    let more = at_work.len().saturating_sub(IDS_MAX);
    at_work.truncate(IDS_MAX);
    if more > 0 {
        at_work.push(format!("and {more} more"));
    }
    let mut lines = Vec::new();
    if !away.is_empty() {
        lines.push(format!("waits for a new boot of {}", named(&away)));
    }
    lines.extend(at_work);
    if !silent.is_empty() {
        let have = if silent.len() == 1 { "has" } else { "have" };
        lines.push(format!("{} {have} not answered yet", named(&silent)));
    }
    lines.join("; ")
}

fn named(ids: &[String]) -> String {
    let shown = ids[..ids.len().min(IDS_MAX)].join(", ");
    match ids.len().saturating_sub(IDS_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
