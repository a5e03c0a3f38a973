//! What a person may tell a run, and what that leads to: approve, cancel, resume, retry.
//!
//! Decided here and not by the caller, so that two people at once cannot both be right. Never: a
//! look at files or at signs of life; who the person is comes from the connection.

use std::sync::Arc;

use model::api::{RunPhase, RunStarted, StepPhase};
use model::{Jid, Map, Tag, Timestamp, Value};
use orch::{Fact, Run, RunRecord};

use super::translate::{again, feed};
use crate::ledger::decide::{Decision, Policy};
use crate::ledger::{Answer, Record, Views};

/// What a person tells a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answers a `salt.approve`.
    Approve {
        /// The step's id, or its key.
        step: String,
        /// Whether the run may go on.
        is_yes: bool,
    },
    /// Calls the run off; `finally` steps still run.
    Cancel,
    /// Goes on with what holds it, and does again what may be done twice.
    Resume,
    /// Starts its plan again from a step on; from the first that failed, if none is named.
    Retry {
        /// The step's id, or its key.
        from: Option<String>,
    },
}

/// Why a command cannot be done, and what to do instead.
type Declined = (String, String);

/// Decides on a command. Declined ones leave no record.
pub fn on_command(
    views: &mut Views,
    policy: &Policy,
    run: &Jid,
    command: Command,
    by: &str,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let Some(known) = views.runs.get(run).cloned() else {
        let what = format!("run {run} is not known");
        return declined((what, "see: brine run list".into()));
    };
    let done = match command {
        Command::Approve { step, is_yes } => approve(
            views,
            policy,
            &known,
            (&step, is_yes),
            by,
            now,
            &mut decision,
        ),
        Command::Cancel => cancel(views, policy, &known, by, now, &mut decision),
        Command::Resume => resume(views, policy, &known, by, now, &mut decision),
        Command::Retry { from } => retry(views, &known, from.as_deref(), by, now, &mut decision),
    };
    match done {
        Ok(()) => decision,
        Err(why) => declined(why),
    }
}

fn declined((what, hint): Declined) -> Decision {
    Decision {
        answer: Answer::Declined { what, hint },
        ..Decision::records(Vec::new())
    }
}

/// Says why nothing can be told to a run that has ended.
fn is_open(run: &Run) -> Result<(), Declined> {
    if !run.phase().has_ended() {
        return Ok(());
    }
    let (id, how) = (run.id(), word(run.phase()));
    let hint = format!("to run it again from a step on: brine run retry {id} --from STEP");
    Err((format!("run {id} has ended already ({how})"), hint))
}

fn word(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Running => "running",
        RunPhase::Succeeded => "succeeded",
        RunPhase::Failed => "failed",
        RunPhase::Cancelled => "cancelled",
    }
}

fn approve(
    views: &mut Views,
    policy: &Policy,
    run: &Run,
    (step, is_yes): (&str, bool),
    by: &str,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), Declined> {
    is_open(run)?;
    let id = run.id();
    let Some(index) = run.step_of(step) else {
        return Err((format!("run {id} has no step '{step}'"), waiting(run)));
    };
    if run.plan().steps[index].work.as_approve().is_none() {
        return Err((format!("step '{step}' asks nobody"), waiting(run)));
    }
    if run.question(index).is_none() {
        let state = run.steps().nth(index);
        let phase = state.map_or(StepPhase::Pending, |state| state.phase);
        let what = match state.and_then(|state| state.ret.as_ref()) {
            Some(ret) => {
                let said = ret.comment.lines().last().unwrap_or_default();
                format!("step '{step}' was answered already: {said}")
            }
            None if phase == StepPhase::Pending => {
                format!("step '{step}' asks later: steps before it are not over")
            }
            None => format!("step '{step}' asks nobody now"),
        };
        return Err((what, waiting(run)));
    }
    let tag = if is_yes { "approved" } else { "rejected" };
    let told = Map::from([
        ("step", Value::str(&run.plan().steps[index].chunk.id)),
        ("user", Value::str(by)),
    ]);
    decision.records.push(Record::Event {
        tag: Tag::new(format!("salt/run/{id}/{tag}")),
        data: told,
    });
    let by = by.to_owned();
    let fact = Fact::Approved {
        step: index,
        by,
        is_yes,
    };
    feed(views, policy, id, [fact], now, decision);
    Ok(())
}

/// Says who waits for an answer in a run.
fn waiting(run: &Run) -> String {
    let id = run.id();
    let steps = run.plan().steps.iter().enumerate();
    let asking: Vec<&str> = steps
        .filter(|(index, _)| run.question(*index).is_some())
        .map(|(_, step)| step.chunk.id.as_str())
        .collect();
    match asking.as_slice() {
        [] => format!("nothing waits for an approval now; see: brine run explain {id}"),
        [step] => format!("this one waits: brine run approve {id} {step}"),
        steps => format!("these wait for an approval: {}", steps.join(", ")),
    }
}

fn cancel(
    views: &mut Views,
    policy: &Policy,
    run: &Run,
    by: &str,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), Declined> {
    is_open(run)?;
    let told = Map::from([("user", Value::str(by))]);
    decision.records.push(Record::Event {
        tag: Tag::new(format!("salt/run/{}/cancelled", run.id())),
        data: told,
    });
    let by = by.to_owned();
    feed(
        views,
        policy,
        run.id(),
        [Fact::Cancelled { by }],
        now,
        decision,
    );
    Ok(())
}

/// Lifts pauses, and takes up again what may have been lost without a record: look-backs and timers
/// are set anew, and a job that never went out is published under its jid. Nothing is done twice.
fn resume(
    views: &mut Views,
    policy: &Policy,
    run: &Run,
    by: &str,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), Declined> {
    is_open(run)?;
    let told = Map::from([("user", Value::str(by))]);
    decision.records.push(Record::Event {
        tag: Tag::new(format!("salt/run/{}/resumed", run.id())),
        data: told,
    });
    let pauses = run.pauses().iter();
    let lifted = pauses.map(|(id, _)| Fact::Unpause {
        id: id.clone(),
        by: by.to_owned(),
    });
    feed(views, policy, run.id(), lifted, now, decision);
    again(views, policy, run.id(), now, decision);
    Ok(())
}

fn retry(
    views: &mut Views,
    run: &Run,
    from: Option<&str>,
    by: &str,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), Declined> {
    let of = run.id().clone();
    let (from, carried) = run.retry(from).map_err(|why| {
        let hint = match &why {
            orch::CannotRetry::HasNotEnded(run) => {
                format!(
                    "follow it with `brine run attach {run}`, or end it: brine run cancel {run}"
                )
            }
            orch::CannotRetry::NothingFailed(run) => {
                format!("name the step to begin with: brine run retry {run} --from STEP")
            }
            orch::CannotRetry::NoSuchStep { .. } => {
                let steps = run.plan().steps.iter();
                let ids: Vec<&str> = steps.map(|step| step.chunk.id.as_str()).collect();
                format!("its steps are: {}", ids.join(", "))
            }
        };
        (why.to_string(), hint)
    })?;
    if let Some(why) = views.runs.refusal_of(run.plan(), None) {
        return Err((why, "see: brine run list".into()));
    }
    let cursor = views.head;
    let id = views.next_jid(now);
    let started = orch::Started {
        run: id.clone(),
        plan: Arc::new(run.plan().clone()),
        cursor,
        user: by.to_owned(),
        pillar: run.started().pillar.clone(),
        at: now,
        // A nested run that is tried again is one of its own: its parent is over.
        parent: None,
    };
    decision.records.push(Record::Run {
        run: id.clone(),
        record: RunRecord::Retried {
            started,
            of,
            from,
            carried,
        },
    });
    decision.answer = Answer::Run(RunStarted { run: id, cursor });
    Ok(())
}
