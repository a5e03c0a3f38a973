//! `test.*`: steps that only say something, for trying out requisites.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;

use super::{Begin, Outcome, Scene, Step};

/// The functions of Salt's `test` state that make sense here.
pub(crate) const FUNCTIONS: [&str; 7] = [
    "nop",
    "succeed_without_changes",
    "succeed_with_changes",
    "fail_without_changes",
    "fail_with_changes",
    "configurable_test_state",
    "show_notification",
];

/// One `test.*` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// Whether it succeeds.
    pub result: bool,
    /// Whether it changes something.
    pub has_changes: bool,
    /// What it says; `None` is Salt's word.
    pub comment: Option<String>,
}

impl Test {
    pub(crate) fn parse(fun: &str, arguments: &mut Arguments<'_>) -> Self {
        let mut test = Self {
            result: !fun.starts_with("fail"),
            has_changes: fun.ends_with("with_changes"),
            comment: None,
        };
        match fun {
            "configurable_test_state" => {
                test.result = arguments.flag("result").unwrap_or(true);
                test.has_changes = arguments.flag("changes").unwrap_or(true);
                test.comment = Some(arguments.text("comment").unwrap_or_default());
                arguments.value("warnings");
            }
            "show_notification" => {
                let text = arguments.required("text");
                test.comment = Some(text.to_text());
            }
            _ => test.comment = arguments.text("comment"),
        }
        if fun != "nop" {
            arguments.warn_of_rest();
        }
        test
    }

    /// Gives what a listener does.
    pub(crate) fn fired() -> Self {
        Self {
            result: true,
            has_changes: false,
            comment: Some("Watch statement fired.".into()),
        }
    }

    fn outcome(&self, is_test: bool) -> Outcome {
        let mut outcome = match self.result {
            true => Outcome::ok(self.comment.clone().unwrap_or_else(|| "Success!".into())),
            false => Outcome::failed(self.comment.clone().unwrap_or_else(|| "Failure!".into())),
        };
        if self.has_changes {
            let pair = Map::from([
                ("old", Value::from("Unchanged")),
                ("new", Value::from("Something pretended to change")),
            ]);
            outcome.changes = Map::from([("testing", pair)]);
            if is_test {
                let how = if self.result { "successful" } else { "failed" };
                outcome.result = None;
                outcome.comment =
                    format!("If we weren't testing, this would be {how} with changes");
            }
        }
        outcome
    }
}

impl Step for Test {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        Begin::Done(self.outcome(scene.is_test))
    }

    fn outcome(&self, scene: &Scene<'_>, _attempt: &Attempt) -> Option<Outcome> {
        Some(self.outcome(scene.is_test))
    }
}
