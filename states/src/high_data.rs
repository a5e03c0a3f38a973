//! What the SLS declare: ids, each with its states, each with a list of arguments.
//!
//! High data is the form between rendered text and low chunks; `state.show_sls` prints it. It stays
//! plain data (a [`Map`](model::Map)) because SLS may write half of it by hand; the passes here
//! read and rewrite it one after the other, in Salt's order and with Salt's messages.
//!
//! Keys that begin with `__` are Salt's own: `__sls__` and `__env__` of each id, `__extend__` and
//! `__exclude__` at the top.

mod declarations;
mod exclude;
mod extend;
mod include;
mod names;
mod requisite_in;
mod shared_lists;
mod use_arguments;
mod verify;

pub(crate) use exclude::apply_exclude;
pub(crate) use extend::extend_high;
pub(crate) use include::{Gathered, gather};
pub(crate) use names::{Unordered, compile_chunks};
pub(crate) use requisite_in::requisite_in;
pub(crate) use verify::verify;

use model::{Map, Value};

/// Where the extensions of all SLS are collected, and the exclusions.
pub(crate) const EXTEND: &str = "__extend__";
pub(crate) const EXCLUDE: &str = "__exclude__";

/// The options that change what the compiler does.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// States run in the order they were written.
    pub(crate) state_auto_order: bool,
    /// The pipe of files without a `#!` line.
    pub(crate) renderer: String,
    /// Requisites that count for nothing.
    pub(crate) disabled_requisites: Vec<String>,
}

impl Options {
    /// Reads them from the master's options, with Salt's defaults.
    pub(crate) fn new(opts: &Map) -> Self {
        let disabled = match opts.get("disabled_requisites") {
            Some(Value::List(items)) => items.iter().map(Value::to_text).collect(),
            Some(Value::Str(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        Self {
            state_auto_order: opts.get("state_auto_order").is_none_or(Value::is_truthy),
            renderer: renderer(opts),
            disabled_requisites: disabled,
        }
    }
}

/// Gives the pipe of files without a `#!` line.
pub(crate) fn renderer(opts: &Map) -> String {
    opts.get("renderer")
        .and_then(Value::as_str)
        .unwrap_or("jinja|yaml")
        .to_owned()
}

/// Says whether a key is Salt's own rather than a state or an id.
fn is_internal(key: &Value) -> bool {
    key.as_str().is_some_and(|key| key.starts_with("__"))
}

/// Gives the ids of high data with their bodies; what is not a map is somebody else's error.
fn bodies(high: &Map) -> impl Iterator<Item = (&Value, &Map)> {
    high.iter()
        .filter_map(|(id, body)| Some((id, body.as_map()?)))
}

/// Gives the states of an id with their argument lists.
fn states(body: &Map) -> impl Iterator<Item = (&Value, &Vec<Value>)> {
    body.iter()
        .filter(|(state, _)| !is_internal(state))
        .filter_map(|(state, run)| match run {
            Value::List(run) => Some((state, run)),
            _ => None,
        })
}

/// Gives the text under a key of an id, such as `__sls__`; empty if there is none.
fn text<'a>(body: &'a Map, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Gives the first key of an argument; `None` for anything but a map with at least one pair.
fn first_key(argument: &Value) -> Option<&Value> {
    argument.as_map()?.get_index(0).map(|(key, _)| key)
}

/// Gives key and value of a map with exactly one pair.
fn single_pair(argument: &Value) -> Option<(&Value, &Value)> {
    let map = argument.as_map()?;
    if map.len() == 1 {
        map.get_index(0)
    } else {
        None
    }
}

/// Names a value's type as Python does.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "dict",
        Value::Ext(..) => "ExtType",
    }
}
