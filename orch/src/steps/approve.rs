//! `salt.approve`: goes on when a person says so.
//!
//! Ours, not Salt's. `text` says what will happen; without `timeout` it waits for as long as it
//! takes.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;

use super::{Begin, Outcome, Scene, Step};

/// `salt.approve` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// What will happen, for the person who is asked.
    pub text: String,
    /// How long an answer is waited for, in milliseconds.
    pub timeout_ms: Option<u64>,
}

impl Approve {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let text = arguments.text("text");
        let timeout_ms = arguments.seconds("timeout");
        arguments.warn_of_rest();
        Self {
            text: text.unwrap_or_else(|| arguments.name().to_owned()),
            timeout_ms,
        }
    }
}

impl Step for Approve {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        if scene.is_test {
            let would = format!("Orchestration would wait for approval: {}", self.text);
            return Begin::Done(Outcome::would(would));
        }
        Begin::Ask {
            told: Map::from([
                ("type", Value::from("approve")),
                ("name", scene.chunk.id.as_str().into()),
                ("args", Map::from([("text", self.text.as_str())]).into()),
            ]),
            timeout_ms: self.timeout_ms,
        }
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        match &attempt.verdict {
            Some(verdict) if verdict.is_yes => {
                let mut outcome = Outcome::ok(format!("Approved by {}.", verdict.by));
                outcome.changes.insert("approved_by", verdict.by.as_str());
                Some(outcome)
            }
            Some(verdict) => Some(Outcome::failed(format!("Refused by {}.", verdict.by))),
            None if attempt.is_timed_out => {
                Some(Outcome::failed("Timeout value reached.\nNobody approved."))
            }
            None => None,
        }
    }
}
