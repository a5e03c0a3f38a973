//! A runner's arguments: by place or by name, as Python binds them.

use model::{Map, Value};

use super::RunnerError;

/// The arguments of one call.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    fun: String,
    arg: Vec<Value>,
    kwarg: Map,
}

impl Arguments {
    /// Takes the arguments of a call of `fun`.
    pub(crate) fn new(fun: &str, arg: Vec<Value>, kwarg: Map) -> Self {
        Self {
            fun: fun.to_owned(),
            arg,
            kwarg,
        }
    }

    /// Gives the argument at a place, or under a name.
    pub(crate) fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.arg
            .get(place)
            .or_else(|| self.kwarg.get(name))
            .filter(|value| !value.is_nil())
    }

    /// Gives an argument as text.
    pub(crate) fn text(&self, place: usize, name: &str) -> Option<String> {
        self.get(place, name).map(Value::to_text)
    }

    /// Gives an argument as text, or says that it is missing.
    pub(crate) fn required(&self, place: usize, name: &str) -> Result<String, RunnerError> {
        self.text(place, name)
            .ok_or_else(|| self.problem(&format!("argument '{name}' is missing")))
    }

    /// Gives a named argument.
    pub(crate) fn named(&self, name: &str) -> Option<&Value> {
        self.kwarg.get(name).filter(|value| !value.is_nil())
    }

    /// Gives every named argument.
    pub(crate) fn kwarg(&self) -> &Map {
        &self.kwarg
    }

    /// Makes the error that something is wrong with the arguments.
    pub(crate) fn problem(&self, problem: &str) -> RunnerError {
        RunnerError::Argument {
            fun: self.fun.clone(),
            problem: problem.to_owned(),
        }
    }

    /// Makes the error that the function does not exist.
    pub(crate) fn unknown(&self) -> RunnerError {
        RunnerError::Unknown {
            fun: self.fun.clone(),
        }
    }
}
