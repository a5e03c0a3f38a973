//! `salt.runner`: one runner function on the master, nested orchestrations included.
//!
//! Fails if the runner says so in any of the ways runners have: `success`, an `Error` key, a bad
//! exit code.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::{Attempt, CallPhase};
use crate::effect::Call;
use crate::record::CallReturn;

use super::state::check_result;
use super::{Begin, BegunCall, CallKind, Outcome, Scene, Step};

/// `salt.runner` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// The call.
    pub call: Call,
}

impl Runner {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let arg = match arguments.value("arg").cloned() {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => vec![other],
        };
        let mut kwarg = arguments.map("kwarg");
        kwarg.extend(arguments.rest());
        Self {
            call: Call {
                fun: arguments.name().to_owned(),
                arg,
                kwarg,
            },
        }
    }
}

impl Step for Runner {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let fun = &self.call.fun;
        if scene.is_test {
            let would = format!("Runner function '{fun}' would be executed.");
            return Begin::Done(Outcome::would(would));
        }
        Begin::Calls(vec![begun(scene, String::new(), self.call.clone())])
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        let fun = &self.call.fun;
        one_call(attempt, &format!("Runner function '{fun}'"))
    }
}

/// Makes a call of a runner function, with what Salt adds for nested orchestrations.
pub(crate) fn begun(scene: &Scene<'_>, name: String, mut call: Call) -> BegunCall {
    if ["state.orchestrate", "state.orch", "state.sls"].contains(&call.fun.as_str()) {
        if !call.kwarg.contains_key("saltenv") {
            let saltenv = match scene.chunk.saltenv.as_str() {
                "" => "base",
                saltenv => saltenv,
            };
            call.kwarg.insert("saltenv", saltenv);
        }
        call.kwarg.insert("orchestration_jid", scene.run.as_str());
    }
    let told = Map::from([
        ("type", Value::from("runner")),
        ("name", call.fun.as_str().into()),
        ("args", Value::List(call.arg.clone())),
        ("kwargs", call.kwarg.clone().into()),
    ]);
    let kind = CallKind::Runner;
    BegunCall {
        name,
        kind,
        call,
        told: Some(told),
    }
}

/// Gives the outcome of a step that makes one call.
pub(crate) fn one_call(attempt: &Attempt, what: &str) -> Option<Outcome> {
    let call = attempt.calls.first()?;
    let mut outcome = match &call.phase {
        CallPhase::Running if attempt.is_timed_out => Outcome::failed(format!(
            "{what} failed.\nIt did not end within the step's time."
        )),
        CallPhase::Running => return None,
        CallPhase::Lost => Outcome::failed(format!(
            "{what} failed.\nThe master was restarted while it ran; how it ended is not known."
        )),
        CallPhase::Ended(ret) => {
            let is_success = is_success(ret);
            let how = if is_success { "executed" } else { "failed" };
            Outcome {
                result: Some(is_success),
                changes: Map::from([("return", ret.ret.clone())]),
                comment: format!("{what} {how}."),
                ..Outcome::default()
            }
        }
    };
    let jid = call.jid.as_str().into();
    outcome.more.insert("__jid__".into(), jid);
    Some(outcome)
}

/// Says whether a call really went well: an orchestration with a failed step did not.
pub(crate) fn is_success(done: &CallReturn) -> bool {
    let ret = &done.ret;
    let has_error = ret.get("Error").is_some();
    let is_bad_highstate = ret.get("outputter").and_then(Value::as_str) == Some("highstate")
        && ret.get("data").is_some_and(|data| !check_result(data));
    let has_bad_code = ret.get("outputter").is_some()
        && ret.get("retcode").and_then(Value::as_i64).unwrap_or(0) != 0;
    done.is_success && !has_error && !is_bad_highstate && !has_bad_code
}
