//! What all records add up to.

use model::{Cursor, Jid, Timestamp};
use serde::{Deserialize, Serialize};

use super::Record;
use crate::{enrolment, jobs, keys, mine, minions, orchestrator, secrets};

/// Everything the master knows. Built from the log alone; a snapshot of it only stands for the
/// log's beginning.
///
/// What is added later needs `#[serde(default)]`, or a new number of the snapshots' format.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Views {
    /// The place of the last record that was taken in.
    pub head: Cursor,
    /// Which key each id has.
    pub keys: keys::View,
    /// Who may become a minion, who waits, and alarms.
    #[serde(default)]
    pub enrolment: enrolment::View,
    /// What was asked of whom.
    pub jobs: jobs::View,
    /// What minions said of themselves.
    pub minions: minions::View,
    /// What minions published for each other.
    pub mine: mine::View,
    /// The runs of orchestrations.
    pub runs: orchestrator::View,
    /// The secrets of runs that are under way.
    #[serde(default)]
    pub secrets: secrets::View,
    /// When the master last came up.
    pub master_start: Timestamp,
    /// The highest jid that was given out.
    pub last_jid: Option<Jid>,
}

impl Views {
    /// Takes in one record. The only way in which anything here changes.
    pub fn apply(&mut self, cursor: Cursor, at: Timestamp, record: &Record) {
        self.head = cursor;
        match record {
            Record::Event { .. } => self.apply_event(cursor, at, record),
            Record::KeyChanged(changed) => {
                self.keys.apply(changed);
                self.keys.date(changed, cursor, at);
                self.enrolment.key_changed(changed);
                match changed.change {
                    keys::KeyChange::Deleted => {
                        self.mine.deleted(&changed.id, None);
                        self.secrets.key_deleted(&changed.id);
                        self.minions.forget(&changed.id);
                    }
                    keys::KeyChange::DeletedKeepingData => self.secrets.key_deleted(&changed.id),
                    _ => {}
                }
            }
            Record::Enrolment(record) => self.enrolment.apply(at, record),
            Record::JobPublished(job) => {
                self.note_jid(&job.jid);
                if job.asks_boot {
                    self.minions.asked(&job.minions, &job.jid, at);
                }
                self.jobs.published(job, cursor, at);
            }
            Record::JobSent {
                jid,
                again,
                unheard,
            } => self.jobs.sent(jid, again, unheard),
            Record::JobSending { jid, again } => self.jobs.sending(jid, again, cursor),
            Record::JobDoubted { jid, id, said } => self.jobs.doubted(jid, id, said, cursor),
            Record::ClockJumped { by_ms } => {
                self.jobs.clock_jumped(*by_ms);
                self.minions.clock_jumped(*by_ms);
                self.master_start = self.master_start.moved(*by_ms);
            }
            Record::JobReturned(ret) => self.jobs.returned(ret, cursor, at),
            Record::JobRunning { jid, id } => self.jobs.running(jid, id, at),
            Record::JobAbsent { jid, id } => self.jobs.absent(jid, id),
            Record::MinionEnded(ended) => self.jobs.ended(ended, at),
            Record::GrainsChanged { id, grains } => self.minions.grains_changed(id, grains),
            Record::MinionRefreshed { id } => self.minions.refreshed(id, cursor),
            Record::SignedIn { id } => self.minions.signed_in(id, cursor),
            Record::BootTold(told) => {
                self.jobs.answered(&told.jid, &told.id, at);
                self.minions.boot_told(told, cursor, at);
            }
            Record::MineStored { id, data, clear } => self.mine.stored(id, data, *clear),
            Record::MineKept { id, blobs, clear } => self.mine.kept(id, blobs, *clear),
            Record::MineDeleted { id, fun } => self.mine.deleted(id, fun.as_deref()),
            Record::Run { run, record } => {
                for jid in orchestrator::jids_of(record) {
                    self.note_jid(jid);
                }
                self.runs.apply(run, record);
                if matches!(record, orch::RunRecord::Finished { .. }) {
                    self.secrets.run_ended(run);
                }
            }
            Record::Secret(record) => self.secrets.apply(record),
            Record::Forgotten { before } => self.forget(*before),
            Record::MasterStarted { .. } => {
                self.master_start = at;
                self.minions.master_started(cursor);
                self.jobs.not_after(at);
            }
        }
    }

    fn apply_event(&mut self, cursor: Cursor, at: Timestamp, record: &Record) {
        let Record::Event { tag, data } = record else {
            return;
        };
        if minions::decide::may_be_start(tag) {
            self.apply_start(cursor, at, record);
        } else if let Some(id) = minions::decide::signed_in_id(tag, data) {
            self.minions.signed_in(&id, cursor);
        }
    }

    fn apply_start(&mut self, cursor: Cursor, at: Timestamp, record: &Record) {
        for event in record.events(cursor, at) {
            if let Some((id, said)) = minions::decide::started(&self.minions, &event) {
                let start = minions::view::Start {
                    cursor,
                    at,
                    said: said.to_owned(),
                    is_synthesized: event.data.contains_key(minions::boots::SYNTHESIZED),
                    is_before_sign_in: false,
                };
                self.minions.started(&id, start);
            }
        }
    }

    /// Says whether [`Record::Forgotten`] would change anything.
    pub fn has_older(&self, before: Timestamp) -> bool {
        let is_kept = |run: &Jid| self.runs.is_kept(run, before);
        self.runs.has_older(before) || self.jobs.has_older(before, &is_kept)
    }

    /// Runs go first: the jobs of a run are kept as long as the run may ask for them.
    fn forget(&mut self, before: Timestamp) {
        self.runs.forget(before);
        let Self { runs, jobs, .. } = self;
        jobs.forget(before, &|run| runs.is_kept(run, before));
    }

    /// Gives the place up to which nothing that is kept refers to the log: neither an unfinished
    /// run nor a kept job with its returns.
    pub fn unneeded_upto(&self) -> Cursor {
        let of_runs = self.runs.oldest_needed();
        let of_jobs = self.jobs.oldest_needed();
        // The last record tells a start when the master was last alive.
        let last = Cursor(self.head.0.saturating_sub(1));
        of_runs.into_iter().chain(of_jobs).fold(last, Cursor::min)
    }

    fn note_jid(&mut self, jid: &Jid) {
        if self.last_jid.as_ref().is_none_or(|last| last < jid) {
            self.last_jid = Some(jid.clone());
        }
    }

    /// Gives a jid that was never given out: the moment, or one microsecond behind the last.
    pub fn next_jid(&mut self, now: Timestamp) -> Jid {
        jid_after(&mut self.last_jid, now)
    }
}

/// Gives the next jid behind the last, and notes it. For decisions that read views meanwhile.
pub(crate) fn jid_after(last: &mut Option<Jid>, now: Timestamp) -> Jid {
    let mut moment = now;
    let mut jid = Jid::at(moment);
    while last.as_ref().is_some_and(|last| *last >= jid) {
        moment = last.as_ref().and_then(Jid::moment).unwrap_or(moment);
        moment = Timestamp(moment.0.saturating_add(1));
        jid = Jid::at(moment);
    }
    *last = Some(jid.clone());
    jid
}
