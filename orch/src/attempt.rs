//! One try of one step: what was asked, who answered, what was seen.
//!
//! Filled by records only (see `fold.rs`), read by the steps' `outcome`. Answers are let go when
//! the attempt ends; how each minion ended stays.

use std::sync::Arc;

use indexmap::IndexMap;
use model::api::MinionPhase;
use model::{Boot, Cursor, Jid, MinionId, StateReturn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::{Answer, CallReturn};

/// One try of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// The place in the log before it.
    pub cursor: Cursor,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When it fails if nothing happens.
    pub deadline: Option<Timestamp>,
    /// What outages of the master took and were given back so far, in milliseconds.
    pub given_back_ms: u64,
    /// Its deadline passed.
    pub is_timed_out: bool,
    /// Its job.
    pub jid: Option<Jid>,
    /// Whether the job's minions are known.
    pub is_published: bool,
    /// Why the job could not be published.
    pub refused: Option<String>,
    /// Listed ids that are no accepted minions.
    pub missing: Vec<String>,
    /// How the job stands at each minion, in the order in which they ended.
    pub minions: IndexMap<MinionId, MinionState>,
    /// Its calls of functions of the master.
    pub calls: Vec<CallState>,
    /// What was asked by its conditions, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckState>,
    /// Its conditions have not let it begin: nothing of it was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_held: bool,
    /// The parts of a rolling job that went out, each with a jid of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// Whether it only asks what would happen, for a `prereq` on the step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_pre: bool,
    /// For a wait: the place behind which events count.
    pub after: Option<Cursor>,
    /// For an approval: what the person said.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// For a wait: what was seen.
    pub seen: Vec<Seen>,
    /// For a wait: up to where the log was read since the master last started.
    pub looked_back: Option<Cursor>,
    /// In which boots the machines of its minions run, where new ones are waited for.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub boots: IndexMap<MinionId, BootState>,
    /// Where the deadline follows what minions show: the last minion that showed something, and
    /// when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<(String, Timestamp)>,
    /// Where it does: when the attempt fails in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Timestamp>,
}

/// What is known of the boots of a minion's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootState {
    /// The one it was in when the job went out, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Boot>,
    /// The last one that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Boot>,
    /// Where the log has the new boot that was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Cursor>,
    /// Where the log has the last that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Cursor>,
    /// Whether the minion was asked and cannot tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mute: bool,
}

/// A part of a rolling job: so many minions at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Its job.
    pub jid: Jid,
    /// Whom it asks.
    pub minions: Vec<MinionId>,
}

/// How a job stands at a minion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionState {
    /// How.
    pub phase: MinionPhase,
    /// Since when.
    pub since: Timestamp,
    /// Why it will not answer.
    pub why: String,
    /// What it answered.
    pub answer: Option<Arc<Answer>>,
}

/// How a call of a function of the master stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallState {
    /// The name under which the step shows it.
    pub name: String,
    /// Its jid.
    pub jid: Jid,
    /// How it stands.
    pub phase: CallPhase,
}

/// How a question of a step's conditions stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckState {
    /// The jid of the call that asks.
    pub jid: Jid,
    /// How it stands.
    pub phase: CallPhase,
    /// For `check_cmd`: what the attempt ended with before it was asked.
    pub held: Option<Arc<StateReturn>>,
}

/// How a call of a function of the master stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// At work.
    Running,
    /// Over.
    Ended(Arc<CallReturn>),
    /// A restart of the master interrupted it.
    Lost,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Who.
    pub by: String,
    /// Whether the run may go on.
    pub is_yes: bool,
}

/// An awaited id that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which.
    pub id: String,
    /// The event's place in the log.
    pub cursor: Cursor,
}

impl Attempt {
    /// Says whether every minion of the job has ended.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_published && self.minions.values().all(|minion| minion.phase.has_ended())
    }

    /// Says whether a jid is the one under which it asks a minion, or under which it asks at all.
    pub(crate) fn asks(&self, jid: &Jid, id: Option<&MinionId>) -> bool {
        let is_meant =
            |wave: &Wave| wave.jid == *jid && id.is_none_or(|id| wave.minions.contains(id));
        self.jid.as_ref() == Some(jid) || self.waves.iter().any(is_meant)
    }

    /// Gives the jids of its jobs.
    pub(crate) fn job_jids(&self) -> impl Iterator<Item = &Jid> {
        self.jid
            .iter()
            .chain(self.waves.iter().map(|wave| &wave.jid))
    }

    /// Says whether a call of a function of the master is at work.
    pub(crate) fn is_calling(&self, jid: &Jid) -> bool {
        self.open_calls().any(|open| open == jid)
    }

    /// Gives the jids of the calls that are at work, those of its conditions included.
    pub(crate) fn open_calls(&self) -> impl Iterator<Item = &Jid> {
        let calls = self.calls.iter().map(|call| (&call.jid, &call.phase));
        let checks = self.checks.iter().map(|check| (&check.jid, &check.phase));
        let open = calls.chain(checks);
        open.filter_map(|(jid, phase)| (*phase == CallPhase::Running).then_some(jid))
    }

    /// Says whether its conditions decide what comes next: whether it begins, or what it ended
    /// with.
    pub(crate) fn is_checked(&self) -> bool {
        let last = self.checks.last();
        last.is_some_and(|check| self.is_held || check.held.is_some())
    }

    /// Gives every minion an end, so that the counts add up: one of whom nothing more is waited for
    /// came back, if its start was seen, or else is lost to this attempt.
    pub(crate) fn end_the_rest(&mut self, at: Timestamp) {
        for (id, minion) in &mut self.minions {
            let boot = self.boots.get(id);
            let is_back = self.seen.iter().any(|seen| seen.id == id.as_str())
                || boot.is_some_and(|boot| boot.proof.is_some());
            let is_given_up = matches!(minion.phase, MinionPhase::Lost | MinionPhase::NeverSeen);
            if minion.phase.has_ended() && !(is_back && is_given_up) {
                continue;
            }
            let (phase, why) = if is_back {
                (MinionPhase::Rebooted, "it started again")
            } else {
                (MinionPhase::Lost, "the step ended before it answered")
            };
            (minion.phase, minion.since) = (phase, at);
            why.clone_into(&mut minion.why);
        }
    }

    /// Lets go of what only the outcome needed.
    pub(crate) fn forget_answers(&mut self) {
        for minion in self.minions.values_mut() {
            minion.answer = None;
        }
        for call in &mut self.calls {
            if let CallPhase::Ended(ret) = &call.phase
                && !ret.ret.is_nil()
            {
                call.phase = CallPhase::Ended(Arc::new(CallReturn {
                    is_success: ret.is_success,
                    ret: model::Value::Nil,
                }));
            }
        }
    }
}
