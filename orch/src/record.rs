//! The few things that can have happened to a run, and which may follow which.
//!
//! A run *is* its records: folding them gives the run, always the same one. `Started` comes first,
//! `Finished` last; between them each step goes
//!
//! ```text
//! pending ──StepStarted──▶ running ──(Published, MinionRunning, MinionEnded, EventSeen,
//!    │                        │  LookedBack, NotLookedBack, TimedOut, CallEnded, Approved,
//!    │                        │  BootsBefore, BootSeen, BootsAwaited, Progressed)──▶ …
//!    │                        ├──StepFinished──▶ ended
//!    │                        └──RetryPlanned──▶ running, and waits for a moment to start again
//!    └──StepFinished with attempt 0 (a requisite kept it from running)──▶ ended
//! ```
//!
//! Fields may be added with `#[serde(default)]`; none changes its meaning: a log of last year still
//! opens. Written with field names (`rmp_serde::to_vec_named`, JSON): state results are flattened
//! maps.

use std::sync::Arc;

use model::api::{MinionPhase, RunPhase};
use model::{Boot, Cursor, Jid, JobReturn, Map, MinionId, StateReturn, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::retry::Carried;

/// How a run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The run: the jid of `state.orchestrate`.
    pub run: Jid,
    /// What it does, stored whole: a run never renders twice.
    pub plan: Arc<Plan>,
    /// The place in the log before the run.
    pub cursor: Cursor,
    /// Who asked.
    pub user: String,
    /// The pillar given on the command line.
    pub pillar: Map,
    /// When.
    pub at: Timestamp,
    /// The run whose step started it, for a nested orchestration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Jid>,
}

/// What is kept of a minion's answer until the step ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What the function gave.
    pub ret: Value,
    /// The exit code.
    pub retcode: Value,
    /// Whether the minion reports a failure.
    pub is_failure: bool,
}

impl From<&JobReturn> for Answer {
    fn from(ret: &JobReturn) -> Self {
        Self {
            ret: ret.ret.clone(),
            retcode: ret.retcode.clone(),
            is_failure: ret.is_failure(),
        }
    }
}

/// One call of a function of the master that a step makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallId {
    /// The name under which the step shows it; empty if it makes only one.
    pub name: String,
    /// Its jid.
    pub jid: Jid,
}

/// What an attempt begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Its job, if it publishes one.
    pub jid: Option<Jid>,
    /// Its calls of functions of the master.
    #[serde(default)]
    pub calls: Vec<CallId>,
    /// The place in the log before it.
    pub cursor: Cursor,
    /// For a wait: the place behind which events count.
    #[serde(default)]
    pub after: Option<Cursor>,
    /// When.
    pub at: Timestamp,
    /// When it fails if nothing happens.
    pub deadline: Option<Timestamp>,
    /// When it fails in any case, if the deadline follows what minions show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Timestamp>,
}

/// A durable fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunRecord {
    /// The run exists.
    Started(Started),
    /// The run exists, and begins with the results of an earlier one: the first record of a retried
    /// run, in place of `Started`.
    Retried {
        /// How it began.
        started: Started,
        /// The earlier run.
        of: Jid,
        /// The step it begins with.
        from: usize,
        /// The steps whose results it takes over.
        carried: Vec<Carried>,
    },
    /// The master came back to the run after a restart; waits go on with the time they had left.
    Resumed {
        /// When.
        at: Timestamp,
        /// How long the master was away, in milliseconds.
        outage_ms: u64,
        /// How far the wall clock went back meanwhile, in milliseconds.
        #[serde(default)]
        back_ms: u64,
    },
    /// The wall clock jumped while the master was up; what a step waits for moves with it.
    ClockJumped {
        /// How far, in milliseconds; negative for backwards.
        by_ms: i64,
        /// When, by the clock after the jump.
        at: Timestamp,
    },
    /// An attempt of a step began. In the same batch as its job: a job is never sent under two
    /// jids.
    StepStarted {
        /// The step.
        step: usize,
        /// From 1.
        attempt: u32,
        /// What begins.
        #[serde(flatten)]
        begun: Begun,
        /// It only asks what would happen, for a `prereq` on the step.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_pre: bool,
    },
    /// It is known whom a job that rolls over its minions is for.
    Resolved {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Who is to be asked, in this order.
        minions: Vec<MinionId>,
        /// Listed ids that are no accepted minions.
        missing: Vec<String>,
        /// Why nobody can be asked at all.
        #[serde(default)]
        refused: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The next part of a rolling job goes out. In the same batch as that job.
    WaveSent {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The part's job.
        jid: Jid,
        /// Whom it asks.
        minions: Vec<MinionId>,
    },
    /// It is known what the step would do.
    Foreseen {
        /// The step.
        step: usize,
        /// The attempt that asked; 0 if none had to.
        attempt: u32,
        /// What it would do.
        ret: Arc<StateReturn>,
        /// When.
        at: Timestamp,
    },
    /// What the conditions of a step say is being asked.
    Checking {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The call that asks; its end is a `CallEnded`.
        jid: Jid,
        /// For `check_cmd`: what the attempt ended with.
        #[serde(default)]
        held: Option<Arc<StateReturn>>,
        /// When.
        at: Timestamp,
    },
    /// Its conditions let an attempt begin. In the same batch as its job, as in `StepStarted`.
    WorkStarted {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// What begins.
        #[serde(flatten)]
        begun: Begun,
    },
    /// Its job is out.
    Published {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Who is expected to answer.
        minions: Vec<MinionId>,
        /// Listed ids that are no accepted minions.
        missing: Vec<String>,
        /// Why it could not be published at all.
        #[serde(default)]
        refused: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A minion is known to be at work.
    MinionRunning {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The minion.
        id: MinionId,
        /// Since when.
        since: Timestamp,
    },
    /// A minion's part is over: it answered, or it never will.
    MinionEnded {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The minion.
        id: MinionId,
        /// How.
        phase: MinionPhase,
        /// Why, if it did not answer.
        #[serde(default)]
        why: String,
        /// What it answered.
        #[serde(default)]
        answer: Option<Arc<Answer>>,
        /// When.
        at: Timestamp,
    },
    /// An event that a wait waits for.
    EventSeen {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Which of the awaited ids.
        id: String,
        /// The event's place.
        cursor: Cursor,
    },
    /// A wait has seen every event up to a place.
    LookedBack {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The place.
        upto: Cursor,
    },
    /// A wait cannot be told what happened before it: the log could not be read.
    NotLookedBack {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Why, for a person.
        why: String,
    },
    /// The attempt's time ran out.
    TimedOut {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// In which boots the machines ran when the job went out.
    BootsBefore {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Each minion of which it is known, with its boot.
        boots: Vec<(MinionId, Boot)>,
    },
    /// A minion told in which boot its machine runs.
    BootSeen {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The minion.
        id: MinionId,
        /// The boot; `None` if it cannot tell.
        boot: Option<Boot>,
        /// Whether it is another one than the last that was known.
        is_new: bool,
        /// Where the log has it.
        cursor: Cursor,
    },
    /// Every minion that was asked is through with the job; from now on new boots are waited for,
    /// until a deadline.
    BootsAwaited {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// When it fails if nothing is heard.
        deadline: Timestamp,
        /// When it fails in any case.
        limit: Timestamp,
    },
    /// A minion got on; the deadline moves with that.
    Progressed {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The minion.
        id: String,
        /// When.
        at: Timestamp,
        /// When it fails if nothing more is heard.
        deadline: Timestamp,
    },
    /// A runner or wheel function ended.
    CallEnded {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// The call.
        jid: Jid,
        /// What it gave; `None` if that is not known.
        ret: Option<CallReturn>,
        /// When.
        at: Timestamp,
    },
    /// A person answered.
    Approved {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Who.
        by: String,
        /// Whether the run may go on.
        is_yes: bool,
        /// When.
        at: Timestamp,
    },
    /// The attempt did not give what `retry: until` asks for; another one will start.
    RetryPlanned {
        /// The step.
        step: usize,
        /// The attempt that ended.
        attempt: u32,
        /// What it ended with.
        ret: Arc<StateReturn>,
        /// When the next may start.
        next_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// The step is over.
    StepFinished {
        /// The step.
        step: usize,
        /// The last attempt; 0 if it never ran.
        attempt: u32,
        /// What it says.
        ret: Arc<StateReturn>,
        /// When.
        at: Timestamp,
    },
    /// A person asked the run to hold before a step, or to end there.
    Paused {
        /// The id of the step as the SLS has it; `None` for whichever is next.
        id: Option<String>,
        /// How.
        pause: Pause,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A person, or the time, took that back.
    Unpaused {
        /// The same id.
        id: Option<String>,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A pause with a duration began to count: the run came to a step that it holds.
    Held {
        /// The id under which the pause was asked for.
        id: Option<String>,
        /// The step that is held.
        held: usize,
        /// When it goes on.
        until: Timestamp,
    },
    /// A person called the run off; nothing more starts.
    Cancelled {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The run is over.
    Finished {
        /// How.
        phase: RunPhase,
        /// When.
        at: Timestamp,
    },
}

/// What is asked of a run before a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// Hold until told to go on.
    Hold,
    /// Hold for so many milliseconds from when it is reached.
    For(u64),
    /// End there: what has not begun does not run (`soft_kill`).
    Kill,
}

/// What a runner or wheel function gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReturn {
    /// Whether it calls itself a success.
    pub is_success: bool,
    /// What it gave.
    pub ret: Value,
}

impl RunRecord {
    /// Gives the record's name, for messages and the display of a log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Retried { .. } => "retried",
            Self::Resumed { .. } => "resumed",
            Self::ClockJumped { .. } => "clock_jumped",
            Self::StepStarted { .. } => "step_started",
            Self::Resolved { .. } => "resolved",
            Self::WaveSent { .. } => "wave_sent",
            Self::Foreseen { .. } => "foreseen",
            Self::Paused { .. } => "paused",
            Self::Unpaused { .. } => "unpaused",
            Self::Held { .. } => "held",
            Self::Checking { .. } => "checking",
            Self::WorkStarted { .. } => "work_started",
            Self::Published { .. } => "published",
            Self::MinionRunning { .. } => "minion_running",
            Self::MinionEnded { .. } => "minion_ended",
            Self::EventSeen { .. } => "event_seen",
            Self::LookedBack { .. } => "looked_back",
            Self::NotLookedBack { .. } => "not_looked_back",
            Self::TimedOut { .. } => "timed_out",
            Self::BootsBefore { .. } => "boots_before",
            Self::BootSeen { .. } => "boot_seen",
            Self::BootsAwaited { .. } => "boots_awaited",
            Self::Progressed { .. } => "progressed",
            Self::CallEnded { .. } => "call_ended",
            Self::Approved { .. } => "approved",
            Self::RetryPlanned { .. } => "retry_planned",
            Self::StepFinished { .. } => "step_finished",
            Self::Cancelled { .. } => "cancelled",
            Self::Finished { .. } => "finished",
        }
    }

    /// Gives how the run began, if this is its first record.
    pub fn started(&self) -> Option<&Started> {
        match self {
            Self::Started(started) | Self::Retried { started, .. } => Some(started),
            _ => None,
        }
    }

    /// Gives the step and attempt it speaks of, if it speaks of one.
    pub fn step(&self) -> Option<(usize, u32)> {
        match self {
            Self::StepStarted { step, attempt, .. }
            | Self::Resolved { step, attempt, .. }
            | Self::WaveSent { step, attempt, .. }
            | Self::Foreseen { step, attempt, .. }
            | Self::Checking { step, attempt, .. }
            | Self::WorkStarted { step, attempt, .. }
            | Self::Published { step, attempt, .. }
            | Self::MinionRunning { step, attempt, .. }
            | Self::MinionEnded { step, attempt, .. }
            | Self::EventSeen { step, attempt, .. }
            | Self::LookedBack { step, attempt, .. }
            | Self::NotLookedBack { step, attempt, .. }
            | Self::TimedOut { step, attempt, .. }
            | Self::BootsBefore { step, attempt, .. }
            | Self::BootSeen { step, attempt, .. }
            | Self::BootsAwaited { step, attempt, .. }
            | Self::Progressed { step, attempt, .. }
            | Self::CallEnded { step, attempt, .. }
            | Self::Approved { step, attempt, .. }
            | Self::RetryPlanned { step, attempt, .. }
            | Self::StepFinished { step, attempt, .. } => Some((*step, *attempt)),
            Self::Started(_)
            | Self::Retried { .. }
            | Self::Resumed { .. }
            | Self::Paused { .. }
            | Self::Unpaused { .. }
            | Self::Held { .. }
            | Self::ClockJumped { .. }
            | Self::Cancelled { .. }
            | Self::Finished { .. } => None,
        }
    }
}

/// A record that cannot follow what happened before: the log is damaged, or of a newer version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run {run}: record {record} cannot follow: {why}")]
pub struct IllegalRecord {
    /// The run.
    pub run: String,
    /// The record's name.
    pub record: &'static str,
    /// Why not.
    pub why: String,
}
