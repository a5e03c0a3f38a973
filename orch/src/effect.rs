//! What the master does for a run, after the record is durable.
//!
//! Every effect can be told twice: a job and a call are known by their jid, a watch and a timer by
//! step and attempt (a later one replaces an earlier one). The master never invents one.

use model::api::RunPhase;
use model::{Cursor, Jid, Map, MinionId, Tag, TagGlob, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Publish a job under this jid, in the same batch as the records; then tell
    /// [`Fact::Published`](crate::Fact::Published).
    Publish {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The job.
        jid: Jid,
        /// What to publish.
        job: JobRequest,
    },
    /// Find out whom a job is for, without sending it; then tell
    /// [`Fact::Resolved`](crate::Fact::Resolved).
    Resolve {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// What will be asked, in parts.
        job: JobRequest,
    },
    /// After a restart: this job was published already. Give its minions and returns again from the
    /// job store; if the store does not know the jid, publish it now, under this very jid.
    AdoptJob {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The job.
        jid: Jid,
        /// What was asked.
        job: JobRequest,
    },
    /// Call a runner function on the master; tell [`Fact::CallDone`](crate::Fact::CallDone).
    CallRunner {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The call; a nested orchestration runs under it.
        jid: Jid,
        /// The function and its arguments.
        call: Call,
    },
    /// Call a wheel function on the master; tell [`Fact::CallDone`](crate::Fact::CallDone).
    CallWheel {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The call.
        jid: Jid,
        /// The function and its arguments.
        call: Call,
    },
    /// Apply a state to the master's own machine; tell
    /// [`Fact::CallDone`](crate::Fact::CallDone).
    CallState {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The call.
        jid: Jid,
        /// The state and its arguments.
        call: Call,
    },
    /// Ask what the conditions of a step say; tell [`Fact::CallDone`](crate::Fact::CallDone) with
    /// `{"result": ..., "comment": ...}`. Of `conditions` the result is whether the step is passed
    /// over, of `check_cmd` whether it went well.
    Check {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The call.
        jid: Jid,
        /// `conditions` or `check_cmd`, and what they say.
        call: Call,
    },
    /// After a restart: a call was at work. A nested orchestration goes on under its jid and is
    /// told when it ends; of anything else tell [`Fact::CallLost`](crate::Fact::CallLost).
    AdoptCall {
        /// The step.
        step: usize,
        /// Its attempt.
        attempt: u32,
        /// The call.
        jid: Jid,
        /// The function and its arguments.
        call: Call,
    },
    /// Give every event behind a place in the log that matches, then `LookedBack`, then those to
    /// come.
    Watch {
        /// The step.
        step: usize,
        /// Which tags.
        glob: TagGlob,
        /// The place; an event at it does not count.
        after: Cursor,
    },
    /// Tell `TimerFired` at a moment. One timer per step and attempt.
    SetTimer {
        /// The step.
        step: usize,
        /// The attempt it is for.
        attempt: u32,
        /// The moment.
        at: Timestamp,
    },
    /// Put an event on the bus.
    Event {
        /// Its name.
        tag: Tag,
        /// Its payload.
        data: Map,
    },
    /// The run is over; this is what `state.orchestrate` gives.
    Finish {
        /// How it ended.
        phase: RunPhase,
        /// `{"data": {MASTER: {KEY: RESULT}}, "outputter": "highstate", "retcode": 0 or 1}`.
        ret: Value,
    },
}

/// A job as a step asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The target.
    pub tgt: Value,
    /// How the target is read: `glob`, `list`, `grain`, ...
    pub tgt_type: String,
    /// The function.
    pub fun: String,
    /// Its arguments as published: positional ones, then one map with `__kwarg__: true`.
    pub arg: Vec<Value>,
    /// Returners, comma separated.
    pub ret: String,
    /// Configuration of the returners, if given.
    #[serde(default)]
    pub ret_config: Value,
    /// Keyword arguments of the returners, if given.
    #[serde(default)]
    pub ret_kwargs: Value,
    /// How long minions may be silent before they are asked whether they still run it, in
    /// milliseconds; `None` is the master's `timeout`.
    pub timeout_ms: Option<u64>,
    /// Publish to so many of the targeted minions only, chosen by the master.
    pub subset: Option<u64>,
    /// Who asks.
    pub user: String,
    /// Keep what comes back out of events and the job store (`hide_output`).
    #[serde(default)]
    pub hides_output: bool,
    /// What comes back is a secret: seal it for its readers.
    #[serde(default)]
    pub secret: Option<SecretRequest>,
    /// Machines are to restart by it: say in which boots they run while it goes out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_boot: bool,
    /// What the job belongs to, for the job store.
    pub metadata: Map,
}

/// A secret that a job makes on one minion (`salt.secret`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRequest {
    /// The name under which `mine.get` gives it.
    pub name: String,
    /// Who may read it, each once.
    pub readers: Vec<MinionId>,
    /// How long it may be read at most, in milliseconds; `None` is as long as the run goes.
    pub lifetime_ms: Option<u64>,
    /// Keys of the value whose texts are no secrets.
    #[serde(default)]
    pub plain: Vec<String>,
}

/// A function of the master with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The function, such as `state.orchestrate` or `key.accept`.
    pub fun: String,
    /// Positional arguments.
    pub arg: Vec<Value>,
    /// Keyword arguments.
    pub kwarg: Map,
}
