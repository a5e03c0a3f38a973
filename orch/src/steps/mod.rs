//! The kinds of steps, one file each, and what they have in common.
//!
//! A kind parses its arguments once (`Work::parse`), says what to do when its turn comes
//! (`begin`), and says after each record of its attempt whether it is over and with what
//! (`outcome`). It never sees other steps.

pub mod approve;
pub mod function;
mod minions;
pub mod on_master;
pub mod parallel_runners;
pub mod reboot;
pub mod rebooting;
pub mod rolling;
pub mod runner;
pub mod secret;
pub mod state;
pub mod test;
pub mod wait_for_event;
pub mod wheel;
pub mod wipe_guard;

pub(crate) use minions::Audience;

use indexmap::IndexMap;
use model::{Event, Jid, Map, TagGlob, Timestamp, Value};
use serde::{Deserialize, Serialize};
use states::low_chunk::LowChunk;

use crate::arguments::Arguments;
use crate::attempt::Attempt;
use crate::effect::{Call, Effect, JobRequest};
use crate::plan::Plan;
use crate::record::Started;

/// What a step does, with its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// `salt.state`.
    State(state::State),
    /// `salt.function`.
    Function(function::Function),
    /// `salt.runner`.
    Runner(runner::Runner),
    /// `salt.wheel`.
    Wheel(wheel::Wheel),
    /// `salt.wait_for_event`.
    WaitForEvent(wait_for_event::WaitForEvent),
    /// `salt.parallel_runners`.
    ParallelRunners(parallel_runners::ParallelRunners),
    /// `test.*`.
    Test(test::Test),
    /// `cmd.run`, `file.*`, `http.query` on the master.
    OnMaster(on_master::OnMaster),
    /// `salt.reboot`.
    Reboot(reboot::Reboot),
    /// `salt.approve`.
    Approve(approve::Approve),
    /// `salt.secret`.
    Secret(secret::Secret),
    /// `salt.wipe_guard`.
    WipeGuard(wipe_guard::WipeGuard),
}

/// Where a step stands, for its decisions.
pub(crate) struct Scene<'a> {
    /// The chunk.
    pub(crate) chunk: &'a LowChunk,
    /// The run.
    pub(crate) run: &'a Jid,
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// Who started the run.
    pub(crate) user: &'a str,
    /// `test=True`.
    pub(crate) is_test: bool,
    /// `hide_output`.
    pub(crate) hides_output: bool,
    /// It is only asked what would happen, for a `prereq`.
    pub(crate) is_pre: bool,
    /// The time.
    pub(crate) now: Timestamp,
}

impl<'a> Scene<'a> {
    /// Sets the scene of a step; `is_pre` if it is only asked what it would do.
    pub(crate) fn of(started: &'a Started, step: usize, is_pre: bool, now: Timestamp) -> Self {
        let planned = &started.plan.steps[step];
        Self {
            is_pre,
            chunk: &planned.chunk,
            run: &started.run,
            plan: &started.plan,
            user: &started.user,
            is_test: started.plan.options.is_test || is_pre,
            hides_output: planned.hides_output,
            now,
        }
    }
}

/// How long something may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeout {
    /// In milliseconds: in all, or since the last that was heard, if there is a longest time.
    pub(crate) millis: u64,
    /// The longest time in all, in milliseconds.
    pub(crate) millis_max: Option<u64>,
}

/// What to do when a step's turn has come.
pub(crate) enum Begin {
    /// Publish a job; tell the bus what is asked.
    Job { request: Box<JobRequest>, told: Map },
    /// The same, and watch the log from here on for what the job causes.
    JobAndWait {
        request: Box<JobRequest>,
        told: Map,
        glob: TagGlob,
        timeout: Option<Timeout>,
    },
    /// Ask a person.
    Ask { told: Map, timeout_ms: Option<u64> },
    /// Call functions of the master.
    Calls(Vec<BegunCall>),
    /// Watch the log.
    Wait { glob: TagGlob, timeout: Timeout },
    /// Nothing: it is over already.
    Done(Outcome),
}

impl Begin {
    /// Gives the tags to watch.
    pub(crate) fn glob(&self) -> Option<&TagGlob> {
        match self {
            Self::Wait { glob, .. } | Self::JobAndWait { glob, .. } => Some(glob),
            _ => None,
        }
    }

    /// Gives how long it may take.
    pub(crate) fn timeout(&self) -> Option<Timeout> {
        match self {
            Self::Wait { timeout, .. } => Some(*timeout),
            Self::JobAndWait { timeout, .. } => *timeout,
            Self::Ask { timeout_ms, .. } => timeout_ms.map(|millis| Timeout {
                millis,
                millis_max: None,
            }),
            _ => None,
        }
    }
}

/// A function of the master to call.
pub(crate) struct BegunCall {
    /// The name under which the result is shown.
    pub(crate) name: String,
    /// Which of them.
    pub(crate) kind: CallKind,
    /// The call.
    pub(crate) call: Call,
    /// What to tell the bus, if anything.
    pub(crate) told: Option<Map>,
}

impl BegunCall {
    /// Makes the effect that makes the call.
    pub(crate) fn effect(&self, step: usize, attempt: u32, jid: Jid) -> Effect {
        let call = self.call.clone();
        match self.kind {
            CallKind::Runner => Effect::CallRunner {
                step,
                attempt,
                jid,
                call,
            },
            CallKind::Wheel => Effect::CallWheel {
                step,
                attempt,
                jid,
                call,
            },
            CallKind::State => Effect::CallState {
                step,
                attempt,
                jid,
                call,
            },
        }
    }
}

/// Whose function a call is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Runner,
    Wheel,
    State,
}

/// What a step ended with.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Salt's result.
    pub(crate) result: Option<bool>,
    /// Salt's changes.
    pub(crate) changes: Map,
    /// Salt's comment.
    pub(crate) comment: String,
    /// Further keys of the result, such as `__jid__`.
    pub(crate) more: IndexMap<String, Value>,
}

impl Outcome {
    pub(crate) fn failed(comment: impl Into<String>) -> Self {
        Self {
            result: Some(false),
            comment: comment.into(),
            ..Self::default()
        }
    }

    pub(crate) fn ok(comment: impl Into<String>) -> Self {
        Self {
            result: Some(true),
            comment: comment.into(),
            ..Self::default()
        }
    }

    /// In test mode: what would be done.
    pub(crate) fn would(comment: impl Into<String>) -> Self {
        Self {
            comment: comment.into(),
            ..Self::default()
        }
    }
}

/// One kind of step.
pub(crate) trait Step {
    /// Says what to do when its turn has come.
    fn begin(&self, scene: &Scene<'_>) -> Begin;
    /// Says what it ended with, once it has.
    fn outcome(&self, scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome>;
}

impl Work {
    /// Parses the arguments of a chunk. `None` if problems were noted and no step can be made.
    pub(crate) fn parse(chunk: &LowChunk, arguments: &mut Arguments<'_>) -> Option<Work> {
        let LowChunk { state, fun, .. } = chunk;
        let work = match (state.as_str(), fun.as_str()) {
            ("salt", "state") => Work::State(state::State::parse(arguments)),
            ("salt", "function") => Work::Function(function::Function::parse(arguments)),
            ("salt", "runner") => Work::Runner(runner::Runner::parse(arguments)),
            ("salt", "wheel") => Work::Wheel(wheel::Wheel::parse(arguments)),
            ("salt", "wait_for_event") => {
                Work::WaitForEvent(wait_for_event::WaitForEvent::parse(arguments))
            }
            ("salt", "parallel_runners") => {
                Work::ParallelRunners(parallel_runners::ParallelRunners::parse(arguments)?)
            }
            ("salt", "reboot") => Work::Reboot(reboot::Reboot::parse(arguments)),
            ("salt", "approve") => Work::Approve(approve::Approve::parse(arguments)),
            ("salt", "secret") => Work::Secret(secret::Secret::parse(arguments)),
            ("salt", "wipe_guard") => Work::WipeGuard(wipe_guard::WipeGuard::parse(arguments)),
            ("test", fun) if test::FUNCTIONS.contains(&fun) => {
                Work::Test(test::Test::parse(fun, arguments))
            }
            _ if on_master::is_known(chunk) => {
                Work::OnMaster(on_master::OnMaster::parse(chunk, arguments)?)
            }
            _ => {
                arguments.refuse(not_found(chunk));
                return None;
            }
        };
        Some(work)
    }

    /// Says whether it can react to changes of what it watches or listens to.
    pub(crate) fn has_mod_watch(&self) -> bool {
        matches!(self, Work::Test(_))
    }

    pub(crate) fn step(&self) -> &dyn Step {
        match self {
            Work::State(step) => step,
            Work::Function(step) => step,
            Work::Runner(step) => step,
            Work::Wheel(step) => step,
            Work::WaitForEvent(step) => step,
            Work::ParallelRunners(step) => step,
            Work::Test(step) => step,
            Work::OnMaster(step) => step,
            Work::Reboot(step) => step,
            Work::Approve(step) => step,
            Work::Secret(step) => step,
            Work::WipeGuard(step) => step,
        }
    }

    /// Gives the tags it listens to, if it does.
    pub(crate) fn glob(&self) -> Option<&TagGlob> {
        match self {
            Work::WaitForEvent(wait) => Some(&wait.glob),
            Work::Reboot(reboot) => Some(&reboot.glob),
            other => other.rebooting().map(|_| &*rebooting::STARTS),
        }
    }

    /// Gives the ids that an event ticks off.
    pub(crate) fn matching(&self, attempt: &Attempt, event: &Event) -> Vec<String> {
        match self {
            Work::WaitForEvent(wait) => wait.matching(attempt, event),
            other if other.rebooting().is_some() => rebooting::started(attempt, event),
            _ => Vec::new(),
        }
    }

    /// Gives how its job rolls over its minions, if it does not go to all at once.
    pub(crate) fn rolling(&self) -> Option<(rolling::Rolling, &minions::Audience)> {
        let audience = match self {
            Work::State(state) => &state.audience,
            Work::Function(function) => &function.audience,
            _ => return None,
        };
        Some((audience.rolling?, audience))
    }

    /// Gives the question, if it is one.
    pub fn as_approve(&self) -> Option<&approve::Approve> {
        match self {
            Work::Approve(approve) => Some(approve),
            _ => None,
        }
    }

    /// Gives the wait, if it is one.
    pub(crate) fn as_wait(&self) -> Option<&wait_for_event::WaitForEvent> {
        match self {
            Work::WaitForEvent(wait) => Some(wait),
            _ => None,
        }
    }

    /// Gives whom it asks, if it asks minions for answers.
    pub(crate) fn audience_mut(&mut self) -> Option<&mut minions::Audience> {
        match self {
            Work::State(state) => Some(&mut state.audience),
            Work::Function(function) => Some(&mut function.audience),
            _ => None,
        }
    }
}

/// Salt's words for a state function that does not exist, and ours for one that exists on minions
/// only.
fn not_found(chunk: &LowChunk) -> String {
    let LowChunk {
        state, fun, sls, ..
    } = chunk;
    let mut text = format!(
        "State '{state}.{fun}' was not found in SLS '{sls}'\n\
         Reason: '{state}.{fun}' is not available."
    );
    if !["salt", "test"].contains(&state.as_str()) {
        let known = on_master::list();
        text.push_str(&format!(
            "\nAn orchestration runs on the master and knows salt.*, test.*, {known}; \
             apply other states to minions with salt.state.",
        ));
    }
    text
}
