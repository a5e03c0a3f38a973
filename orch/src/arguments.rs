//! Reads the arguments of one low chunk, once, and remembers what was read and what is wrong.
//!
//! For the `parse` functions of the steps. What a step did not read and Salt does not use itself is
//! what it does not know: some steps pass it on, the others are warned about.

use std::collections::BTreeSet;

use model::{Map, Value};
use states::low_chunk::LowChunk;
use states::requisites::RequisiteKind;

use crate::error::Problem;

/// Keywords of every state that Salt's compiler and runner, or ours, use themselves.
const RUNTIME_KEYWORDS: [&str; 27] = [
    "name",
    "names",
    "check_cmd",
    "cmd_opts_exclude",
    "failhard",
    "fire_event",
    "onlyif",
    "unless",
    "creates",
    "retry",
    "order",
    "parallel",
    "prerequired",
    "onfail_stop",
    "reload_modules",
    "reload_grains",
    "reload_pillar",
    "runas",
    "runas_password",
    "saltenv",
    "umask",
    "use",
    // Ours.
    "finally",
    "compensate",
    "hide_output",
    "lock",
    "step_timeout",
];

/// The arguments of one chunk while they are parsed.
pub(crate) struct Arguments<'a> {
    chunk: &'a LowChunk,
    read: BTreeSet<&'a str>,
    /// What is wrong so far.
    pub(crate) problems: Vec<Problem>,
    /// What is odd so far.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn of(chunk: &'a LowChunk) -> Self {
        Self {
            chunk,
            read: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Gives the `name`.
    pub(crate) fn name(&self) -> &'a str {
        &self.chunk.name
    }

    /// Notes that the step cannot be planned.
    pub(crate) fn refuse(&mut self, what: impl Into<String>) {
        self.problems.push(Problem::of(self.chunk, what));
    }

    /// Notes something odd that does not keep the step from running.
    pub(crate) fn warn(&mut self, what: impl AsRef<str>) {
        let LowChunk { id, sls, .. } = self.chunk;
        let what = what.as_ref();
        self.warnings
            .push(format!("ID '{id}' in SLS '{sls}': {what}"));
    }

    /// Gives an argument as it is; an absent one and `null` are the same.
    pub(crate) fn value(&mut self, key: &'a str) -> Option<&'a Value> {
        self.read.insert(key);
        self.peek(key)
    }

    /// Gives an argument without taking it for read: it is another's.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a Value> {
        self.chunk.args.get(key).filter(|value| !value.is_nil())
    }

    /// Gives an argument that must be there; says so in Salt's words if it is not.
    pub(crate) fn required(&mut self, key: &'a str) -> Value {
        if let Some(value) = self.value(key) {
            return value.clone();
        }
        let LowChunk { state, fun, .. } = self.chunk;
        self.refuse(format!("Missing parameter {key} for state {state}.{fun}"));
        Value::Nil
    }

    /// Gives a text; a number is taken as its digits.
    pub(crate) fn text(&mut self, key: &'a str) -> Option<String> {
        match self.value(key)? {
            Value::List(_) | Value::Map(_) => {
                self.refuse(format!("'{key}' must be text"));
                None
            }
            value => Some(value.to_text()),
        }
    }

    /// Gives a boolean.
    pub(crate) fn flag(&mut self, key: &'a str) -> Option<bool> {
        let value = self.value(key)?;
        if value.as_bool().is_none() {
            self.refuse(format!(
                "'{key}' must be True or False, not {}",
                value.repr()
            ));
        }
        value.as_bool()
    }

    /// Gives a map; a list of maps with one key each is joined to one, as SLS writers use both.
    pub(crate) fn map(&mut self, key: &'a str) -> Map {
        let Some(value) = self.value(key) else {
            return Map::new();
        };
        match joined(value) {
            Some(map) => map,
            None => {
                self.refuse(format!("'{key}' must be a dictionary"));
                Map::new()
            }
        }
    }

    /// Gives a time in milliseconds; written in seconds, as a number or as text.
    pub(crate) fn seconds(&mut self, key: &'a str) -> Option<u64> {
        let value = self.value(key)?;
        let seconds = match value {
            Value::Str(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        match seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
            // Ten thousand years are as good as for ever, and stay far from the end of the number.
            Some(seconds) => Some((seconds.min(3.2e11) * 1000.0) as u64),
            None => {
                self.refuse(format!(
                    "'{key}' must be a number of seconds, not {}",
                    value.repr()
                ));
                None
            }
        }
    }

    /// Gives a whole number.
    pub(crate) fn count(&mut self, key: &'a str) -> Option<u64> {
        let value = self.value(key)?;
        let count = match value {
            Value::Str(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        if count.is_none() {
            self.refuse(format!(
                "'{key}' must be a whole number, not {}",
                value.repr()
            ));
        }
        count
    }

    /// Gives a list of texts, or one text split at commas, as Salt takes ids and returners.
    pub(crate) fn names(&mut self, key: &'a str) -> Option<Vec<String>> {
        let names = match self.value(key)? {
            Value::List(items) => items.iter().map(Value::to_text).collect(),
            Value::Str(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => {
                self.warn(format!(
                    "'{key}' needs to be a list or a comma separated string. Ignored."
                ));
                return None;
            }
        };
        Some(names)
    }

    /// Gives everything that was not read and that Salt does not use itself.
    pub(crate) fn rest(&self) -> Map {
        let is_own = |key: &str| {
            self.read.contains(key)
                || key.starts_with("__")
                || RUNTIME_KEYWORDS.contains(&key)
                || RequisiteKind::ALL
                    .iter()
                    .any(|kind| kind.as_str() == key.strip_suffix("_in").unwrap_or(key))
        };
        let pairs = self.chunk.args.iter();
        pairs
            .filter(|(key, _)| !key.as_str().is_some_and(is_own))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Warns of what nobody read: mostly typing errors, which Salt passes over in silence.
    pub(crate) fn warn_of_rest(&mut self) {
        let LowChunk { state, fun, .. } = self.chunk;
        for key in self.rest().keys() {
            let key = key.to_text();
            self.warn(format!(
                "'{key}' is an invalid keyword argument for '{state}.{fun}'. Ignored."
            ));
        }
    }
}

/// Joins a list of maps to one map.
pub(crate) fn joined(value: &Value) -> Option<Map> {
    match value {
        Value::Map(map) => Some(map.clone()),
        Value::List(items) => {
            let mut all = Map::new();
            for item in items {
                all.extend(item.as_map()?.clone());
            }
            Some(all)
        }
        _ => None,
    }
}
