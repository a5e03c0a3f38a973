//! What a function was called with: by place or by name.

use model::{Map, Value};

use super::bad;
use states::context::FunctionError;

pub(super) struct Arguments {
    pub(super) placed: Vec<Value>,
    pub(super) named: Map,
}

impl Arguments {
    pub(super) fn new(placed: Vec<Value>, named: Map) -> Self {
        Self { placed, named }
    }

    pub(super) fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.placed.get(place).or_else(|| self.named.get(name))
    }

    /// Gives an argument unless it is nothing.
    pub(super) fn given(&self, place: usize, name: &str) -> Option<&Value> {
        self.get(place, name).filter(|value| !value.is_nil())
    }

    pub(super) fn required(&self, place: usize, name: &str) -> Result<&Value, FunctionError> {
        let missing = || bad(format!("missing argument: '{name}'"));
        self.get(place, name).ok_or_else(missing)
    }

    pub(super) fn required_text(&self, place: usize, name: &str) -> Result<String, FunctionError> {
        self.required(place, name).map(Value::to_text)
    }

    pub(super) fn required_map(&self, place: usize, name: &str) -> Result<&Map, FunctionError> {
        let value = self.required(place, name)?;
        let wrong = || {
            bad(format!(
                "'{name}' must be a dictionary, not {}",
                value.repr()
            ))
        };
        value.as_map().ok_or_else(wrong)
    }

    pub(super) fn text(&self, place: usize, name: &str, default: &str) -> String {
        self.given(place, name)
            .map_or_else(|| default.to_owned(), Value::to_text)
    }

    pub(super) fn is_on(&self, place: usize, name: &str) -> bool {
        self.is_on_or(place, name, false)
    }

    pub(super) fn is_on_or(&self, place: usize, name: &str, default: bool) -> bool {
        self.get(place, name).map_or(default, Value::is_truthy)
    }

    pub(super) fn number(
        &self,
        place: usize,
        name: &str,
        default: i64,
    ) -> Result<i64, FunctionError> {
        let Some(value) = self.given(place, name) else {
            return Ok(default);
        };
        let parsed = || value.as_str().and_then(|text| text.trim().parse().ok());
        let number = value.as_i64().or_else(parsed);
        number.ok_or_else(|| bad(format!("'{name}' must be a number, not {}", value.repr())))
    }

    /// Gives an argument, or empty text, as look-ups without a default do.
    pub(super) fn default_value(&self, place: usize) -> Value {
        let given = self.get(place, "default").cloned();
        given.unwrap_or_else(|| Value::str(""))
    }
}
