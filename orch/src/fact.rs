//! What a run is told: the world, seen from the orchestrator.
//!
//! The master makes facts of jobs, events, timers and people. A fact may come twice, late, or for a
//! step that is over: it then changes nothing. Order counts only where it counts for Salt.

use model::api::MinionPhase;
use model::{Boot, Cursor, Event, Jid, JobReturn, MinionId, Timestamp, Value};

use crate::record::Pause;

/// One thing that became true.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a fact is told at once, never kept in numbers"
)]
pub enum Fact {
    /// The run's start is on record: the first steps may start.
    Begin,
    /// A job of the run is on record.
    Published {
        /// The job.
        jid: Jid,
        /// The minions that are expected to answer.
        minions: Vec<MinionId>,
        /// Listed ids that are no accepted minions.
        missing: Vec<String>,
    },
    /// It is known whom a rolling job is for.
    Resolved {
        /// The step.
        step: usize,
        /// The attempt.
        attempt: u32,
        /// Who is to be asked, in this order.
        minions: Vec<MinionId>,
        /// Listed ids that are no accepted minions.
        missing: Vec<String>,
        /// Why nobody can be asked.
        refused: Option<String>,
    },
    /// A job of the run could not be published at all.
    NotPublished {
        /// The job.
        jid: Jid,
        /// Why: a bad target, a full disk.
        why: String,
    },
    /// A minion answered.
    Returned(JobReturn),
    /// A minion will not answer any more: `Rebooted`, `Lost`, `NeverSeen` or `Cancelled`.
    MinionEnded {
        /// The job.
        jid: Jid,
        /// The minion.
        id: MinionId,
        /// How it ended.
        phase: MinionPhase,
        /// How that is known, for a person.
        why: String,
    },
    /// A minion said, or its connection shows, that it is at work on the job.
    StillRunning {
        /// The job.
        jid: Jid,
        /// The minion.
        id: MinionId,
        /// Since when.
        since: Timestamp,
    },
    /// An event that matches a glob of [`Run::watches`](crate::Run::watches); others change
    /// nothing.
    Event(Event),
    /// Every event of the log up to a place was given for a watch. A wait cannot time out before
    /// that.
    LookedBack {
        /// The step.
        step: usize,
        /// The last place that was looked at.
        upto: Cursor,
    },
    /// The log could not be read for a watch, however often it was tried.
    NotLookedBack {
        /// The step.
        step: usize,
        /// Why, for a person.
        why: String,
    },
    /// In which boots the machines of a job's minions run while it goes out, as far as that is
    /// known. Told right behind [`Fact::Published`].
    BootsBefore {
        /// The job.
        jid: Jid,
        /// Each minion with its boot.
        boots: Vec<(MinionId, Boot)>,
    },
    /// A minion told in which boot its machine runs.
    Boot {
        /// The minion.
        id: MinionId,
        /// The boot; `None` if it cannot tell, or nothing that can be compared.
        boot: Option<Boot>,
        /// Whether it is another one than the last that was known.
        is_new: bool,
        /// Where the log has it.
        cursor: Cursor,
    },
    /// A minion showed that it gets on: it signed in, started, fired an event.
    Progress {
        /// The minion.
        id: MinionId,
    },
    /// A runner or wheel function ended.
    CallDone {
        /// The call, from [`Effect::CallRunner`](crate::Effect::CallRunner) or `CallWheel`.
        jid: Jid,
        /// Whether it calls itself a success.
        is_success: bool,
        /// What it gave; for an error its text.
        ret: Value,
    },
    /// A call was at work when the master went down, and nobody knows how it ended.
    CallLost {
        /// The call.
        jid: Jid,
    },
    /// A timer of the run ran out.
    TimerFired {
        /// The step.
        step: usize,
        /// The attempt it was set for.
        attempt: u32,
    },
    /// A person answered a `salt.approve`.
    Approved {
        /// The step; see [`Run::step_of`](crate::Run::step_of).
        step: usize,
        /// Who.
        by: String,
        /// Whether the run may go on.
        is_yes: bool,
    },
    /// A person wants the run to hold, or to end, before a step.
    Pause {
        /// The id of the step; `None` for whichever is next.
        id: Option<String>,
        /// How.
        pause: Pause,
        /// Who.
        by: String,
    },
    /// A person takes a pause back.
    Unpause {
        /// The id it was asked for with.
        id: Option<String>,
        /// Who.
        by: String,
    },
    /// A person calls the run off. Steps with `finally` still run.
    Cancelled {
        /// Who.
        by: String,
    },
}
