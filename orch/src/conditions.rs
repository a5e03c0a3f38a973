//! `onlyif`, `unless`, `creates` and `check_cmd` of a step: what the master asks before it begins
//! the step, or when it is done.
//!
//! That something was asked, and what came out, are records of the run. An answer that a crash
//! swallowed is not asked for again: the attempt fails, and the `retry` of the step decides.

use std::sync::Arc;

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::{Attempt, CallPhase, CheckState};
use crate::effect::{Call, Effect};
use crate::record::{CallReturn, RunRecord};
use crate::steps::Outcome;
use crate::turn::Turn;

/// What a step asks before it begins.
const BEFORE: [&str; 3] = ["onlyif", "unless", "creates"];

/// Arguments of the step that its commands take over, as in Salt.
const TAKEN_OVER: [&str; 4] = ["cwd", "env", "timeout", "success_retcodes"];

/// Arguments that Salt takes over as well, and that the master cannot follow.
const REFUSED: [&str; 4] = ["root", "runas", "prepend_path", "umask"];

/// The conditions of a step, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// `onlyif` and `unless`, each as a list, and `creates`.
    #[serde(default)]
    pub before: Map,
    /// The commands of `check_cmd`.
    #[serde(default)]
    pub after: Vec<Value>,
    /// How the commands of `before` run: `cwd`, `env`, `timeout`.
    #[serde(default)]
    pub options: Map,
}

impl Conditions {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Option<Self> {
        let mut found = Self {
            before: Map::new(),
            after: Vec::new(),
            options: Map::new(),
        };
        for key in BEFORE {
            let Some(written) = arguments.value(key) else {
                continue;
            };
            let listed = match written {
                Value::List(items) => items.clone(),
                single => vec![single.clone()],
            };
            if let Some(why) = problem_of(key, &listed) {
                arguments.refuse(why);
            }
            // One path and a list of one are told in other words.
            let is_as_written = key == "creates" && written.as_str().is_some();
            let kept = if is_as_written {
                written.clone()
            } else {
                Value::List(listed)
            };
            found.before.insert(key, kept);
        }
        match arguments.value("check_cmd") {
            Some(Value::List(commands)) => found.after.clone_from(commands),
            Some(command) => found.after.push(command.clone()),
            None => {}
        }
        if found.after.iter().any(|command| command.as_str().is_none()) {
            arguments.refuse("'check_cmd' must be a command or a list of commands");
        }
        let excluded = arguments.names("cmd_opts_exclude").unwrap_or_default();
        if !found.before.is_empty() {
            for key in REFUSED
                .into_iter()
                .filter(|key| !excluded.contains(&(*key).to_owned()))
            {
                if arguments.peek(key).is_some() {
                    arguments.refuse(format!(
                        "'{key}' would also hold for the commands of the conditions, which the \
                         master cannot do; name it in 'cmd_opts_exclude'"
                    ));
                }
            }
            for key in TAKEN_OVER {
                if let Some(value) = arguments.peek(key)
                    && !excluded.contains(&key.to_owned())
                {
                    found.options.insert(key, value.clone());
                }
            }
        }
        (!found.before.is_empty() || !found.after.is_empty()).then_some(found)
    }

    /// Says whether commands are run, which the configuration must allow.
    pub(crate) fn run_commands(&self) -> bool {
        let lists = ["onlyif", "unless"].into_iter();
        let lists = lists.filter_map(|key| self.before.get(key)?.as_list());
        let mut entries = lists.flatten();
        !self.after.is_empty() || entries.any(|entry| entry.as_str().is_some())
    }

    /// Gives the call that asks before the step begins.
    pub(crate) fn before(&self) -> Option<Call> {
        if self.before.is_empty() {
            return None;
        }
        let mut kwarg = self.before.clone();
        kwarg.insert("options", self.options.clone());
        Some(call("conditions", kwarg))
    }

    /// Gives the call that asks when the step is done.
    pub(crate) fn after(&self) -> Option<Call> {
        if self.after.is_empty() {
            return None;
        }
        let commands = Value::List(self.after.clone());
        Some(call("check_cmd", Map::from([("check_cmd", commands)])))
    }

    /// Gives the call behind a question that is open.
    pub(crate) fn call_of(&self, check: &CheckState) -> Option<Call> {
        match check.held {
            Some(_) => self.after(),
            None => self.before(),
        }
    }
}

fn call(fun: &str, kwarg: Map) -> Call {
    Call {
        fun: fun.to_owned(),
        arg: Vec::new(),
        kwarg,
    }
}

/// Says what is wrong with a condition; Salt finds some of this when the step's turn comes, and
/// runs the step all the same.
fn problem_of(key: &str, entries: &[Value]) -> Option<String> {
    if entries.is_empty() {
        return Some(format!("'{key}' is empty"));
    }
    let is_good = |entry: &&Value| match entry {
        Value::Str(_) => true,
        Value::Map(map) => key != "creates" && map.contains_key("fun"),
        _ => false,
    };
    let wrong = entries.iter().find(|entry| !is_good(entry))?;
    let wrong = wrong.repr();
    Some(if key == "creates" {
        format!("'creates' must be a path or a list of paths, not {wrong}")
    } else {
        format!("'{key}' must be commands, or dictionaries with 'fun', not {wrong}")
    })
}

impl Turn<'_, '_> {
    /// Asks a question of a step's attempt: before it begins, or, with what it ended with, before
    /// that counts.
    pub(crate) fn ask(&mut self, step: usize, attempt: u32, call: Call, held: Option<Outcome>) {
        let jid = (self.context.next_jid)();
        let held = held.map(|outcome| Arc::new(self.state_return(step, attempt, outcome)));
        let at = self.context.now;
        self.record(RunRecord::Checking {
            step,
            attempt,
            jid: jid.clone(),
            held,
            at,
        });
        self.effect(Effect::Check {
            step,
            attempt,
            jid,
            call,
        });
    }

    /// Goes on with an attempt whose question was answered, or cannot be any more.
    pub(crate) fn settle_check(&mut self, step: usize, attempt: &Attempt) {
        let Some(check) = attempt.checks.last() else {
            return;
        };
        let number = attempt.number;
        let is_before = check.held.is_none();
        match &check.phase {
            CallPhase::Running if attempt.is_timed_out && is_before => {
                let why = "The conditions of the step were not answered within its time.";
                self.conclude(step, number, Outcome::failed(why));
            }
            CallPhase::Running => return,
            CallPhase::Lost => self.conclude(step, number, lost(check)),
            CallPhase::Ended(ret) => match verdict(check, ret) {
                Some(outcome) if is_before && ret.is_success => {
                    self.end_attempt(step, number, outcome);
                }
                Some(outcome) => self.conclude(step, number, outcome),
                None => self.begin(step, number, attempt.is_pre, true),
            },
        }
        self.advance();
    }
}

/// What an attempt ends with whose question nobody knows the answer to.
fn lost(check: &CheckState) -> Outcome {
    let before = "The master was restarted while the conditions of the step were looked at; they \
                  are not looked at again by themselves.";
    match check.held.as_deref() {
        None => Outcome::failed(before),
        Some(held) => Outcome {
            result: Some(false),
            changes: held.changes.clone(),
            comment: format!(
                "{}\nThe master was restarted while check_cmd ran; what it says is not known.",
                held.comment
            ),
            more: held.more.clone(),
        },
    }
}

/// Gives what an attempt ends with after an answer; `None` if it now begins.
fn verdict(check: &CheckState, done: &CallReturn) -> Option<Outcome> {
    if !done.is_success {
        return Some(Outcome::failed(done.ret.to_text()));
    }
    let said = |key: &str| done.ret.get(key).cloned().unwrap_or_default();
    let result = said("result").as_bool().unwrap_or(false);
    let comment = said("comment").to_text();
    match check.held.as_deref() {
        None if !result => None,
        None => {
            let mut outcome = Outcome::ok(comment);
            outcome.more.insert("skip_watch".into(), true.into());
            Some(outcome)
        }
        Some(held) => Some(Outcome {
            result: Some(result),
            changes: held.changes.clone(),
            comment,
            more: held.more.clone(),
        }),
    }
}
