//! External pillars: each entry of the option `ext_pillar` becomes a `PillarSource`.
//!
//! [`KINDS`] is the list of what there is; [`check`] refuses the rest when the configuration is
//! read. Arguments are given as in Salt: a map by name, a list by place, anything else is the first
//! one. What a source cannot get is told as Salt tells it: in the log alone, or under `_errors`.

use std::sync::Arc;
use std::time::Duration;

use model::{Map, Value};
use pillar::{PillarSource, SourceRequest};
use states::context::near_names;
use storage::disk::DiskRead;

mod command;
mod file_tree;
mod http;
mod stack;
#[cfg(test)]
mod tests;

use crate::config::Opts;
use crate::http_client::Trust;

/// What makes a source of one kind.
type Make = fn(&Value, &Parts) -> Result<Arc<dyn PillarSource>, String>;

/// Every kind there is, by Salt's name.
const KINDS: &[(&str, Make)] = &[
    ("cmd_json", command::json),
    ("cmd_yaml", command::yaml),
    ("file_tree", file_tree::make),
    ("http_json", http::json),
    ("http_yaml", http::yaml),
    ("stack", stack::make),
];

/// What sources are made of.
pub(crate) struct Parts {
    /// Files.
    pub(crate) disk: Arc<dyn DiskRead>,
    /// How long a program or a server may take.
    pub(crate) time: Duration,
    /// Whose certificates count.
    pub(crate) trust: Trust,
}

impl Parts {
    pub(crate) fn new(opts: &Opts, disk: Arc<dyn DiskRead>) -> Self {
        Self {
            disk,
            time: Duration::from_secs(opts.ext_pillar_timeout),
            trust: Trust::of(opts.ca_bundle.as_ref()),
        }
    }
}

/// Says what the option `ext_pillar` would have to be, if it is something else.
pub(crate) fn check(option: &[Value]) -> Option<String> {
    let names = || KINDS.iter().map(|(name, _)| *name);
    for entry in option {
        let Some(entry) = entry.as_map().filter(|entry| !entry.is_empty()) else {
            return Some("a list of maps, one for each external pillar (- cmd_yaml: ...)".into());
        };
        for kind in entry.keys().map(Value::to_text) {
            if kind == "git" {
                return Some(
                    "no git: repositories come with the git file server, which is not built yet; \
                     check the repository out and name the directory in pillar_roots"
                        .into(),
                );
            }
            if names().any(|name| name == kind) {
                continue;
            }
            let near = near_names(&kind, names());
            let near = match near.first() {
                Some(near) => format!(" (did you mean {near}?)"),
                None => String::new(),
            };
            let known = names().collect::<Vec<_>>().join(", ");
            return Some(format!(
                "no external pillar '{kind}'{near}, but one of {known}"
            ));
        }
    }
    None
}

/// Makes the sources of a list of entries, in order. One that cannot be made says so whenever it is
/// asked, as in Salt.
pub(crate) fn sources(entries: &[Value], parts: &Parts) -> Vec<Arc<dyn PillarSource>> {
    let pairs = entries.iter().filter_map(Value::as_map).flat_map(Map::iter);
    pairs
        .map(|(kind, arguments)| source(&kind.to_text(), arguments, parts))
        .collect()
}

fn source(kind: &str, arguments: &Value, parts: &Parts) -> Arc<dyn PillarSource> {
    let made = match KINDS.iter().find(|(name, _)| *name == kind) {
        Some((_, make)) => make(arguments, parts),
        None => Err("there is no such external pillar".to_owned()),
    };
    made.unwrap_or_else(|error| {
        Arc::new(Broken {
            name: kind.to_owned(),
            error,
        })
    })
}

/// A source that was configured wrongly.
struct Broken {
    name: String,
    error: String,
}

impl PillarSource for Broken {
    fn name(&self) -> &str {
        &self.name
    }

    fn pillar(&self, _: SourceRequest<'_>) -> Result<Map, String> {
        Err(self.error.clone())
    }
}

/// Brings arguments into the order of `names`, as Python binds them.
fn bind<const N: usize>(arguments: &Value, names: [&str; N]) -> Result<[Option<Value>; N], String> {
    let mut bound = [const { None }; N];
    match arguments {
        Value::Map(named) => {
            for (name, value) in named.iter() {
                let name = name.to_text();
                let Some(place) = names.iter().position(|known| *known == name) else {
                    let names = names.join(", ");
                    return Err(format!("there is no argument '{name}'; there are {names}"));
                };
                bound[place] = Some(value.clone());
            }
        }
        Value::List(placed) if placed.len() > N => {
            return Err(format!(
                "takes {N} arguments at most, and {} are given",
                placed.len()
            ));
        }
        Value::List(placed) => {
            for (place, value) in bound.iter_mut().zip(placed) {
                *place = Some(value.clone());
            }
        }
        Value::Nil => {}
        single => bound[0] = Some(single.clone()),
    }
    // What is said to be nothing is not said.
    Ok(bound.map(|value| value.filter(|value| !value.is_nil())))
}

/// Takes an argument that must be text.
fn text(value: Option<Value>, name: &str) -> Result<String, String> {
    match value {
        Some(Value::Str(text)) => Ok(text),
        Some(other) => Err(format!("{name} must be text, not {}", other.repr())),
        None => Err(format!("{name} is missing")),
    }
}

/// Takes data that a source was given. Nothing is an empty map.
fn map(data: Value) -> Result<Map, String> {
    match data {
        Value::Map(map) => Ok(map),
        other if !other.is_truthy() => Ok(Map::new()),
        _ => Err("the data is not a map (name: value)".to_owned()),
    }
}
