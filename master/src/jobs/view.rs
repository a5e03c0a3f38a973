//! What is known of each job.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use model::api::{JobSummary, MinionOutcome, MinionPhase};
use model::{Cursor, Jid, JobReturn, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{JobPublished, MinionEnded};

/// One job: what was asked, and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// What was decided.
    pub published: JobPublished,
    /// Where that stands in the log.
    pub cursor: Cursor,
    /// When.
    pub at: Timestamp,
    /// Whether it was handed to the publish socket at least once.
    pub is_sent: bool,
    /// How it stands at each expected minion.
    pub minions: IndexMap<MinionId, MinionOutcome>,
    /// Where each return stands in the log; also of minions that were not expected.
    pub returns: IndexMap<MinionId, Cursor>,
    /// How often a minion that was asked did not have the job, since the last sending.
    pub absent: IndexMap<MinionId, u32>,
    /// Minions that cannot have heard the last sending: no connection of theirs was open.
    #[serde(default)]
    pub unheard: Vec<MinionId>,
    /// How often each minion that could hear it got it again.
    #[serde(default)]
    pub sent_again: IndexMap<MinionId, u32>,
    /// Minions that said they started while they had the job open, and were not found at work on it
    /// since.
    #[serde(default)]
    pub doubts: IndexMap<MinionId, Doubt>,
}

/// A minion started: does it still have the job?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Where that stands in the log: only a question from behind it is answered by the minion that
    /// started.
    pub cursor: Cursor,
    /// What the minion said.
    pub said: String,
}

impl Job {
    /// Walks over the minions that may still answer.
    pub fn pending(&self) -> impl Iterator<Item = &MinionId> {
        self.minions
            .iter()
            .filter(|(_, outcome)| !outcome.phase.has_ended())
            .map(|(id, _)| id)
    }

    /// Says whether every expected minion has ended.
    pub fn has_ended(&self) -> bool {
        self.pending().next().is_none()
    }

    /// Gives the line of `jobs.list_jobs`.
    pub fn summary(&self) -> JobSummary {
        let job = &self.published;
        JobSummary {
            jid: job.jid.clone(),
            fun: job.fun.clone(),
            arg: job.arg.clone(),
            tgt: job.tgt.clone(),
            tgt_type: job.tgt_type.as_str().to_owned(),
            user: job.user.clone(),
            started: self.at,
        }
    }

    fn may_go(&self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) -> bool {
        let is_of_kept_run = self
            .published
            .step
            .as_ref()
            .is_some_and(|step| is_kept(&step.run));
        // A question that was never answered has no end of its own.
        let is_over = self.has_ended() || self.published.probes.is_some();
        self.at < before && is_over && !is_of_kept_run
    }

    fn set(&mut self, id: &MinionId, phase: MinionPhase, since: Timestamp) {
        if let Some(outcome) = self.minions.get_mut(id) {
            *outcome = MinionOutcome { phase, since };
        }
    }
}

/// All jobs that are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    jobs: BTreeMap<Jid, Job>,
}

impl View {
    /// Gives a job.
    pub fn get(&self, jid: &Jid) -> Option<&Job> {
        self.jobs.get(jid)
    }

    /// Walks over the jobs, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Job> {
        self.jobs.values()
    }

    /// Walks over the jobs that some minion may still answer.
    pub fn open(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(|job| !job.has_ended())
    }

    /// Takes in a new job.
    pub fn published(&mut self, job: &JobPublished, cursor: Cursor, at: Timestamp) {
        let waiting = MinionOutcome {
            phase: MinionPhase::Waiting,
            since: at,
        };
        let minions = job
            .minions
            .iter()
            .map(|id| (id.clone(), waiting.clone()))
            .collect();
        let job = Job {
            published: job.clone(),
            cursor,
            at,
            is_sent: false,
            minions,
            returns: IndexMap::new(),
            absent: IndexMap::new(),
            unheard: Vec::new(),
            sent_again: IndexMap::new(),
            doubts: IndexMap::new(),
        };
        self.jobs.insert(job.published.jid.clone(), job);
    }

    /// Takes in that a job was handed to the publish socket; for those in `again`, once more.
    pub fn sent(&mut self, jid: &Jid, again: &[MinionId], unheard: &[MinionId]) {
        let Some(job) = self.jobs.get_mut(jid) else {
            return;
        };
        job.is_sent = true;
        for id in again {
            job.absent.shift_remove(id);
            job.unheard.retain(|other| other != id);
            if !unheard.contains(id) {
                *job.sent_again.entry(id.clone()).or_insert(0) += 1;
            }
        }
        job.unheard.extend(unheard.iter().cloned());
    }

    /// Takes in that a job goes out once more: from now on these may have heard it.
    pub fn sending(&mut self, jid: &Jid, again: &[MinionId]) {
        if let Some(job) = self.jobs.get_mut(jid) {
            job.unheard.retain(|id| !again.contains(id));
            job.doubts.retain(|id, _| !again.contains(id));
        }
    }

    /// Takes in that a minion started while it had the job open. What it answered before is void.
    pub fn doubted(&mut self, jid: &Jid, id: &MinionId, said: &str, cursor: Cursor) {
        if let Some(job) = self.jobs.get_mut(jid) {
            let said = said.to_owned();
            job.doubts.insert(id.clone(), Doubt { cursor, said });
            job.absent.shift_remove(id);
        }
    }

    /// Takes in that the wall clock jumped: open jobs are as old as they were.
    pub fn clock_jumped(&mut self, by_ms: i64) {
        for job in self.jobs.values_mut().filter(|job| !job.has_ended()) {
            job.at = job.at.moved(by_ms);
        }
    }

    /// Takes in that the master came up: if the wall clock went back meanwhile, no open job is of
    /// the future.
    pub fn not_after(&mut self, now: Timestamp) {
        for job in self.jobs.values_mut().filter(|job| !job.has_ended()) {
            job.at = job.at.min(now);
        }
    }

    /// Takes in a return. The first one counts; it also replaces an end that was only concluded.
    pub fn returned(&mut self, ret: &JobReturn, cursor: Cursor, at: Timestamp) {
        let Some(job) = self.jobs.get_mut(&ret.jid) else {
            return;
        };
        if job.returns.contains_key(&ret.id) {
            return;
        }
        job.returns.insert(ret.id.clone(), cursor);
        let phase = if ret.is_failure() {
            MinionPhase::Failed
        } else {
            MinionPhase::Ok
        };
        job.set(&ret.id, phase, at);
    }

    /// Takes in that a minion is at work.
    pub fn running(&mut self, jid: &Jid, id: &MinionId, at: Timestamp) {
        let Some(job) = self.jobs.get_mut(jid) else {
            return;
        };
        job.absent.shift_remove(id);
        job.doubts.shift_remove(id);
        if job
            .minions
            .get(id)
            .is_some_and(|outcome| outcome.phase == MinionPhase::Waiting)
        {
            job.set(id, MinionPhase::Running, at);
        }
    }

    /// Takes in that a minion was asked and does not have the job.
    pub fn absent(&mut self, jid: &Jid, id: &MinionId) {
        let Some(job) = self.jobs.get_mut(jid) else {
            return;
        };
        *job.absent.entry(id.clone()).or_insert(0) += 1;
    }

    /// Takes in an end without a return.
    pub fn ended(&mut self, ended: &MinionEnded, at: Timestamp) {
        let Some(job) = self.jobs.get_mut(&ended.jid) else {
            return;
        };
        if !job.returns.contains_key(&ended.id) {
            job.set(&ended.id, ended.phase, at);
        }
    }

    /// Forgets the jobs that are older than `before` and over. Those of a run stay as long as the
    /// run: it would send again what it does not find.
    pub fn forget(&mut self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) {
        self.jobs.retain(|_, job| !job.may_go(before, is_kept));
    }

    /// Says whether there is a job to forget.
    pub fn has_older(&self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) -> bool {
        self.jobs.values().any(|job| job.may_go(before, is_kept))
    }

    /// Gives the place in the log behind which all that the jobs refer to is found.
    pub fn oldest_needed(&self) -> Option<Cursor> {
        // A return comes after its job.
        let oldest = self.jobs.values().map(|job| job.cursor).min()?;
        Some(Cursor(oldest.0.saturating_sub(1)))
    }
}
