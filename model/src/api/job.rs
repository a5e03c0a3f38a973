//! Jobs as the API shows them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Cursor, Jid, JobReturn, MinionId, Timestamp, Value};

/// The answer to a published job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The job.
    pub jid: Jid,
    /// The minions that are expected to answer.
    pub minions: Vec<MinionId>,
    /// Listed ids that are no accepted minions.
    pub missing: Vec<String>,
    /// A place in the log before the job: reading events from here misses nothing.
    pub cursor: Cursor,
}

/// How a job stands at one minion. Each expected minion ends in exactly one of the ended ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinionPhase {
    /// Published; no word yet.
    Waiting,
    /// It said (by `find_job`) that it is at work.
    Running,
    /// It returned success.
    Ok,
    /// It returned failure.
    Failed,
    /// It started again before it returned.
    Rebooted,
    /// It has the job no more, and its return never came.
    Lost,
    /// The job was called off.
    Cancelled,
    /// It has shown no sign of life since before the job.
    NeverSeen,
}

impl MinionPhase {
    /// Says whether nothing more is expected of this minion for this job.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// How a job stands at one minion, with times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionOutcome {
    /// How it stands.
    pub phase: MinionPhase,
    /// When that became so.
    pub since: Timestamp,
}

/// One line of `jobs.list_jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// The job.
    pub jid: Jid,
    /// The function.
    pub fun: Value,
    /// Its arguments.
    pub arg: Vec<Value>,
    /// The target.
    pub tgt: Value,
    /// How the target is read.
    pub tgt_type: String,
    /// Who asked.
    pub user: String,
    /// When it was published.
    pub started: Timestamp,
}

/// A job with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// What was asked.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// How it stands at each expected minion.
    pub minions: IndexMap<MinionId, MinionOutcome>,
    /// What came back.
    pub returns: IndexMap<MinionId, JobReturn>,
}
