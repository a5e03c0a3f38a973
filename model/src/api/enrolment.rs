//! Enrolment as `brine enrol list` and `brine doctor` see it.

use serde::{Deserialize, Serialize};

use crate::{MinionId, Timestamp};

/// How strangers become minions, and who waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentView {
    /// `policy` or `legacy`.
    pub mode: String,
    /// What is asked of a stranger, for a person.
    pub clauses: Vec<String>,
    /// What an operator should know about these settings.
    pub warnings: Vec<String>,
    /// The open windows.
    pub windows: Vec<WindowView>,
    /// Who waits, and why.
    pub waiting: Vec<WaitingView>,
    /// Second keys and downgrades.
    pub alarms: Vec<AlarmView>,
    /// Values that were used.
    pub claims: Vec<ClaimView>,
    /// What happened since the master started, by name.
    pub counters: Vec<(String, u64)>,
}

/// A window in which minions may enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowView {
    /// Its number.
    pub window: u64,
    /// When it closes.
    pub until: Timestamp,
    /// How many it lets in.
    pub count: u64,
    /// How many came in.
    pub used: u64,
    /// Glob of the ids it is for.
    pub ids: String,
    /// Whether a rebuilt node may replace its key in it.
    pub rebuild: bool,
    /// Who opened it.
    pub by: String,
}

/// A key that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingView {
    /// The id it claims.
    pub id: MinionId,
    /// The key.
    pub fingerprint: String,
    /// From where it came.
    pub from: String,
    /// Since when.
    pub at: Timestamp,
    /// The clauses that did not hold, each `clause: why`.
    pub failed: Vec<String>,
}

/// What an operator should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// The id.
    pub id: MinionId,
    /// `second_key` or `downgraded`.
    pub kind: String,
    /// The key that came.
    pub fingerprint: String,
    /// From where it came last.
    pub from: String,
    /// When last.
    pub at: Timestamp,
    /// How often it was recorded.
    pub count: u64,
    /// Why it was refused, each `clause: why`.
    pub failed: Vec<String>,
}

/// A value that a minion enrolled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimView {
    /// `grain=value` or `row=key`.
    pub claim: String,
    /// By whom.
    pub id: MinionId,
    /// With which key.
    pub fingerprint: String,
    /// When.
    pub at: Timestamp,
}
