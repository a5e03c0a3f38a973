//! What is known of each job.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use indexmap::{IndexMap, IndexSet};
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
    pub unheard: IndexSet<MinionId>,
    /// How often each minion that could hear it got it again.
    #[serde(default)]
    pub sent_again: IndexMap<MinionId, u32>,
    /// Minions that said they started while they had the job open, and were not found at work on it
    /// since.
    #[serde(default)]
    pub doubts: IndexMap<MinionId, Doubt>,
    /// How many of the minions may still answer. Counted, because it is asked at each return.
    #[serde(skip)]
    pending: usize,
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
        self.pending == 0
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
            self.pending -= usize::from(!outcome.phase.has_ended());
            self.pending += usize::from(!phase.has_ended());
            *outcome = MinionOutcome { phase, since };
        }
    }
}

/// All jobs that are kept.
///
/// What is asked again and again (which jobs are open, where the oldest begins) is kept beside
/// them: a day may have a hundred thousand jobs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct View {
    jobs: BTreeMap<Jid, Job>,
    /// Those that some minion may still answer.
    #[serde(skip)]
    open: BTreeSet<Jid>,
    /// Where each stands in the log.
    #[serde(skip)]
    cursors: BTreeSet<Cursor>,
}

/// What a snapshot holds of them.
#[derive(Deserialize)]
#[serde(rename = "View")]
struct Kept {
    jobs: BTreeMap<Jid, Job>,
}

impl From<Kept> for View {
    fn from(kept: Kept) -> Self {
        let mut view = Self::default();
        for (jid, mut job) in kept.jobs {
            job.pending = job.pending().count();
            view.put(jid, job);
        }
        view
    }
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
        self.open.iter().filter_map(|jid| self.jobs.get(jid))
    }

    fn put(&mut self, jid: Jid, job: Job) {
        match job.has_ended() {
            true => self.open.remove(&jid),
            false => self.open.insert(jid.clone()),
        };
        self.cursors.insert(job.cursor);
        if let Some(before) = self.jobs.insert(jid, job) {
            self.cursors.remove(&before.cursor);
        }
    }

    /// Changes a job, and notices whether somebody may still answer it.
    fn change(&mut self, jid: &Jid, change: impl FnOnce(&mut Job)) {
        let Some(job) = self.jobs.get_mut(jid) else {
            return;
        };
        let was_open = !job.has_ended();
        change(job);
        let is_open = !job.has_ended();
        if was_open && !is_open {
            self.open.remove(jid);
        } else if is_open && !was_open {
            self.open.insert(jid.clone());
        }
    }

    fn change_open(&mut self, change: impl Fn(&mut Job)) {
        let Self { jobs, open, .. } = self;
        for jid in open.iter() {
            jobs.get_mut(jid).map(&change);
        }
    }

    /// Takes in a new job.
    pub fn published(&mut self, job: &JobPublished, cursor: Cursor, at: Timestamp) {
        let waiting = MinionOutcome {
            phase: MinionPhase::Waiting,
            since: at,
        };
        let minions: IndexMap<MinionId, MinionOutcome> = job
            .minions
            .iter()
            .map(|id| (id.clone(), waiting.clone()))
            .collect();
        let job = Job {
            pending: minions.len(),
            published: job.clone(),
            cursor,
            at,
            is_sent: false,
            minions,
            returns: IndexMap::new(),
            absent: IndexMap::new(),
            unheard: IndexSet::new(),
            sent_again: IndexMap::new(),
            doubts: IndexMap::new(),
        };
        self.put(job.published.jid.clone(), job);
    }

    /// Takes in that a job was handed to the publish socket; for those in `again`, once more.
    pub fn sent(&mut self, jid: &Jid, again: &[MinionId], unheard: &[MinionId]) {
        let misses: HashSet<&MinionId> = unheard.iter().collect();
        self.change(jid, |job| {
            job.is_sent = true;
            for id in again {
                job.absent.swap_remove(id);
                job.unheard.swap_remove(id);
                if !misses.contains(id) {
                    *job.sent_again.entry(id.clone()).or_insert(0) += 1;
                }
            }
            job.unheard.extend(unheard.iter().cloned());
        });
    }

    /// Takes in that a job goes out once more: from now on these may have heard it.
    pub fn sending(&mut self, jid: &Jid, again: &[MinionId]) {
        self.change(jid, |job| {
            for id in again {
                job.unheard.swap_remove(id);
                job.doubts.swap_remove(id);
            }
        });
    }

    /// Takes in that a minion started while it had the job open. What it answered before is void.
    pub fn doubted(&mut self, jid: &Jid, id: &MinionId, said: &str, cursor: Cursor) {
        self.change(jid, |job| {
            let said = said.to_owned();
            job.doubts.insert(id.clone(), Doubt { cursor, said });
            job.absent.swap_remove(id);
        });
    }

    /// Takes in that the wall clock jumped: open jobs are as old as they were.
    pub fn clock_jumped(&mut self, by_ms: i64) {
        self.change_open(|job| job.at = job.at.moved(by_ms));
    }

    /// Takes in that the master came up: if the wall clock went back meanwhile, no open job is of
    /// the future.
    pub fn not_after(&mut self, now: Timestamp) {
        self.change_open(|job| job.at = job.at.min(now));
    }

    /// Takes in a return. The first one counts; it also replaces an end that was only concluded.
    pub fn returned(&mut self, ret: &JobReturn, cursor: Cursor, at: Timestamp) {
        self.change(&ret.jid, |job| {
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
        });
    }

    /// Takes in that a minion is at work.
    pub fn running(&mut self, jid: &Jid, id: &MinionId, at: Timestamp) {
        self.change(jid, |job| {
            job.absent.swap_remove(id);
            job.doubts.swap_remove(id);
            let outcome = job.minions.get(id);
            if outcome.is_some_and(|outcome| outcome.phase == MinionPhase::Waiting) {
                job.set(id, MinionPhase::Running, at);
            }
        });
    }

    /// Takes in that a minion was asked and does not have the job.
    pub fn absent(&mut self, jid: &Jid, id: &MinionId) {
        self.change(jid, |job| {
            *job.absent.entry(id.clone()).or_insert(0) += 1;
        });
    }

    /// Takes in an end without a return.
    pub fn ended(&mut self, ended: &MinionEnded, at: Timestamp) {
        self.change(&ended.jid, |job| {
            if !job.returns.contains_key(&ended.id) {
                job.set(&ended.id, ended.phase, at);
            }
        });
    }

    /// Forgets the jobs that are older than `before` and over. Those of a run stay as long as the
    /// run: it would send again what it does not find.
    pub fn forget(&mut self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) {
        let Self {
            jobs,
            open,
            cursors,
        } = self;
        jobs.retain(|jid, job| {
            let may_go = job.may_go(before, is_kept);
            if may_go {
                // A question may go unanswered.
                open.remove(jid);
                cursors.remove(&job.cursor);
            }
            !may_go
        });
    }

    /// Says whether there is a job to forget.
    pub fn has_older(&self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) -> bool {
        self.jobs.values().any(|job| job.may_go(before, is_kept))
    }

    /// Gives the place in the log behind which all that the jobs refer to is found.
    pub fn oldest_needed(&self) -> Option<Cursor> {
        // A return comes after its job.
        let oldest = self.cursors.first()?;
        Some(Cursor(oldest.0.saturating_sub(1)))
    }
}
