//! `salt.parallel_runners`: several runner functions at once.
//!
//! Succeeds if all of them do. What a failed nested orchestration said is in the changes, under its
//! name.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::{Arguments, joined};
use crate::attempt::{Attempt, CallPhase, CallState};
use crate::effect::Call;
use crate::record::CallReturn;

use super::runner::{begun, is_success};
use super::{Begin, Outcome, Scene, Step};

/// `salt.parallel_runners` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParallelRunners {
    /// The calls with their names, in order.
    pub runners: Vec<(String, Call)>,
}

impl ParallelRunners {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Option<Self> {
        let runners = match arguments.required("runners") {
            Value::Str(fun) => vec![(fun.clone(), call(fun, Map::new()))],
            Value::Map(map) => map
                .iter()
                .filter_map(|(name, config)| one(arguments, name.to_text(), config))
                .collect(),
            Value::Nil => return None,
            _ => {
                arguments.refuse("The runners parameter must be a string or dict.");
                return None;
            }
        };
        if runners.is_empty() {
            arguments.refuse("'runners' is empty: there is nothing to run");
        }
        arguments.warn_of_rest();
        Some(Self { runners })
    }
}

fn one(arguments: &mut Arguments<'_>, name: String, config: &Value) -> Option<(String, Call)> {
    let config = match config {
        Value::Nil => Some(Map::new()),
        config => joined(config),
    };
    let Some(config) = config else {
        arguments.refuse(format!(
            "runner '{name}': a list of 'name' and 'kwarg' is expected"
        ));
        return None;
    };
    let fun = config.get("name").map_or(name.clone(), Value::to_text);
    let kwarg = match config.get("kwarg") {
        None | Some(Value::Nil) => Some(Map::new()),
        Some(kwarg) => joined(kwarg),
    };
    let Some(kwarg) = kwarg else {
        arguments.refuse(format!("runner '{name}': 'kwarg' must be a dictionary"));
        return None;
    };
    Some((name, call(fun, kwarg)))
}

fn call(fun: String, kwarg: Map) -> Call {
    // Salt passes the dictionary on as keywords, where `arg` is the one that holds positional
    // arguments.
    let mut kwarg = kwarg;
    let arg = match kwarg.remove("arg") {
        Some(Value::List(items)) => items,
        Some(Value::Nil) | None => Vec::new(),
        Some(other) => vec![other],
    };
    Call { fun, arg, kwarg }
}

impl Step for ParallelRunners {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        if scene.is_test {
            let names: Vec<&str> = self.runners.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            return Begin::Done(Outcome::would(format!(
                "Runners {names} would be executed."
            )));
        }
        let calls = self.runners.iter();
        let calls = calls.map(|(name, call)| begun(scene, name.clone(), call.clone()));
        Begin::Calls(calls.collect())
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        let mut ended = Vec::new();
        for call in &attempt.calls {
            ended.push((call, ended_as(call, attempt.is_timed_out)?));
        }
        let failed: Vec<&str> = ended
            .iter()
            .filter(|(_, ret)| !is_success(ret))
            .map(|(call, _)| call.name.as_str())
            .collect();
        let are_highstates = ended.iter().all(|(_, ret)| {
            let outputter = ret.ret.get("outputter").and_then(Value::as_str);
            outputter == Some("highstate") && ret.ret.get("data").is_some()
        });
        let mut outcome = match failed.as_slice() {
            [] => Outcome::ok("All runner functions executed successfully."),
            [one] => Outcome::failed(format!("Runner {one} failed.")),
            many => Outcome::failed(format!("Runners {} failed.", many.join(", "))),
        };
        if are_highstates {
            for (call, ret) in &ended {
                let changes = ret.ret.get("data").map(changes_in).unwrap_or_default();
                if changes.is_truthy() {
                    outcome.changes.insert(call.name.as_str(), changes);
                }
            }
        } else {
            let all = ended
                .iter()
                .map(|(call, ret)| (call.name.as_str(), ret.ret.clone()));
            outcome.changes.insert("ret", all.collect::<Map>());
        }
        Some(outcome)
    }
}

fn ended_as(call: &CallState, is_timed_out: bool) -> Option<CallReturn> {
    match &call.phase {
        CallPhase::Running if is_timed_out => Some(CallReturn {
            is_success: false,
            ret: "It did not end within the step's time.".into(),
        }),
        CallPhase::Running => None,
        CallPhase::Ended(ret) => Some(CallReturn::clone(ret)),
        CallPhase::Lost => Some(CallReturn {
            is_success: false,
            ret: "The master was restarted while it ran; how it ended is not known.".into(),
        }),
    }
}

/// Finds the changes in nested results: those of a state, or of every state below.
fn changes_in(value: &Value) -> Value {
    let Some(map) = value.as_map() else {
        return Map::new().into();
    };
    if let Some(changes) = map.get("changes") {
        let is_highstate = changes.get("out").and_then(Value::as_str) == Some("highstate");
        return match changes.get("ret") {
            Some(ret) if is_highstate => ret.clone(),
            _ => changes.clone(),
        };
    }
    let found = map
        .iter()
        .map(|(key, value)| (key.clone(), changes_in(value)));
    let found: Map = found.filter(|(_, changes)| changes.is_truthy()).collect();
    found.into()
}
