//! The body of each request, typed. One file a family.
//!
//! Fields that the command cannot do without must be there and of their type; where releases differ
//! an absent field has Salt's default. Unknown fields are ignored.

pub mod event;
pub mod file;
pub mod local;
pub mod mine;
pub mod peer;
pub mod pillar;
pub mod returns;
pub mod tops;

use model::{Map, MinionId, Value};

/// A load lacks a field or holds the wrong thing in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field}: {problem}")]
pub struct LoadError {
    /// The field's name on the wire.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is absent.
    #[error("missing")]
    Missing,
    /// It is something else than named here.
    #[error("not {0}")]
    Not(&'static str),
}

impl LoadError {
    pub(crate) fn missing(field: &'static str) -> Self {
        Self {
            field,
            problem: Problem::Missing,
        }
    }

    pub(crate) fn not(field: &'static str, expected: &'static str) -> Self {
        Self {
            field,
            problem: Problem::Not(expected),
        }
    }
}

/// A load whose fields are taken out one by one. Nil counts as absent.
#[derive(Debug)]
pub(crate) struct Fields(Map);

impl Fields {
    pub(crate) fn new(map: Map) -> Self {
        Self(map)
    }

    /// Gives what was not taken.
    pub(crate) fn rest(self) -> Map {
        self.0
    }

    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field).filter(|value| !value.is_nil())
    }

    pub(crate) fn value(&mut self, field: &'static str) -> Result<Value, LoadError> {
        self.take(field).ok_or(LoadError::missing(field))
    }

    pub(crate) fn minion_id(&mut self) -> Result<MinionId, LoadError> {
        let text = self.text("id")?;
        text.parse()
            .map_err(|_| LoadError::not("id", "a minion id"))
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<String, LoadError> {
        self.optional_text(field)?.ok_or(LoadError::missing(field))
    }

    pub(crate) fn text_or(
        &mut self,
        field: &'static str,
        default: &str,
    ) -> Result<String, LoadError> {
        let text = self.optional_text(field)?;
        Ok(text.unwrap_or_else(|| default.to_owned()))
    }

    pub(crate) fn optional_text(
        &mut self,
        field: &'static str,
    ) -> Result<Option<String>, LoadError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(_) => Err(LoadError::not(field, "text")),
        }
    }

    pub(crate) fn map_or_empty(&mut self, field: &'static str) -> Result<Map, LoadError> {
        match self.take(field) {
            None => Ok(Map::new()),
            Some(Value::Map(map)) => Ok(map),
            Some(_) => Err(LoadError::not(field, "a map")),
        }
    }

    pub(crate) fn map(&mut self, field: &'static str) -> Result<Map, LoadError> {
        match self.value(field)? {
            Value::Map(map) => Ok(map),
            _ => Err(LoadError::not(field, "a map")),
        }
    }

    pub(crate) fn list_or_empty(&mut self, field: &'static str) -> Result<Vec<Value>, LoadError> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Value::List(list)) => Ok(list),
            Some(_) => Err(LoadError::not(field, "a list")),
        }
    }

    pub(crate) fn size(&mut self, field: &'static str) -> Result<u64, LoadError> {
        let value = self.value(field)?;
        value.as_u64().ok_or(LoadError::not(field, "a size"))
    }

    /// Reads seconds; python minions send integers, floats or their text.
    pub(crate) fn seconds_or(&mut self, field: &'static str, default: u64) -> u64 {
        match self.take(field) {
            Some(Value::Str(text)) => text.trim().parse().unwrap_or(default),
            Some(Value::Float(float)) if float >= 0.0 => float as u64,
            Some(other) => other.as_u64().unwrap_or(default),
            None => default,
        }
    }

    /// Says whether a field is there and true as Python sees it.
    pub(crate) fn flag(&mut self, field: &str) -> bool {
        self.take(field).is_some_and(|value| value.is_truthy())
    }

    /// Reads a function name, or a list of names.
    pub(crate) fn fun(&mut self) -> Result<Value, LoadError> {
        let fun = self.value("fun")?;
        let is_name = |value: &Value| value.as_str().is_some();
        match &fun {
            Value::Str(_) => Ok(fun),
            Value::List(names) if names.iter().all(is_name) => Ok(fun),
            _ => Err(LoadError::not("fun", "a function name or a list of them")),
        }
    }
}

#[cfg(test)]
mod tests;
