//! States that the master applies to its own machine: `cmd.run`, `file.*`, `http.query`.
//!
//! The call is on record before it is made. If the master goes down meanwhile, nobody knows how it
//! ended: it fails, is not made again by itself, and the `retry` of the step decides.

use model::{Map, Value};
use serde::{Deserialize, Serialize};
use states::low_chunk::LowChunk;

use crate::arguments::Arguments;
use crate::attempt::{Attempt, CallPhase};
use crate::effect::Call;
use crate::record::CallReturn;

use super::{Begin, BegunCall, CallKind, Outcome, Scene, Step};

/// What a state does to the machine it is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It asks somebody else.
    Asks,
    /// It looks at files.
    Looks,
    /// It runs commands or writes files: the configuration must allow it.
    Acts,
}

/// A state that the master can apply.
struct Known {
    state: &'static str,
    fun: &'static str,
    reach: Reach,
    /// Its arguments, besides `name` and those of every state.
    arguments: &'static [&'static str],
}

/// Every state that the master can apply.
const KNOWN: [Known; 10] = [
    Known {
        state: "cmd",
        fun: "run",
        reach: Reach::Acts,
        arguments: &[
            "cwd",
            "env",
            "output_loglevel",
            "stdin",
            "success_retcodes",
            "timeout",
        ],
    },
    Known {
        state: "file",
        fun: "absent",
        reach: Reach::Acts,
        arguments: &[],
    },
    Known {
        state: "file",
        fun: "append",
        reach: Reach::Acts,
        arguments: &["ignore_whitespace", "makedirs", "text"],
    },
    Known {
        state: "file",
        fun: "directory",
        reach: Reach::Acts,
        arguments: &["dir_mode", "group", "makedirs", "mode", "user"],
    },
    Known {
        state: "file",
        fun: "exists",
        reach: Reach::Looks,
        arguments: &[],
    },
    Known {
        state: "file",
        fun: "managed",
        reach: Reach::Acts,
        arguments: &[
            "allow_empty",
            "contents",
            "contents_newline",
            "create",
            "dir_mode",
            "group",
            "makedirs",
            "mode",
            "replace",
            "show_changes",
            "source",
            "user",
        ],
    },
    Known {
        state: "file",
        fun: "missing",
        reach: Reach::Looks,
        arguments: &[],
    },
    Known {
        state: "file",
        fun: "symlink",
        reach: Reach::Acts,
        arguments: &["force", "makedirs", "target"],
    },
    Known {
        state: "file",
        fun: "touch",
        reach: Reach::Acts,
        arguments: &["makedirs"],
    },
    Known {
        state: "http",
        fun: "query",
        reach: Reach::Asks,
        arguments: &[
            "ca_bundle",
            "data",
            "header_dict",
            "header_list",
            "match",
            "match_type",
            "method",
            "params",
            "password",
            "status",
            "status_type",
            "timeout",
            "username",
            "verify_ssl",
        ],
    },
];

fn known(chunk: &LowChunk) -> Option<&'static Known> {
    let is_it = |known: &&Known| known.state == chunk.state && known.fun == chunk.fun;
    KNOWN.iter().find(is_it)
}

/// Says whether the master can apply a state.
pub(crate) fn is_known(chunk: &LowChunk) -> bool {
    known(chunk).is_some()
}

/// Lists the states for a message.
pub(crate) fn list() -> String {
    let names = KNOWN.iter();
    let names: Vec<String> = names
        .map(|known| format!("{}.{}", known.state, known.fun))
        .collect();
    names.join(", ")
}

/// A state of the master's own machine with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnMaster {
    /// The state and all that it was given, as keyword arguments.
    pub call: Call,
}

impl OnMaster {
    /// Parses the arguments. `None` if the state is not one of those.
    pub(crate) fn parse(chunk: &LowChunk, arguments: &mut Arguments<'_>) -> Option<Self> {
        let known = known(chunk)?;
        let name = format!("{}.{}", known.state, known.fun);
        for key in ["runas", "umask"] {
            if arguments.value(key).is_some() {
                arguments.refuse(format!(
                    "'{key}' of '{name}' is not supported on the master, which acts as its own user"
                ));
            }
        }
        let mut kwarg = Map::from([("name", arguments.name())]);
        for (key, value) in arguments.rest().iter() {
            let text = key.to_text();
            if known.arguments.contains(&text.as_str()) {
                kwarg.insert(key.clone(), value.clone());
            } else if value.is_truthy() {
                let there = [&["name"], known.arguments].concat().join(", ");
                arguments.refuse(format!(
                    "the argument '{text}' of '{name}' is not supported on the master; there are: \
                     {there}"
                ));
            }
        }
        if !chunk.saltenv.is_empty() {
            kwarg.insert("saltenv", chunk.saltenv.as_str());
        }
        let call = Call {
            fun: name,
            arg: Vec::new(),
            kwarg,
        };
        Some(Self { call })
    }

    /// Says whether the configuration must allow it.
    pub(crate) fn acts(chunk: &LowChunk) -> bool {
        known(chunk).is_some_and(|known| known.reach == Reach::Acts)
    }

    /// Says whether it changes something.
    pub(crate) fn is_change(&self) -> bool {
        let looks = |known: &&Known| known.reach == Reach::Looks;
        let mut looking = KNOWN.iter().filter(looks);
        !looking.any(|known| self.call.fun == format!("{}.{}", known.state, known.fun))
    }
}

impl Step for OnMaster {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let mut call = self.call.clone();
        if scene.is_test {
            call.kwarg.insert("test", true);
        }
        Begin::Calls(vec![BegunCall {
            name: String::new(),
            kind: CallKind::State,
            call,
            told: None,
        }])
    }

    fn outcome(&self, _scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        let fun = &self.call.fun;
        match &attempt.calls.first()?.phase {
            CallPhase::Running if attempt.is_timed_out => Some(Outcome::failed(format!(
                "'{fun}' did not end within the step's time; whether it still does something is \
                 not known."
            ))),
            CallPhase::Running => None,
            CallPhase::Lost => Some(Outcome::failed(format!(
                "The master was restarted while '{fun}' was at work on it; how that ended is not \
                 known."
            ))),
            CallPhase::Ended(ret) => Some(outcome_of(ret)),
        }
    }
}

/// Reads the result of a state.
pub(crate) fn outcome_of(done: &CallReturn) -> Outcome {
    let Value::Map(mut ret) = done.ret.clone() else {
        return Outcome::failed(done.ret.to_text());
    };
    let mut take = |key: &str| ret.remove(key).unwrap_or_default();
    let result = take("result");
    let (changes, comment) = (take("changes"), take("comment").to_text());
    let more = ret.iter();
    Outcome {
        result: result.as_bool(),
        changes: changes.as_map().cloned().unwrap_or_default(),
        comment,
        more: more
            .map(|(key, value)| (key.to_text(), value.clone()))
            .collect(),
    }
}
