//! Runs of orchestrations as the API shows them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Cursor, Jid, MinionId, StateReturn, Timestamp};

use super::MinionPhase;

/// The answer to a started run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run: the jid of `state.orchestrate`.
    pub run: Jid,
    /// A place in the log before the run.
    pub cursor: Cursor,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Steps are at work or waiting.
    Running,
    /// Every step ended well.
    Succeeded,
    /// At least one step failed.
    Failed,
    /// Called off by a person.
    Cancelled,
}

impl RunPhase {
    /// Says whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        self != Self::Running
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPhase {
    /// Its requisites are not met yet.
    Pending,
    /// At work.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// A requisite failed, so it never ran.
    Skipped,
    /// Called off.
    Cancelled,
}

impl StepPhase {
    /// Says whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// One line of `brine run list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub run: Jid,
    /// What runs, such as `orch.kubic`.
    pub name: String,
    /// Who started it.
    pub user: String,
    /// How it stands.
    pub phase: RunPhase,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Number of steps that ended.
    pub steps_ended: usize,
    /// Number of steps.
    pub steps: usize,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// The line in the list.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// How often the master has come back to this run after a restart.
    pub resumed: u32,
    /// For a retried run: the run whose plan and results it took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<Jid>,
    /// What a person should know of it: files that changed since it was planned, ids that nobody
    /// has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// The steps in the order Salt would run them.
    pub tree: Vec<StepView>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// The low chunk's key, `salt_|-ID_|-NAME_|-FUN`.
    pub key: String,
    /// The id in the SLS.
    pub id: String,
    /// The state function, such as `salt.wait_for_event`.
    pub fun: String,
    /// The `name` argument.
    pub name: String,
    /// How it stands.
    pub phase: StepPhase,
    /// When the last attempt started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How often it was started.
    pub attempts: u32,
    /// The jobs it published, one per attempt.
    pub jids: Vec<Jid>,
    /// How it stands at each minion.
    pub minions: IndexMap<MinionId, MinionPhase>,
    /// Listed ids that are no accepted minions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How long it took in earlier runs, in milliseconds: the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical_ms: Option<u64>,
    /// What a person is asked, while the answer is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// Whether it ran in an earlier run, and its result was taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_carried: bool,
    /// What it does or waits for right now, for a person: `still running since ...`.
    pub note: String,
    /// The last sub-steps that minions reported by events.
    #[serde(default)]
    pub substeps: Vec<SubStep>,
    /// Keys of the steps it requires.
    pub requires: Vec<String>,
    /// What it ended with.
    pub ret: Option<StateReturn>,
}

/// A sub-step that a minion reported by an event during a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubStep {
    /// The minion.
    pub id: MinionId,
    /// The event's tag.
    pub tag: String,
    /// When.
    pub at: Timestamp,
    /// How many the minion reported during the step, this one included.
    #[serde(default)]
    pub count: u64,
}

/// What a person is asked before a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What the SLS says will happen.
    pub text: String,
    /// What the plan says comes next, a line each.
    pub then: Vec<String>,
    /// When nobody's answer counts as a no.
    pub until: Option<Timestamp>,
}

/// How the targeted minions of a step stand, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionCounts {
    /// No word yet.
    pub waiting: usize,
    /// At work.
    pub running: usize,
    /// Returned success.
    pub ok: usize,
    /// Returned failure.
    pub failed: usize,
    /// Started again instead.
    pub rebooted: usize,
    /// Will not answer any more.
    pub lost: usize,
    /// Called off.
    pub cancelled: usize,
    /// Without a sign of life since before the job, or no minion of this master at all.
    pub never_seen: usize,
}

impl MinionCounts {
    /// Gives the number of all targeted minions.
    pub fn targeted(&self) -> usize {
        self.waiting + self.running + self.ended()
    }

    /// Gives the number of those of whom nothing more is expected.
    pub fn ended(&self) -> usize {
        let Self {
            ok,
            failed,
            rebooted,
            lost,
            cancelled,
            never_seen,
            ..
        } = self;
        ok + failed + rebooted + lost + cancelled + never_seen
    }
}

impl StepView {
    /// Counts its minions. Each targeted one is in exactly one of the groups; an id that is no
    /// accepted minion was never seen.
    pub fn counts(&self) -> MinionCounts {
        let mut counts = MinionCounts {
            never_seen: self.missing.len(),
            ..MinionCounts::default()
        };
        for phase in self.minions.values() {
            let group = match phase {
                MinionPhase::Waiting => &mut counts.waiting,
                MinionPhase::Running => &mut counts.running,
                MinionPhase::Ok => &mut counts.ok,
                MinionPhase::Failed => &mut counts.failed,
                MinionPhase::Rebooted => &mut counts.rebooted,
                MinionPhase::Lost => &mut counts.lost,
                MinionPhase::Cancelled => &mut counts.cancelled,
                MinionPhase::NeverSeen => &mut counts.never_seen,
            };
            *group += 1;
        }
        counts
    }
}
