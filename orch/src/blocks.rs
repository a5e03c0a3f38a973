//! `compensate:` and `finally:` blocks: what a step takes back, and what it leaves behind cleaned.
//!
//! ```yaml
//! open_port:
//!   salt.function:
//!     - name: firewall.open
//!     - tgt: gate
//!     - compensate:            # only if the run fails or is called off
//!         salt.function:
//!           - name: firewall.close
//!     - finally:               # in any case
//!         salt.function:
//!           - name: firewall.save
//! ```
//!
//! A block becomes steps of their own at the end of the plan. They run if their owner did
//! something: first the compensations, the youngest deed first, then what comes in any case.

use model::api::StepPhase;
use model::{Map, Value};
use serde::{Deserialize, Serialize};
use states::low_chunk::LowChunk;

use crate::arguments::{Arguments, joined};
use crate::run::{Run, StepState};

/// The step that a step of a block belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The step.
    pub step: usize,
    /// Whether this takes back what it did; else it runs however the run ends.
    pub is_compensation: bool,
}

/// Gives the chunks of a step's blocks, each with whether it is a compensation. `revoke` is a
/// `finally` block of its own form: a function on the minion that made a secret.
pub(crate) fn chunks(owner: &LowChunk, arguments: &mut Arguments<'_>) -> Vec<(bool, LowChunk)> {
    let mut found = Vec::new();
    for (key, is_compensation) in [("compensate", true), ("finally", false)] {
        let is_flag = |value: &Value| !is_compensation && value.as_bool().is_some();
        let Some(block) = arguments.value(key).filter(|value| !is_flag(value)) else {
            continue;
        };
        match declarations(block) {
            Some(declared) => {
                for (number, (fun, written)) in declared.into_iter().enumerate() {
                    match chunk(owner, key, number, &fun, &written) {
                        Ok(chunk) => found.push((is_compensation, chunk)),
                        Err(why) => arguments.refuse(why),
                    }
                }
            }
            None => arguments.refuse(format!(
                "'{key}' must be a block with a function and its arguments, such as \
                 '{key}: {{salt.function: [{{name: test.ping}}]}}'{}",
                if is_compensation { "" } else { ", or True" }
            )),
        }
    }
    let is_secret = (owner.state.as_str(), owner.fun.as_str()) == ("salt", "secret");
    if is_secret && owner.args.get("revoke").is_some_and(Value::is_truthy) {
        let revoke = arguments.map("revoke");
        if let Some(name) = revoke.get("function").and_then(Value::as_str) {
            let mut written = revoke.clone();
            written.remove("function");
            written.insert("name", name);
            // What revokes a value may well name it.
            if !written.contains_key("hide_output") {
                written.insert("hide_output", true);
            }
            match chunk(owner, "revoke", 0, "salt.function", &written) {
                Ok(chunk) => found.push((false, chunk)),
                Err(why) => arguments.refuse(why),
            }
        }
    }
    found
}

/// Reads a block: function to arguments, as one map or a list of them.
fn declarations(block: &Value) -> Option<Vec<(String, Map)>> {
    let maps: Vec<&Map> = match block {
        Value::Map(map) => vec![map],
        Value::List(items) => items.iter().map(Value::as_map).collect::<Option<_>>()?,
        _ => return None,
    };
    let mut found = Vec::new();
    for (fun, written) in maps.into_iter().flat_map(Map::iter) {
        found.push((fun.to_text(), joined(written)?));
    }
    (!found.is_empty()).then_some(found)
}

/// Makes the chunk of one declaration. Whom it asks is whom its owner asked, unless it says so.
fn chunk(
    owner: &LowChunk,
    block: &str,
    number: usize,
    fun: &str,
    written: &Map,
) -> Result<LowChunk, String> {
    let (state, fun) = fun
        .split_once('.')
        .ok_or_else(|| format!("'{block}': '{fun}' is no state function"))?;
    let mut args = written.clone();
    let is_asking = state == "salt" && matches!(fun, "function" | "state");
    if is_asking && !args.contains_key("tgt") {
        for key in ["tgt", "tgt_type"] {
            if let Some(value) = owner.args.get(key) {
                args.insert(key, value.clone());
            }
        }
    }
    let number = match number {
        0 => String::new(),
        more => format!("_{}", more + 1),
    };
    let id = format!("{}_{block}{number}", owner.id);
    let name = args.remove("name");
    Ok(LowChunk {
        state: state.to_owned(),
        fun: fun.to_owned(),
        name: name.map_or_else(|| id.clone(), |name| name.to_text()),
        id,
        args,
        ..owner.clone()
    })
}

/// Gives the next step that runs after the body, if one is left: compensations first.
pub(crate) fn next_after(run: &Run) -> Option<usize> {
    let steps = &run.started.plan.steps;
    let is_pending = |step: &usize| run.steps[*step].phase == StepPhase::Pending;
    let after = || {
        (0..steps.len())
            .filter(|step| steps[*step].is_finally)
            .filter(is_pending)
    };
    let is_failing = is_failing(run);
    let compensations = after().filter_map(|step| {
        let owner = steps[step].owner.filter(|owner| owner.is_compensation)?;
        let deed = run.steps[owner.step].attempts.first()?;
        let is_due = is_failing && has_acted(&run.steps[owner.step]);
        // Of one block the first comes first.
        is_due.then_some((deed.cursor, owner.step, std::cmp::Reverse(step)))
    });
    if let Some((.., std::cmp::Reverse(step))) = compensations.max() {
        return Some(step);
    }
    let is_due = |step: &usize| match steps[*step].owner {
        None => true,
        Some(owner) => !owner.is_compensation && has_acted(&run.steps[owner.step]),
    };
    after().find(is_due)
}

/// Says whether what was done is to be taken back.
fn is_failing(run: &Run) -> bool {
    let mut steps = run.started.plan.steps.iter().zip(&run.steps);
    run.cancelled_by.is_some()
        || steps.any(|(planned, step)| {
            let ret = step.ret.as_ref();
            !planned.is_finally && ret.is_some_and(|ret| ret.result == Some(false))
        })
}

/// Says whether a step may have done something: a try of it reached at least one minion, or a
/// function of the master.
fn has_acted(step: &StepState) -> bool {
    let mut attempts = step.attempts.iter();
    attempts.any(|attempt| {
        let has_begun = attempt.refused.is_none() && !attempt.is_held;
        has_begun && (attempt.jid.is_none() || !attempt.minions.is_empty())
    })
}
