//! `salt.secret`: one minion makes a value, and named minions read it, each once.
//!
//! Ours, not Salt's. The value goes from the maker into a sealed blob of the master and from there
//! to its readers, who ask with `mine.get`; no record, event or result holds it. It is over with
//! the run. `revoke` undoes it at its source, however the run ends.

use model::{Map, MinionId, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;
use crate::effect::SecretRequest;

use super::minions::{self, Audience};
use super::{Begin, Outcome, Scene, Step};

/// `salt.secret` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Who makes it: one minion.
    pub audience: Audience,
    /// With which function.
    pub fun: String,
    /// Its positional arguments.
    pub arg: Vec<Value>,
    /// Its keyword arguments.
    pub kwarg: Map,
    /// For whom, and for how long.
    pub secret: SecretRequest,
}

impl Secret {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let audience = Audience::parse(arguments);
        let fun = arguments.required("function").to_text();
        let arg = match arguments.value("arg").cloned() {
            None => Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => vec![other],
        };
        let kwarg = arguments.map("kwarg");
        let secret = SecretRequest {
            name: arguments.name().to_owned(),
            readers: readers(arguments),
            lifetime_ms: arguments.seconds("lifetime"),
            plain: arguments.names("plain").unwrap_or_default(),
        };
        check_revoke(arguments);
        arguments.warn_of_rest();
        Self {
            audience,
            fun,
            arg,
            kwarg,
            secret,
        }
    }
}

fn readers(arguments: &mut Arguments<'_>) -> Vec<MinionId> {
    let names = arguments.names("readers").unwrap_or_default();
    let mut readers: Vec<MinionId> = Vec::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        match name.parse::<MinionId>() {
            Ok(id) if !name.contains(['*', '?', '[']) => {
                if !readers.contains(&id) {
                    readers.push(id);
                }
            }
            _ => arguments.refuse(format!(
                "'readers': '{name}' is no minion id; who may read a secret is written out"
            )),
        }
    }
    if readers.is_empty() {
        arguments
            .refuse("'readers' must list at least one minion id: nobody could read the secret");
    }
    readers
}

/// What is only forgotten may still be used by whoever has seen it: who wants that says so.
fn check_revoke(arguments: &mut Arguments<'_>) {
    match arguments.value("revoke") {
        Some(Value::Bool(false)) => {}
        Some(_) => {
            let revoke = arguments.map("revoke");
            if revoke.get("function").and_then(Value::as_str).is_none() {
                arguments.refuse(
                    "'revoke' must name a 'function' that makes the value useless at its source",
                );
            }
        }
        None => arguments.refuse(
            "'revoke' is missing: name the function that makes the value useless at its source, \
             such as 'revoke: {function: kubeadm.token_revoke, arg: [NAME]}', or write \
             'revoke: False' for a value that cannot be revoked",
        ),
    }
}

impl Step for Secret {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let (fun, name) = (&self.fun, &self.secret.name);
        if scene.is_test {
            let tgt = self.audience.tgt.to_text();
            return Begin::Done(Outcome::would(format!(
                "The secret {name} would be made by {fun} on {tgt} for {}",
                self.readers()
            )));
        }
        let mut request = self
            .audience
            .request(scene, &self.fun, &self.arg, &self.kwarg);
        request.secret = Some(self.secret.clone());
        let mut args = self.audience.told(&self.arg, &self.kwarg, false);
        args.insert("readers", self.readers());
        Begin::Job {
            request: Box::new(request),
            told: Map::from([
                ("type", Value::from("secret")),
                ("tgt", self.audience.tgt.clone()),
                ("name", name.as_str().into()),
                ("args", args.into()),
            ]),
        }
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        if let Some(refused) = minions::refused(attempt) {
            return Some(refused);
        }
        if !attempt.is_answered() {
            return None;
        }
        let name = &self.secret.name;
        let mut outcome = match attempt.minions.iter().next() {
            None => Outcome::failed("No minions responded"),
            Some((id, minion)) => match &minion.answer {
                Some(answer) if answer.is_failure || !answer.ret.is_truthy() => {
                    let fun = &self.fun;
                    Outcome::failed(format!(
                        "The secret {name} was not made: {fun} failed on {id}."
                    ))
                }
                Some(_) => {
                    let readers = self.readers();
                    let mut outcome =
                        Outcome::ok(format!("The secret {name} was made on {id} for {readers}."));
                    outcome.changes = Map::from([
                        ("made_on", Value::from(id.as_str())),
                        ("readers", readers.into()),
                    ]);
                    outcome
                }
                None => Outcome::failed(format!("The secret {name} was not made.")),
            },
        };
        for (_, why) in self.audience.silent(attempt, None) {
            outcome.comment.push('\n');
            outcome.comment.push_str(&why);
        }
        Some(minions::with_jid(outcome, attempt))
    }
}

impl Secret {
    fn readers(&self) -> String {
        let readers: Vec<&str> = self.secret.readers.iter().map(MinionId::as_str).collect();
        readers.join(", ")
    }
}
