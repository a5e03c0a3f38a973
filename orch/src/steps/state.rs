//! `salt.state`: minions apply states.
//!
//! Fails if a minion fails, does not answer, or answers anything but state results. Comments are
//! Salt's.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;

use super::minions::{self, Audience};
use super::{Begin, Outcome, Scene, Step};

/// `salt.state` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whom.
    pub audience: Audience,
    /// `state.sls`, `state.highstate` or `state.top`.
    pub fun: String,
    /// Positional arguments: the SLS, comma separated, or the top file.
    pub arg: Vec<Value>,
    /// `pillar`, `saltenv`, `queue`, ... as published.
    pub kwarg: Map,
    /// `test`, as written.
    pub test: Option<bool>,
    /// How many minions may fail.
    pub allow_fail: u64,
}

impl State {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let audience = Audience::parse(arguments);
        let (fun, arg) = what(arguments);
        let test = arguments.flag("test");
        let mut kwarg = Map::new();
        if let Some(test) = test {
            kwarg.insert("test", test);
        }
        // An empty pillar is not sent, as in Salt; anything else is.
        if let Some(pillar) = arguments.value("pillar").filter(|value| value.is_truthy()) {
            match crate::arguments::joined(pillar) {
                Some(pillar) => {
                    kwarg.insert("pillar", pillar);
                }
                None => arguments.refuse("Pillar data must be formatted as a dictionary"),
            }
        }
        for key in ["pillarenv", "saltenv", "exclude"] {
            if let Some(value) = arguments.value(key) {
                kwarg.insert(key, value.clone());
            }
        }
        let queue = arguments.value("queue").cloned();
        kwarg.insert("queue", queue.unwrap_or(Value::Bool(false)));
        let concurrent = arguments.value("concurrent").cloned();
        let concurrent = concurrent.unwrap_or(Value::Bool(false));
        if concurrent.as_bool().is_none() {
            arguments.refuse("Must pass in boolean for value of 'concurrent'");
        }
        kwarg.insert("concurrent", concurrent);
        let allow_fail = allow_fail(arguments);
        arguments.value("orchestration_jid");
        arguments.warn_of_rest();
        Self {
            audience,
            fun,
            arg,
            kwarg,
            test,
            allow_fail,
        }
    }
}

fn allow_fail(arguments: &mut Arguments<'_>) -> u64 {
    let Some(value) = arguments.value("allow_fail") else {
        return 0;
    };
    let count = match value {
        Value::Str(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    };
    if count.is_none() {
        arguments.refuse("Passed invalid value for 'allow_fail', must be an int");
    }
    count.unwrap_or(0)
}

/// Gives the function and its positional arguments: highstate before top before sls, as in Salt.
fn what(arguments: &mut Arguments<'_>) -> (String, Vec<Value>) {
    let is_highstate = arguments.value("highstate").is_some_and(Value::is_truthy);
    let top = arguments.value("top").filter(|top| top.is_truthy());
    let sls = arguments.value("sls").filter(|sls| sls.is_truthy());
    if is_highstate {
        return ("state.highstate".into(), Vec::new());
    }
    if let Some(top) = top {
        return ("state.top".into(), vec![top.clone()]);
    }
    let names: Vec<String> = match sls {
        Some(Value::List(names)) => names.iter().map(Value::to_text).collect(),
        Some(name) => vec![name.to_text()],
        None => {
            arguments.refuse("No highstate or sls specified, no execution made");
            Vec::new()
        }
    };
    ("state.sls".into(), vec![names.join(",").into()])
}

impl Step for State {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let mut kwarg = Map::new();
        if scene.is_test && self.test.is_none() {
            kwarg.insert("test", true);
        }
        kwarg.extend(self.kwarg.clone());
        if scene.is_pre {
            kwarg.insert("test", true);
        }
        let args = self.audience.told(&self.arg, &kwarg, true);
        let request = self.audience.request(scene, &self.fun, &self.arg, &kwarg);
        let told = Map::from([
            ("type", Value::from("state")),
            ("tgt", self.audience.tgt.clone()),
            ("name", scene.chunk.name.as_str().into()),
            ("args", args.into()),
        ]);
        self.audience.begin(scene, request, told)
    }

    fn outcome(&self, scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        if let Some(refused) = minions::refused(attempt) {
            return Some(refused);
        }
        let terms = self.audience.terms(scene);
        if !attempt.is_answered() || terms.is_some_and(|terms| terms.awaits_any(attempt)) {
            return None;
        }
        let is_expected = self.audience.is_expected();
        if attempt.minions.is_empty() && attempt.missing.is_empty() && is_expected {
            return Some(Outcome::failed("No minions returned"));
        }
        let mut tally = Tally::default();
        for (id, minion) in &attempt.minions {
            if terms.is_some_and(|terms| terms.is_late(attempt, id)) {
                continue;
            }
            if self.audience.is_back(minion) {
                tally.add(id.as_str(), &started_again(id.as_str(), &minion.why), false);
            }
            if let Some(answer) = &minion.answer {
                tally.add(
                    id.as_str(),
                    &answer.ret,
                    self.audience.forgives(id.as_str()),
                );
            }
        }
        if is_expected {
            for (id, why) in self.audience.silent(attempt, terms) {
                let is_late =
                    |id: model::MinionId| terms.is_some_and(|terms| terms.is_late(attempt, &id));
                let detail = match id.parse().is_ok_and(is_late) {
                    true => why,
                    false => format!("Minion {id} did not return a state result.\n{why}"),
                };
                let is_forgiven = self.audience.forgives(&id);
                tally.fail(&id, &Value::Bool(false), detail, is_forgiven);
            }
        }
        let is_test = self.test == Some(true) || scene.is_test;
        let outcome = tally.outcome(self.allow_fail, is_test);
        let outcome = minions::with_doubts(outcome, attempt, terms);
        Some(minions::with_jid(outcome, attempt))
    }
}

/// Who changed, who did not, who failed.
#[derive(Default)]
struct Tally {
    changes: Map,
    unchanged: Vec<String>,
    failed: Vec<String>,
    details: Vec<(String, String)>,
}

impl Tally {
    fn add(&mut self, id: &str, ret: &Value, is_forgiven: bool) {
        if !check_result(ret) {
            let detail = failure_detail(id, ret);
            self.fail(id, ret, detail, is_forgiven);
            return;
        }
        let has_changed = |result: &Value| result.get("changes").is_some_and(Value::is_truthy);
        match ret.as_map() {
            Some(results) if results.values().any(has_changed) => {
                self.changes.insert(id, ret.clone());
            }
            _ => self.unchanged.push(id.to_owned()),
        }
    }

    fn fail(&mut self, id: &str, ret: &Value, detail: String, is_forgiven: bool) {
        self.changes.insert(id, ret.clone());
        if !is_forgiven {
            self.failed.push(id.to_owned());
            self.details.push((id.to_owned(), detail));
        }
    }

    fn outcome(mut self, allow_fail: u64, is_test: bool) -> Outcome {
        let ids: Vec<String> = self.changes.keys().map(Value::to_text).collect();
        let is_failed = self.failed.len() as u64 > allow_fail;
        // Salt names them in the order of a set, which is no order.
        self.failed.sort();
        self.unchanged.sort();
        let mut comment;
        if is_failed {
            comment = format!("Run failed on minions: {}", self.failed.join(", "));
            self.details.sort();
            for (_, detail) in self.details.iter().filter(|(_, text)| !text.is_empty()) {
                comment.push('\n');
                comment.push_str(detail);
            }
        } else {
            comment = "States ran successfully.".to_owned();
            if !ids.is_empty() {
                comment.push_str(&format!(" Updating {}.", ids.join(", ")));
            }
            if !self.unchanged.is_empty() {
                let unchanged = self.unchanged.join(", ");
                comment.push_str(&format!(" No changes made to {unchanged}."));
            }
        }
        let mut outcome = Outcome::ok(comment);
        if is_failed {
            outcome.result = Some(false);
        } else if is_test && !ids.is_empty() {
            outcome.result = None;
        }
        if !ids.is_empty() {
            outcome.changes = Map::from([
                ("out", Value::from("highstate")),
                ("ret", self.changes.into()),
            ]);
        }
        outcome
    }
}

/// Gives what stands for the results of a minion that was expected to start again, and did.
fn started_again(id: &str, why: &str) -> Value {
    let result = Map::from([
        ("name", Value::from(id)),
        ("result", true.into()),
        ("changes", Map::from([("boot", "started again")]).into()),
        ("comment", why.into()),
        ("__id__", "reboot".into()),
        ("__run_num__", 0.into()),
        ("start_time", "".into()),
        ("duration", 0.0.into()),
    ]);
    Map::from([(format!("salt_|-reboot_|-{id}_|-reboot"), result)]).into()
}

/// Says whether state results are good, as Salt's `check_result` does: a map that is not empty,
/// without a `result: False` at any depth.
pub(crate) fn check_result(running: &Value) -> bool {
    let Some(running) = running.as_map() else {
        return false;
    };
    let is_good = |result: &Value| match result.as_map() {
        None => true,
        Some(map) => match map.get("result") {
            Some(result) => *result != Value::Bool(false),
            None => check_result(result),
        },
    };
    !running.is_empty() && running.values().all(is_good)
}

/// Says what came instead of state results. A map of results speaks for itself.
fn failure_detail(id: &str, ret: &Value) -> String {
    match ret {
        Value::Map(_) => String::new(),
        Value::List(errors) => {
            let errors = errors.iter().filter(|error| error.is_truthy());
            let errors: Vec<String> = errors.map(Value::to_text).collect();
            if errors.is_empty() {
                format!("Minion {id} returned an empty error list.")
            } else {
                format!("Minion {id} returned errors: {}", errors.join("; "))
            }
        }
        other => format!(
            "Minion {id} returned {} instead of a state result.",
            other.repr()
        ),
    }
}
