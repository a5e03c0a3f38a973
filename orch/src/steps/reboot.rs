//! `salt.reboot`: minions restart their machines, and the step goes on when all are back.
//!
//! Ours, not Salt's. Losing the minion is expected: the job's return may be lost and does not
//! matter; what counts is that the machine runs in another boot than when the job went out. A
//! failed reboot command fails at once.

use model::{Map, MinionId, TagGlob, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::{Attempt, MinionState};

use super::minions::{self, Audience};
use super::rebooting::{self, Rebooting, Restart};
use super::{Begin, Outcome, Scene, Step, Timeout};

/// `salt.reboot` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reboot {
    /// Whom.
    pub audience: Audience,
    /// What makes them restart: `system.reboot` unless `function` says otherwise.
    pub fun: String,
    /// Its positional arguments.
    pub arg: Vec<Value>,
    /// Its keyword arguments.
    pub kwarg: Map,
    /// How long nothing may be heard of them, in milliseconds.
    pub timeout_ms: u64,
    /// What else is waited for; a plan of an older release does not say.
    #[serde(default)]
    pub terms: Option<Rebooting>,
    /// The tags that tell of a start.
    pub glob: TagGlob,
}

impl Reboot {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let mut audience = Audience::parse(arguments);
        if audience.rolling.take().is_some() {
            arguments.refuse(
                "'batch', 'max_parallel' and 'serial' are for salt.state and salt.function; \
                 write reboot_expected: True there, or a salt.reboot for each part",
            );
        }
        // Here `timeout` is how long nothing may be heard of the machines, not how soon minions are
        // asked for a sign of life.
        let terms = Rebooting::parse(arguments, ["timeout", "timeout_max"]);
        audience.timeout_ms = None;
        audience.rebooting = Some(terms);
        let arg = match arguments.value("arg").cloned() {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => vec![other],
        };
        let kwarg = arguments.map("kwarg");
        let fun = arguments.text("function");
        arguments.warn_of_rest();
        Self {
            audience,
            fun: fun.unwrap_or_else(|| "system.reboot".into()),
            arg,
            kwarg,
            timeout_ms: terms.timeout_ms,
            terms: Some(terms),
            glob: rebooting::STARTS.clone(),
        }
    }

    /// Gives what is waited for.
    pub(crate) fn rebooting(&self) -> Rebooting {
        self.terms.unwrap_or(Rebooting {
            timeout_ms: self.timeout_ms,
            ..Rebooting::default()
        })
    }
}

/// How one minion took it.
enum Fate {
    Back,
    Refused,
    Away,
}

fn fate(terms: Rebooting, attempt: &Attempt, id: &MinionId, minion: &MinionState) -> Fate {
    let has_refused = minion
        .answer
        .as_ref()
        .is_some_and(|answer| answer.is_failure || answer.ret == Value::Bool(false));
    if terms.restart(attempt, id) != Restart::No {
        Fate::Back
    } else if has_refused {
        Fate::Refused
    } else {
        Fate::Away
    }
}

impl Step for Reboot {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        if scene.is_test {
            let tgt = self.audience.tgt.to_text();
            return Begin::Done(Outcome::would(format!("Minions {tgt} would be restarted")));
        }
        let request = self
            .audience
            .request(scene, &self.fun, &self.arg, &self.kwarg);
        let args = self.audience.told(&self.arg, &self.kwarg, false);
        Begin::JobAndWait {
            request: Box::new(request),
            told: Map::from([
                ("type", Value::from("function")),
                ("tgt", self.audience.tgt.clone()),
                ("name", self.fun.as_str().into()),
                ("args", args.into()),
            ]),
            glob: self.glob.clone(),
            timeout: Some(Timeout {
                millis: self.timeout_ms,
                millis_max: Some(self.rebooting().timeout_max_ms),
            }),
        }
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        if let Some(refused) = minions::refused(attempt) {
            return Some(refused);
        }
        if !attempt.is_published {
            return None;
        }
        let terms = self.rebooting();
        let (mut back, mut bad, mut changes) = (Vec::new(), Vec::new(), Map::new());
        for (id, minion) in &attempt.minions {
            let told = match fate(terms, attempt, id, minion) {
                Fate::Back => {
                    back.push(id.to_string());
                    "started again"
                }
                Fate::Refused => {
                    bad.push(format!("Minion {id} did not restart: {} failed.", self.fun));
                    "did not restart"
                }
                Fate::Away if attempt.is_timed_out => {
                    bad.push(Rebooting::why_not(attempt, id));
                    "did not come back"
                }
                Fate::Away => return None,
            };
            changes.insert(id.as_str(), told);
        }
        for id in &attempt.missing {
            bad.push(format!(
                "Minion {id} is not an accepted minion of this master."
            ));
        }
        let back = back.join(", ");
        let comment = match (back.is_empty(), bad.is_empty()) {
            (true, true) => "No minions responded".to_owned(),
            (true, false) => bad.join("\n"),
            (false, true) => format!("Minions started again: {back}."),
            (false, false) => format!("{}\nMinions started again: {back}.", bad.join("\n")),
        };
        let is_good = bad.is_empty() && !back.is_empty();
        let outcome = Outcome {
            result: Some(is_good),
            comment,
            changes: if changes.is_empty() {
                changes
            } else {
                Map::from([("ret", changes)])
            },
            ..Outcome::default()
        };
        let outcome = minions::with_doubts(outcome, attempt, Some(terms));
        Some(minions::with_jid(outcome, attempt))
    }
}
