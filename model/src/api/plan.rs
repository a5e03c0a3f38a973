//! What a plan would do, before anything of it runs: the answer to `brine run plan`.

use serde::{Deserialize, Serialize};

/// A compiled orchestration as a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// What was asked for, such as `orch.kubic`.
    pub name: String,
    /// Names this plan together with the nodes it is for.
    pub hash: String,
    /// The steps in the order Salt would run them.
    pub steps: Vec<PlanStep>,
    /// Every node that a step names or targets.
    pub nodes: Vec<PlanNode>,
    /// What is odd.
    pub warnings: Vec<String>,
    /// Number of steps that would do something.
    pub changes: usize,
    /// What the nodes said of their disks, if they were asked.
    #[serde(default)]
    pub look: Option<PlanLook>,
}

/// What asking the nodes for their disks came to; each node's words are among its facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLook {
    /// The jobs that asked.
    pub jids: Vec<String>,
    /// How many nodes were asked.
    pub asked: usize,
    /// Those that did not say what is on their disks.
    pub silent: Vec<String>,
    /// Those that carry a cluster: the guard stops the run before anything is wiped.
    pub carriers: Vec<String>,
    /// The hash under which the guard would let them be wiped, as long as nothing changes.
    #[serde(default)]
    pub yes_wipe: Option<String>,
}

/// One step of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// The low chunk's key, `salt_|-ID_|-NAME_|-FUN`.
    pub key: String,
    /// The id in the SLS.
    pub id: String,
    /// The state function, such as `salt.state`.
    pub fun: String,
    /// What it will do, in words.
    pub what: String,
    /// Whom it targets, as written; empty if it asks no minions.
    #[serde(default)]
    pub target: String,
    /// How the target is read.
    #[serde(default)]
    pub target_type: String,
    /// The minions that are targeted now.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Listed ids that are no accepted minions.
    #[serde(default)]
    pub missing: Vec<String>,
    /// What a person should know before it runs.
    #[serde(default)]
    pub marks: Vec<PlanMark>,
    /// The steps it looks at first.
    #[serde(default)]
    pub needs: Vec<PlanNeed>,
    /// Whether it would do something.
    pub is_change: bool,
}

/// What a person should know of a step before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanMark {
    /// Disks may be wiped.
    Wipe,
    /// Machines start again.
    Reboot,
    /// A secret is made or handed over.
    Secret,
    /// A person is asked.
    Approval,
    /// It waits for events.
    Wait,
    /// It runs however the run ends.
    Finally,
    /// The next steps do not wait for it.
    Parallel,
    /// Its failure ends the run.
    Failhard,
    /// It is tried again if it fails.
    Retry,
    /// What it gives is not kept.
    HiddenOutput,
}

impl PlanMark {
    /// Gives the word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wipe => "wipes",
            Self::Reboot => "reboots",
            Self::Secret => "secret",
            Self::Approval => "asks a person",
            Self::Wait => "waits",
            Self::Finally => "always runs",
            Self::Parallel => "parallel",
            Self::Failhard => "stops on failure",
            Self::Retry => "retried",
            Self::HiddenOutput => "output hidden",
        }
    }
}

/// A requisite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNeed {
    /// Which kind, such as `require`.
    pub kind: String,
    /// The other step's key.
    pub key: String,
    /// The other step's id.
    pub id: String,
}

/// A node that a plan names or targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNode {
    /// The minion id.
    pub id: String,
    /// Its role in the pillar's node table or its grains.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whether it is an accepted minion.
    pub is_accepted: bool,
    /// Whether a connection of it is open now.
    pub is_connected: bool,
    /// The ids of the steps that name it.
    pub steps: Vec<String>,
    /// What else is known of it: its disks, what is on them.
    #[serde(default)]
    pub facts: Vec<String>,
}
