//! `salt.function`: minions run one function of an execution module.
//!
//! Fails if a minion fails, returns `False`, or does not answer. Comments are Salt's.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;
use crate::record::Answer;

use super::minions::{self, Audience};
use super::{Begin, Outcome, Scene, Step};

/// `salt.function` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Whom.
    pub audience: Audience,
    /// The function, such as `mine.send`.
    pub fun: String,
    /// Positional arguments.
    pub arg: Vec<Value>,
    /// Keyword arguments.
    pub kwarg: Map,
}

impl Function {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let audience = Audience::parse(arguments);
        if arguments.value("fail_function").is_some() {
            arguments.refuse(
                "'fail_function' runs an execution module on the master, which is not supported",
            );
        }
        let arg = match arguments.value("arg").cloned() {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(Value::Str(text)) => {
                arguments.warn("Please specify 'arg' as a list of arguments.");
                text.split_whitespace().map(Value::from).collect()
            }
            Some(other) => vec![other],
        };
        let kwarg = arguments.map("kwarg");
        arguments.warn_of_rest();
        Self {
            audience,
            fun: arguments.name().to_owned(),
            arg,
            kwarg,
        }
    }
}

impl Step for Function {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        if scene.is_test {
            return Begin::Done(Outcome::would(format!(
                "Function {} would be executed on target {}",
                self.fun,
                self.audience.tgt.to_text()
            )));
        }
        let mut args = self.audience.told(&self.arg, &self.kwarg, false);
        args.insert("_cmd_meta", true);
        let request = self
            .audience
            .request(scene, &self.fun, &self.arg, &self.kwarg);
        let told = Map::from([
            ("type", Value::from("function")),
            ("tgt", self.audience.tgt.clone()),
            ("name", self.fun.as_str().into()),
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
        let mut changes = Map::new();
        let mut failed = Vec::new();
        let mut details = Vec::new();
        for (id, minion) in &attempt.minions {
            if self.audience.is_back(minion) {
                changes.insert(id.as_str(), "started again");
            }
            if let Some(answer) = &minion.answer {
                changes.insert(id.as_str(), answer.ret.clone());
                if self.is_failure(id.as_str(), answer) {
                    failed.push(id.to_string());
                }
            }
        }
        let ran: Vec<String> = changes.keys().map(Value::to_text).collect();
        if self.audience.is_expected() {
            for (id, why) in self.audience.silent(attempt, terms) {
                changes.insert(id.as_str(), false);
                if !self.audience.forgives(&id) {
                    failed.push(id);
                    details.push(why);
                }
            }
        }
        // Salt names them in the order of a set, which is no order.
        failed.sort();
        let mut comment = self.comment(&ran, &failed);
        for detail in details {
            comment.push('\n');
            comment.push_str(&detail);
        }
        let is_good = failed.is_empty() && !ran.is_empty();
        let outcome = Outcome {
            result: Some(is_good),
            changes: if changes.is_empty() {
                changes
            } else {
                Map::from([("ret", changes)])
            },
            comment,
            ..Outcome::default()
        };
        let outcome = minions::with_doubts(outcome, attempt, terms);
        Some(minions::with_jid(outcome, attempt))
    }
}

impl Function {
    /// A bad exit code counts even for `fail_minions`, as in Salt.
    fn is_failure(&self, id: &str, answer: &Answer) -> bool {
        let said_no = answer.ret == Value::Bool(false) && !self.audience.forgives(id);
        answer.is_failure || said_no
    }

    fn comment(&self, ran: &[String], failed: &[String]) -> String {
        let fun = &self.fun;
        if ran.is_empty() {
            return "No minions responded".into();
        }
        let mut comment = if failed.is_empty() {
            "Function ran successfully.".to_owned()
        } else {
            format!(
                "Running function {fun} failed on minions: {}",
                failed.join(", ")
            )
        };
        comment.push_str(&format!(" Function {fun} ran on {}.", ran.join(", ")));
        comment
    }
}
