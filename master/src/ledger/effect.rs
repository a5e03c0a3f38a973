//! Everything a decision may ask for, to be done once its records are durable.

use std::collections::HashMap;

use model::target::Target;
use model::{Cursor, Jid, Map, MinionId, TagGlob, Timestamp, Value};

use crate::jobs::JobPublished;
use crate::keys::KeyChanged;

/// Something to do after the record.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Hand a job to the publish socket; `again` names those that get it a second time.
    Send {
        /// The job.
        job: Box<JobPublished>,
        /// For a second sending: to whom.
        again: Vec<MinionId>,
    },
    /// Bring a key's file in line with the view.
    WriteKey(KeyChanged),
    /// Make a new AES key, so that a deleted or rejected minion reads nothing more.
    RotateKeys,
    /// Wake the ledger at a moment.
    SetTimer {
        /// With what.
        key: TimerKey,
        /// When; a moment that is past fires at once.
        at: Timestamp,
    },
    /// Bring a timer forward, if it is set to a later moment or not at all.
    HurryTimer {
        /// With what.
        key: TimerKey,
        /// When.
        at: Timestamp,
    },
    /// Read the log for events that came before a wait began.
    LookBack {
        /// The run.
        run: Jid,
        /// The step that waits.
        step: usize,
        /// Which tags.
        glob: TagGlob,
        /// From behind this place ...
        after: Cursor,
        /// ... to this one, inclusive.
        upto: Cursor,
    },
    /// Compile the pillars that a step's target is matched on, then grant what it asked for.
    GatherPillars {
        /// The run.
        run: Jid,
        /// What the step asked for: to publish a job, or to find out whom it is for.
        wish: Box<orch::Effect>,
        /// The target.
        target: Target,
    },
    /// Wait until minions have told the boots of their machines, or for a while; then grant what a
    /// step asked for.
    GatherBoots {
        /// The run.
        run: Jid,
        /// What the step asked for: to publish a job.
        wish: Box<orch::Effect>,
        /// The pillars that were compiled for it.
        pillars: Option<HashMap<MinionId, Value>>,
        /// The minions that are being asked.
        ids: Vec<MinionId>,
    },
    /// Call a function of the master for a step.
    Call(Call),
    /// A run is over: let go of the texts of its secrets.
    ForgetSecrets(Jid),
}

/// A call on the master for a step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The run.
    pub run: Jid,
    /// The step.
    pub step: usize,
    /// Which try of it.
    pub attempt: u32,
    /// The jid of the call.
    pub jid: Jid,
    /// Whose function.
    pub kind: CallKind,
    /// The function.
    pub fun: String,
    /// Positional arguments.
    pub arg: Vec<Value>,
    /// Keyword arguments.
    pub kwarg: Map,
}

/// Which family a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A runner.
    Runner,
    /// A wheel function.
    Wheel,
    /// A state of the master's own machine.
    State,
    /// The conditions of a step.
    Check,
}

/// What a timer is for. Setting the same key again replaces the moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimerKey {
    /// Ask the minions that have not answered a job.
    Probe(Jid),
    /// Ask minions for the boots of their machines.
    Boots,
    /// A step of a run: its time is up, or its next try is due.
    Step {
        /// The run.
        run: Jid,
        /// The step.
        step: usize,
        /// Which try of it.
        attempt: u32,
    },
}
