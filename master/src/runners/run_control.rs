//! `state.pause`, `state.resume` and `state.soft_kill`: a run holds, or ends, before a step.
//!
//! Salt leaves a file that the run looks for; here the run is told, so that an unknown run is an
//! error and not a file that nobody reads.

use std::sync::Arc;

use model::{Jid, Value};
use orch::{Fact, Pause};

use super::{Arguments, RunnerError};
use crate::ledger::Input;
use crate::shared::Shared;

/// Who acts, where a runner does not know its user.
const BY: &str = "salt-run";

/// Says whether a function of `state` is one of these.
pub(super) fn is_one(function: &str) -> bool {
    let names = ["pause", "set_pause", "resume", "rm_pause", "soft_kill"];
    names.contains(&function)
}

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: &Arguments,
) -> Result<Value, RunnerError> {
    let run = arguments.required(0, "jid")?;
    let run: Jid = run
        .parse()
        .map_err(|error: model::InvalidJid| arguments.problem(&error.to_string()))?;
    let id = arguments.text(1, "state_id").filter(|id| id != "__all__");
    check(shared, &run, id.clone(), function).await?;
    let by = BY.to_owned();
    let fact = match function {
        "resume" | "rm_pause" => Fact::Unpause { id, by },
        "soft_kill" => Fact::Pause {
            id,
            pause: Pause::Kill,
            by,
        },
        _ => {
            let pause = duration(arguments)?.map_or(Pause::Hold, Pause::For);
            Fact::Pause { id, pause, by }
        }
    };
    let fact = Box::new(fact);
    shared.ledger.decide(Input::RunFact { run, fact }).await?;
    Ok(Value::Nil)
}

/// Reads `duration`, which is in seconds, as milliseconds.
fn duration(arguments: &Arguments) -> Result<Option<u64>, RunnerError> {
    let Some(text) = arguments.text(2, "duration") else {
        return Ok(None);
    };
    let seconds: Option<f64> = text.trim().parse().ok();
    let seconds = seconds.filter(|seconds| seconds.is_finite() && (0.0..=3.2e11).contains(seconds));
    match seconds {
        Some(seconds) => Ok(Some((seconds * 1000.0) as u64)),
        None => Err(arguments.problem(&format!(
            "'duration' must be a number of seconds, not '{text}'"
        ))),
    }
}

/// Refuses what can have no effect, with what to look at.
async fn check(
    shared: &Shared,
    run: &Jid,
    id: Option<String>,
    function: &str,
) -> Result<(), RunnerError> {
    let (asked, of) = (run.clone(), run.clone());
    let is_taken_back = ["resume", "rm_pause"].contains(&function);
    let problem = shared.ledger.ask(move |views| {
        let Some(run) = views.runs.get(&asked) else {
            return Some(format!("run {of} is not known; see: brine run list"));
        };
        if run.phase().has_ended() {
            return Some(format!("run {of} has ended already"));
        }
        let is_known = id.as_deref().is_none_or(|id| run.step_of(id).is_some());
        if !is_known {
            let id = id.unwrap_or_default();
            return Some(format!("run {of} has no step '{id}'"));
        }
        let is_paused = run.pauses().iter().any(|(paused, _)| *paused == id);
        if is_taken_back && !is_paused {
            let what = id.unwrap_or_else(|| "the whole run".into());
            return Some(format!("run {of}: nothing pauses {what}"));
        }
        None
    });
    match problem.await? {
        None => Ok(()),
        Some(problem) => Err(RunnerError::Failed(problem)),
    }
}
