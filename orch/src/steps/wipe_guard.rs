//! `salt.wipe_guard`: before disks are overwritten, says what is on them, and stops if a node
//! carries a cluster already.
//!
//! Ours, not Salt's. It asks the nodes themselves, with a function that every minion has, or with
//! `function`. Whoever wants to lose what it found starts the run again with the hash it printed
//! (`yes_wipe`): the hash covers the plan and the answers, so that it fits this state and no other.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;

use super::minions::{self, Audience};
use super::{Begin, Outcome, Scene, Step};

/// What a line begins with that names a reason to stop.
const CARRIES: &str = "carries ";

/// Files that only a node of a cluster has.
const MARKERS: [&str; 3] = [
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/etcd/member",
];

/// `salt.wipe_guard` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeGuard {
    /// The nodes whose disks will be overwritten.
    pub audience: Audience,
    /// The function that tells what is on them.
    pub fun: String,
    /// Its positional arguments.
    pub arg: Vec<Value>,
    /// Its keyword arguments.
    pub kwarg: Map,
}

impl WipeGuard {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let audience = Audience::parse(arguments);
        let disks = arguments.names("disks").unwrap_or_default();
        let markers = arguments.names("markers");
        let function = arguments.text("function");
        let (fun, arg, kwarg) = match function {
            Some(fun) => {
                let arg = match arguments.value("arg").cloned() {
                    None => Vec::new(),
                    Some(Value::List(items)) => items,
                    Some(other) => vec![other],
                };
                (fun, arg, arguments.map("kwarg"))
            }
            None => {
                let markers = markers.unwrap_or_else(|| MARKERS.map(String::from).to_vec());
                by_shell(&disks, &markers)
            }
        };
        arguments.warn_of_rest();
        Self {
            audience,
            fun,
            arg,
            kwarg,
        }
    }
}

/// The question that every minion can answer: a function, its arguments.
fn by_shell(disks: &[String], markers: &[String]) -> (String, Vec<Value>, Map) {
    let kwarg = Map::from([("python_shell", true), ("ignore_retcode", true)]);
    let asked = script(disks, markers);
    ("cmd.run".into(), vec![asked.into()], kwarg)
}

/// A question about disks that only reads: a function with its arguments as they are published.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The function.
    pub fun: String,
    /// Its arguments; keyword arguments are a last map with `__kwarg__`.
    pub arg: Vec<Value>,
}

impl Question {
    fn new(fun: String, mut arg: Vec<Value>, kwarg: Map) -> Self {
        if !kwarg.is_empty() {
            let mut kwargs = Map::from([("__kwarg__", true)]);
            kwargs.extend(kwarg);
            arg.push(kwargs.into());
        }
        Self { fun, arg }
    }

    /// Gives the one that every minion can answer, where the guard's own function is missing: it is
    /// synchronized by the run itself.
    pub fn of_every_minion() -> Self {
        let (fun, arg, kwarg) = by_shell(&[], &MARKERS.map(String::from));
        Self::new(fun, arg, kwarg)
    }
}

impl WipeGuard {
    /// Gives what it asks.
    pub fn question(&self) -> Question {
        Question::new(self.fun.clone(), self.arg.clone(), self.kwarg.clone())
    }

    /// Says in lines what a node answered: first whether it carries a cluster, then its disks.
    pub fn told(said: &Value) -> Vec<String> {
        let marks = carried(said);
        let carries =
            (!marks.is_empty()).then(|| format!("carries a cluster: {}", marks.join(", ")));
        carries.into_iter().chain(described(said)).collect()
    }

    /// Says whether a node that answered so stops the run.
    pub fn stops(said: &Value) -> bool {
        !carried(said).is_empty()
    }
}

/// Writes what a shell is to say: a line for each disk and partition, by serial, with what is on
/// it, then a line for each file that only a node of a cluster has.
fn script(disks: &[String], markers: &[String]) -> String {
    let quoted = |texts: &[String]| {
        let quoted = texts.iter();
        let quoted: Vec<String> = quoted
            .map(|text| format!("'{}'", text.replace('\'', r"'\''")))
            .collect();
        quoted.join(" ")
    };
    format!(
        "lsblk -P -b -o NAME,TYPE,SIZE,SERIAL,MODEL,FSTYPE,LABEL,UUID,MOUNTPOINT {}; \
         for mark in {}; do if test -e \"$mark\"; then echo \"{CARRIES}$mark\"; fi; done",
        quoted(disks),
        quoted(markers)
    )
}

impl Step for WipeGuard {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        if scene.is_test {
            let tgt = self.audience.tgt.to_text();
            return Begin::Done(Outcome::would(format!(
                "{tgt} would be asked what is on the disks that are to be overwritten"
            )));
        }
        let request = self
            .audience
            .request(scene, &self.fun, &self.arg, &self.kwarg);
        let args = self.audience.told(&self.arg, &self.kwarg, false);
        Begin::Job {
            request: Box::new(request),
            told: Map::from([
                ("type", Value::from("wipe_guard")),
                ("tgt", self.audience.tgt.clone()),
                ("name", self.fun.as_str().into()),
                ("args", args.into()),
            ]),
        }
    }

    fn outcome(&self, scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        if let Some(refused) = minions::refused(attempt) {
            return Some(refused);
        }
        if !attempt.is_answered() {
            return None;
        }
        let mut unknown = Vec::new();
        let mut facts = Map::new();
        // By id, not by who answered first: the hash is of what is there.
        let mut answers: Vec<_> = attempt.minions.iter().collect();
        answers.sort_by_key(|(id, _)| *id);
        for (id, minion) in answers {
            match &minion.answer {
                Some(answer) if answer.is_failure || !answer.ret.is_truthy() => {
                    unknown.push(format!("Minion {id} does not say what is on its disks."));
                }
                Some(answer) => {
                    facts.insert(id.as_str(), answer.ret.clone());
                }
                None => {}
            }
        }
        unknown.extend(
            self.audience
                .silent(attempt, None)
                .into_iter()
                .map(|(_, why)| why),
        );
        let outcome = if !unknown.is_empty() {
            Outcome::failed(format!("Nothing is wiped.\n{}", unknown.join("\n")))
        } else if facts.is_empty() {
            Outcome::failed("No minions responded")
        } else {
            judge(scene, facts)
        };
        Some(minions::with_jid(outcome, attempt))
    }
}

/// Says whether the disks may be overwritten.
fn judge(scene: &Scene<'_>, facts: Map) -> Outcome {
    let mut lost = Vec::new();
    for (id, said) in facts.iter() {
        let marks = carried(said);
        if !marks.is_empty() {
            let id = id.to_text();
            lost.push(format!("  {id} carries a cluster: {}", marks.join(", ")));
            lost.extend(
                described(said)
                    .into_iter()
                    .map(|line| format!("    {line}")),
            );
        }
    }
    let hash = scene.plan.hash(&facts);
    let named = scene.plan.options.yes_wipe.as_deref();
    let orchestration = &scene.plan.name;
    let mut outcome = match named {
        _ if lost.is_empty() => Outcome::ok("No node carries a cluster yet."),
        Some(named) if hash.is_named_by(named) => Outcome::ok(format!(
            "Will be lost, as --yes-wipe={hash} says:\n{}",
            lost.join("\n")
        )),
        named => {
            let why = match named {
                None => String::new(),
                Some(named) => format!(
                    "--yes-wipe={named} does not fit: the plan, or what is on the disks, is \
                     another one now.\n"
                ),
            };
            Outcome::failed(format!(
                "Nothing is wiped. {why}Would be lost:\n{}\n\
                 If that is wanted: salt-run state.orchestrate {orchestration} --yes-wipe={hash}",
                lost.join("\n")
            ))
        }
    };
    outcome
        .more
        .insert("wipe_hash".into(), hash.as_str().into());
    outcome.changes = Map::from([("disks", facts)]);
    outcome
}

/// Gives the reasons to stop that a node gave.
fn carried(said: &Value) -> Vec<String> {
    match said {
        Value::Map(map) => match map.get("carries") {
            Some(Value::List(marks)) => marks.iter().map(Value::to_text).collect(),
            Some(mark) if mark.is_truthy() => vec![mark.to_text()],
            _ => Vec::new(),
        },
        text => {
            let text = text.to_text();
            let marks = text.lines().filter_map(|line| line.strip_prefix(CARRIES));
            marks.map(str::to_owned).collect()
        }
    }
}

/// Gives the lines about a node's disks.
fn described(said: &Value) -> Vec<String> {
    match said {
        Value::Map(map) => match map.get("disks") {
            Some(Value::List(disks)) => disks.iter().map(line).collect(),
            Some(disk) => vec![line(disk)],
            None => Vec::new(),
        },
        text => {
            let text = text.to_text();
            let lines = text.lines().filter(|line| !line.starts_with(CARRIES));
            lines
                .map(readable)
                .filter(|line| !line.is_empty())
                .collect()
        }
    }
}

/// Writes a line of `lsblk -P` without what is empty: `NAME="sda" SERIAL="" ...`.
fn readable(line: &str) -> String {
    let words = line.split_inclusive("\" ");
    let filled = words.filter(|word| !word.trim_end().ends_with("=\"\""));
    filled.collect::<String>().trim().to_owned()
}

fn line(disk: &Value) -> String {
    match disk {
        Value::Map(map) => {
            let pairs = map.iter().filter(|(_, value)| value.is_truthy());
            let pairs: Vec<String> = pairs
                .map(|(key, value)| format!("{} {}", key.to_text(), value.to_text()))
                .collect();
            pairs.join(", ")
        }
        text => text.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lsblk_says_is_shown_without_what_is_empty() {
        let said = "NAME=\"sda\" TYPE=\"disk\" SIZE=\"512\" SERIAL=\"\" MODEL=\"A disk\" \
                    LABEL=\"\"\ncarries /etc/kubernetes/kubelet.conf\n";
        let told = WipeGuard::told(&said.into());
        assert_eq!(
            told,
            [
                "carries a cluster: /etc/kubernetes/kubelet.conf",
                "NAME=\"sda\" TYPE=\"disk\" SIZE=\"512\" MODEL=\"A disk\"",
            ]
        );
        assert!(WipeGuard::stops(&said.into()));
        assert!(!WipeGuard::stops(&Value::from("NAME=\"sda\"")));
    }
}
