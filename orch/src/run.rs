//! A run: what its records add up to, and the questions one can ask it.
//!
//! [`Run::apply`] rebuilds it (`fold.rs`), [`Run::on`] advances it (`turn.rs`). Nothing else
//! changes it.

use std::sync::Arc;

use model::api::{RunPhase, StepPhase};
use model::{Cursor, Jid, Map, StateReturn, TagGlob, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::plan::{Plan, PlannedStep};
use crate::record::{IllegalRecord, Pause, RunRecord, Started};
use crate::retry::RetryOf;
use crate::turn::Turn;

/// One orchestration under way. Cheap to clone: the steps are shared until one changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub(crate) started: Arc<Started>,
    pub(crate) phase: RunPhase,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) cancelled_by: Option<String>,
    pub(crate) resumed: u32,
    /// Where it is to hold or to end, by the id of the step; `None` means whichever is next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pauses: Vec<(Option<String>, Pause)>,
    /// The step that a pause with a duration holds, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<(usize, Timestamp)>,
    pub(crate) steps: Vec<Arc<StepState>>,
    #[serde(default)]
    pub(crate) retry_of: Option<RetryOf>,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// How.
    pub phase: StepPhase,
    /// Its tries.
    pub attempts: Vec<Attempt>,
    /// What the tries before the last ended with.
    pub tried: Vec<Arc<StateReturn>>,
    /// The moment before which the next try does not start; `None` unless it waits for one.
    pub retry_at: Option<Timestamp>,
    /// What it would do, once a `prereq` on it has asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre: Option<Arc<StateReturn>>,
    /// What it ended with.
    pub ret: Option<Arc<StateReturn>>,
    /// When.
    pub ended: Option<Timestamp>,
}

impl Default for StepState {
    fn default() -> Self {
        Self {
            phase: StepPhase::Pending,
            attempts: Vec::new(),
            tried: Vec::new(),
            retry_at: None,
            pre: None,
            ret: None,
            ended: None,
        }
    }
}

/// What a run may use while it decides: the time, the head of the log, and jids.
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// The last place of the log. Events of jobs that are started now come behind it.
    pub cursor: Cursor,
    /// Gives a jid that no job had before.
    pub next_jid: &'a mut dyn FnMut() -> Jid,
}

/// What a fact leads to: records to make durable, in order, then effects to perform.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// What is now true.
    pub records: Vec<RunRecord>,
    /// What to do about it.
    pub effects: Vec<Effect>,
}

impl Run {
    /// Makes the run that a `Started` record tells of.
    pub fn start(started: Started) -> Run {
        let steps = started.plan.steps.iter().map(|_| Arc::default()).collect();
        Run {
            started: Arc::new(started),
            phase: RunPhase::Running,
            ended: None,
            cancelled_by: None,
            resumed: 0,
            pauses: Vec::new(),
            held: None,
            steps,
            retry_of: None,
        }
    }

    /// Makes the run that a first record tells of; `None` if it is none.
    pub fn of_first(record: &RunRecord) -> Option<Run> {
        match record {
            RunRecord::Started(started) => Some(Run::start(started.clone())),
            RunRecord::Retried {
                started,
                of,
                from,
                carried,
            } => Some(Run::start_again(
                started.clone(),
                of.clone(),
                *from,
                carried,
            )),
            _ => None,
        }
    }

    /// Rebuilds a run from all of its records.
    ///
    /// # Errors
    /// The first record that cannot follow those before it.
    pub fn fold<'r>(
        records: impl IntoIterator<Item = &'r RunRecord>,
    ) -> Result<Option<Run>, IllegalRecord> {
        let mut run: Option<Run> = None;
        for record in records {
            match (&mut run, Run::of_first(record)) {
                (None, Some(first)) => run = Some(first),
                (None, None) => {
                    return Err(IllegalRecord {
                        run: "unknown".into(),
                        record: record.name(),
                        why: "the run has not started".into(),
                    });
                }
                (Some(run), _) => run.apply(record)?,
            }
        }
        Ok(run)
    }

    /// Says what a fact leads to. Changes nothing: the records do, once they are applied.
    pub fn on(&self, fact: &Fact, context: &mut Context<'_>) -> Output {
        if self.phase.has_ended() {
            return Output::default();
        }
        let mut turn = Turn::of(self, context);
        turn.take(fact);
        turn.output
    }

    /// Gives the run's id: the jid of `state.orchestrate`.
    pub fn id(&self) -> &Jid {
        &self.started.run
    }

    /// Gives its plan.
    pub fn plan(&self) -> &Plan {
        &self.started.plan
    }

    /// Gives how it began.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// Gives how it stands.
    pub fn phase(&self) -> RunPhase {
        self.phase
    }

    /// Gives when it ended, if it has.
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// Gives how its steps stand, in the plan's order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &StepState> {
        self.steps.iter().map(Arc::as_ref)
    }

    /// Gives the index of a step by the id it has in the SLS, or by its key.
    pub fn step_of(&self, name: &str) -> Option<usize> {
        let mut steps = self.started.plan.steps.iter();
        steps.position(|step| step.chunk.id == name || step.chunk.key() == name)
    }

    /// Gives what it listens to: the step, which tags, and behind which place.
    pub fn watches(&self) -> impl Iterator<Item = (usize, &TagGlob, Cursor)> {
        self.running().filter_map(|(step, attempt)| {
            let glob = self.started.plan.steps[step].work.glob()?;
            Some((step, glob, attempt.after.unwrap_or(attempt.cursor)))
        })
    }

    /// Says whether it waits for the end of a call of a function of the master.
    pub fn is_calling(&self, jid: &Jid) -> bool {
        self.running().any(|(_, attempt)| attempt.is_calling(jid))
    }

    /// Says whether one of its steps still wants a job under a jid to go out.
    pub fn wants_job(&self, jid: &Jid) -> bool {
        self.running().any(|(_, attempt)| attempt.asks(jid, None))
    }

    /// Gives its open jobs and calls: facts about these jids are for this run.
    pub fn jids(&self) -> impl Iterator<Item = &Jid> {
        self.running()
            .flat_map(|(_, attempt)| attempt.job_jids().chain(attempt.open_calls()))
    }

    /// Gives each running step with its current attempt.
    pub(crate) fn running(&self) -> impl Iterator<Item = (usize, &Attempt)> {
        self.steps.iter().enumerate().filter_map(|(index, step)| {
            let is_at_work = step.phase == StepPhase::Running && step.retry_at.is_none();
            is_at_work.then(|| Some((index, step.attempts.last()?)))?
        })
    }

    /// Gives what `state.orchestrate` gives: the results so far, under the master's name.
    pub fn result(&self) -> Value {
        let plan = &self.started.plan;
        let mut data = Map::new();
        let mut is_good = !matches!(self.phase, RunPhase::Failed | RunPhase::Cancelled);
        let ended = plan.steps.iter().zip(&self.steps);
        // A listener that had nothing to react to is no result, as in Salt.
        let is_shown = |(planned, step): &(&PlannedStep, &Arc<StepState>)| {
            planned.listens.is_empty() || step.phase != StepPhase::Skipped
        };
        let ended = ended.filter(is_shown);
        let mut ended: Vec<_> = ended
            .filter_map(|(planned, step)| Some((planned.chunk.key(), step.ret.as_deref()?)))
            .collect();
        ended.sort_by_key(|(_, ret)| ret.run_num);
        is_good &= !ended.is_empty();
        for (key, ret) in ended {
            is_good &= ret.result != Some(false);
            data.insert(key, state_return_value(ret));
        }
        let data = Map::from([(plan.options.master_id.as_str(), data)]);
        Map::from([
            ("data", Value::from(data)),
            ("outputter", "highstate".into()),
            ("retcode", i64::from(!is_good).into()),
        ])
        .into()
    }
}

/// Writes a state's result with Salt's keys.
fn state_return_value(ret: &StateReturn) -> Value {
    let mut map = Map::from([
        ("name", Value::from(ret.name.as_str())),
        ("changes", ret.changes.clone().into()),
        ("comment", ret.comment.as_str().into()),
        ("result", ret.result.into()),
    ]);
    for (key, value) in &ret.more {
        map.insert(key.as_str(), value.clone());
    }
    map.extend([
        ("__sls__", Value::from(ret.sls.as_str())),
        ("__run_num__", ret.run_num.into()),
        ("start_time", ret.start_time.as_str().into()),
        ("duration", ret.duration.into()),
        ("__id__", ret.id.as_str().into()),
    ]);
    map.into()
}
