//! Why a run waits or failed: the answer to `brine run explain`.

use serde::{Deserialize, Serialize};

use crate::{Cursor, Timestamp};

use super::{MinionPhase, Question, RunSummary, StepPhase};

/// Why a run stands as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunExplanation {
    /// The line in the list.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// What a person should know of the run as a whole.
    #[serde(default)]
    pub notices: Vec<String>,
    /// The steps that are at work, or that failed, in the plan's order.
    pub tree: Vec<StepExplanation>,
    /// The commands that lead on.
    #[serde(default)]
    pub next: Vec<String>,
}

/// Why a step stands as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepExplanation {
    /// The id in the SLS.
    pub id: String,
    /// The state function.
    pub fun: String,
    /// How it stands.
    pub phase: StepPhase,
    /// What it waits for, or why it failed.
    pub why: String,
    /// When its last attempt began.
    pub started: Option<Timestamp>,
    /// When it fails if nothing happens.
    pub until: Option<Timestamp>,
    /// When it fails in any case, if `until` moves with what minions show.
    #[serde(default)]
    pub limit: Option<Timestamp>,
    /// The place in the log before its last attempt.
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// The place of the record that ended it.
    #[serde(default)]
    pub proof: Option<Cursor>,
    /// Its last job.
    #[serde(default)]
    pub jid: Option<String>,
    /// What a person is asked.
    #[serde(default)]
    pub question: Option<Question>,
    /// Each minion or id that it waits or waited for.
    pub awaits: Vec<Awaited>,
}

/// A minion or id that a step waits or waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Which.
    pub id: String,
    /// Whether it answered, or its event was seen.
    pub is_here: bool,
    /// How the job stands at it, if there is a job.
    #[serde(default)]
    pub phase: Option<MinionPhase>,
    /// Why it did not answer.
    #[serde(default)]
    pub why: String,
    /// The place in the log where it was seen or ended.
    #[serde(default)]
    pub proof: Option<Cursor>,
    /// Whether the id is an accepted minion.
    #[serde(default)]
    pub is_accepted: bool,
    /// Whether a connection of it is open now.
    #[serde(default)]
    pub is_connected: bool,
    /// When it last asked for or told anything since the master started.
    #[serde(default)]
    pub last_seen: Option<Timestamp>,
    /// When it last said that it started.
    #[serde(default)]
    pub last_start: Option<Timestamp>,
    /// In which boot its machine was when the job went out, where a new one is waited for.
    #[serde(default)]
    pub boot_before: Option<String>,
    /// In which boot its machine is, as it last told.
    #[serde(default)]
    pub boot: Option<String>,
    /// When it told so for the first time.
    #[serde(default)]
    pub boot_since: Option<Timestamp>,
}
