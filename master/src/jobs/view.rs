//! What is known of each job.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use indexmap::{IndexMap, IndexSet};
use model::api::{JobSummary, MinionOutcome, MinionPhase};
use model::{Cursor, Jid, JobReturn, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::collect::ABSENT_ANSWERS_MIN;
use super::packing::Packed;
use super::{JobPublished, MinionEnded};
use crate::minions;

/// Jobs that have ended and are kept as they are, for returns that come late; older ones are
/// packed.
const UNPACKED_MAX: usize = 64;

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
    /// How often each minion that could hear it got it again because it said that it has it not.
    #[serde(default)]
    pub sent_again: IndexMap<MinionId, u32>,
    /// Where the last sending that a minion can have heard stands in the log, if that is not the
    /// first one.
    #[serde(default)]
    pub sendings: IndexMap<MinionId, Cursor>,
    /// Minions that said they started while they had the job open, and were not found at work on it
    /// since.
    #[serde(default)]
    pub doubts: IndexMap<MinionId, Doubt>,
    /// How many of the minions may still answer. Counted, because it is asked at each return.
    #[serde(skip)]
    pub(super) pending: usize,
    /// What the maps above and the lists of minions held, once the job has ended long ago.
    #[serde(default)]
    pub(super) packed: Option<Packed>,
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

    /// Says whether a minion may have begun the job in a process that is gone: it was seen at work,
    /// or one may have begun since the sending.
    pub fn may_have_begun(&self, id: &MinionId, began: Option<Cursor>) -> bool {
        self.was_at_work(id) || began > Some(self.sent_to(id))
    }

    fn was_at_work(&self, id: &MinionId) -> bool {
        let outcome = self.minions.get(id);
        outcome.is_some_and(|outcome| outcome.phase == MinionPhase::Running)
    }

    /// Says whether nobody can have the job: no connection was open that may be the minion's when
    /// it went out. One that had not spoken since the master came up may have heard it unseen,
    /// behind the address of another: then it was seen at work, or it signed in to read the job,
    /// and did not ask for its pillar.
    pub fn is_unheard(&self, id: &MinionId, minions: &minions::View) -> bool {
        if self.was_at_work(id) {
            return false;
        }
        let sent = self.sent_to(id);
        let back = minions.get(id).and_then(|minion| minion.came_back_only);
        let may_be_read = back.is_some_and(|back| back.since < sent && sent < back.at);
        self.unheard.contains(id) && !may_be_read
    }

    /// Gives where the last sending that a minion can have heard stands in the log.
    pub fn sent_to(&self, id: &MinionId) -> Cursor {
        self.sendings.get(id).copied().unwrap_or(self.cursor)
    }

    fn may_go(&self, before: Timestamp, is_kept: &dyn Fn(&Jid) -> bool) -> bool {
        let is_of_kept_run = self
            .published
            .step
            .as_ref()
            .is_some_and(|step| is_kept(&step.run));
        // A question that was never answered has no end of its own.
        let is_over = self.has_ended() || self.published.is_question();
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
    /// Those that have ended and are not packed, the one that ended first in front.
    #[serde(skip)]
    ended: VecDeque<Jid>,
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
    pub fn get(&self, jid: &Jid) -> Option<Cow<'_, Job>> {
        self.jobs.get(jid).map(Job::whole)
    }

    /// Says whether there is such a job.
    pub fn contains(&self, jid: &Jid) -> bool {
        self.jobs.contains_key(jid)
    }

    /// Walks over the jobs, oldest first, as lists show them: those that ended long ago without
    /// their minions.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Job> {
        self.jobs.values()
    }

    /// Walks over the jobs that some minion may still answer.
    pub fn open(&self) -> impl Iterator<Item = &Job> {
        self.open.iter().filter_map(|jid| self.jobs.get(jid))
    }

    fn put(&mut self, jid: Jid, job: Job) {
        if let Some(before) = self.jobs.get(&jid) {
            self.cursors.remove(&before.cursor);
        }
        self.cursors.insert(job.cursor);
        let has_ended = job.has_ended();
        self.jobs.insert(jid.clone(), job);
        if has_ended {
            self.open.remove(&jid);
            self.note_ended(jid);
        } else {
            self.open.insert(jid);
        }
    }

    /// Notes a job that has ended and is not packed; packs the one that ended first.
    fn note_ended(&mut self, jid: Jid) {
        if self.jobs.get(&jid).is_some_and(|job| job.packed.is_some()) {
            return;
        }
        self.ended.push_back(jid);
        while self.ended.len() > UNPACKED_MAX {
            let first = self.ended.pop_front();
            let job = first.and_then(|jid| self.jobs.get_mut(&jid));
            // It may be open again, or gone.
            if let Some(job) = job.filter(|job| job.has_ended()) {
                job.pack();
            }
        }
    }

    /// Changes a job, and notices whether somebody may still answer it.
    fn change(&mut self, jid: &Jid, change: impl FnOnce(&mut Job)) {
        let Some(job) = self.jobs.get_mut(jid) else {
            return;
        };
        let (was_open, was_packed) = (!job.has_ended(), job.packed.is_some());
        if was_packed {
            *job = job.whole().into_owned();
        }
        change(job);
        let is_open = !job.has_ended();
        if is_open && !was_open {
            self.open.insert(jid.clone());
        } else if was_open && !is_open {
            self.open.remove(jid);
            self.note_ended(jid.clone());
        } else if was_packed {
            self.note_ended(jid.clone());
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
            sendings: IndexMap::new(),
            doubts: IndexMap::new(),
            packed: None,
        };
        self.put(job.published.jid.clone(), job);
    }

    /// Takes in that a job was handed to the publish socket; for those in `again`, once more.
    pub fn sent(&mut self, jid: &Jid, again: &[MinionId], unheard: &[MinionId]) {
        let misses: HashSet<&MinionId> = unheard.iter().collect();
        self.change(jid, |job| {
            job.is_sent = true;
            for id in again {
                // Whoever has to sign in first is sent it as often as connections open; that says
                // nothing of whether sending helps.
                let absent = job.absent.swap_remove(id).unwrap_or(0);
                let said_so = absent >= ABSENT_ANSWERS_MIN;
                job.unheard.swap_remove(id);
                if said_so && !misses.contains(id) {
                    *job.sent_again.entry(id.clone()).or_insert(0) += 1;
                }
            }
            job.unheard.extend(unheard.iter().cloned());
        });
    }

    /// Takes in that a job goes out once more: from now on these may have heard it. None of them
    /// had it before, or it is still the process that drops what it has seen.
    pub fn sending(&mut self, jid: &Jid, again: &[MinionId], cursor: Cursor) {
        self.change(jid, |job| {
            for id in again {
                job.sendings.insert(id.clone(), cursor);
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

    /// Takes in that a question was answered; the answer is kept elsewhere.
    pub fn answered(&mut self, jid: &Jid, id: &MinionId, at: Timestamp) {
        self.change(jid, |job| job.set(id, MinionPhase::Ok, at));
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
            ended,
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
        ended.retain(|jid| jobs.contains_key(jid));
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
