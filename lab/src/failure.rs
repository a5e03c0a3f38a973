//! What went wrong, in one line with its fix, for the person at the terminal.
//!
//! The lab is a program, not a library: nobody matches on its errors, so they are text made where
//! the cause is known.

use std::fmt;

/// One line for the person at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    fix: Option<String>,
}

impl Failure {
    /// Names what failed and why.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: None,
        }
    }

    /// Adds the next step.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fix {
            Some(fix) => write!(f, "{}; {fix}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl From<crate::venv::VenvError> for Failure {
    fn from(error: crate::venv::VenvError) -> Self {
        Self::new(error.to_string())
    }
}

/// Adds what was attempted to a lower error.
pub(crate) trait Attempt<T> {
    /// Names the attempt, such as `write /x/y`.
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Attempt<T> for Result<T, E> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {}: {error}", what())))
    }
}
