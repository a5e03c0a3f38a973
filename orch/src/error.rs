//! What is wrong with an orchestration before anything of it runs.
//!
//! For the person who wrote the SLS: every problem at once, each with the id and the SLS it is in,
//! in Salt's words where Salt has words. Salt itself finds most of these only when the step's turn
//! comes.

use std::fmt;

use serde::{Deserialize, Serialize};
use states::low_chunk::LowChunk;

/// Everything that keeps an orchestration from being planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// The orchestration, such as `orch.kubic`.
    pub name: String,
    /// At least one, in the order of the steps.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The id of the state; empty if the whole is meant.
    pub id: String,
    /// The SLS it is in.
    pub sls: String,
    /// What is wrong, and where there is something, what to do.
    pub what: String,
}

impl Problem {
    pub(crate) fn of(chunk: &LowChunk, what: impl Into<String>) -> Self {
        Self {
            id: chunk.id.clone(),
            sls: chunk.sls.clone(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_empty() {
            return formatter.write_str(self.what.trim_end());
        }
        let Self { id, sls, what } = self;
        write!(formatter, "ID '{id}' in SLS '{sls}': {}", what.trim_end())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
