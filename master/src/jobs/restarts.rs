//! Decides what the start of a minion means for the jobs it has not returned.
//!
//! A start event proves less than it seems to: a minion hears jobs from the moment it is connected,
//! which is before it says that it started; one of 3008 says so again when its event loop begins
//! anew beside a restart of the master. So no job is ended by it. The minion is asked, soon, and
//! only answers to questions from behind the start count. At work: the job goes on. Not there twice
//! in a row: what had the job is gone, and it ends as rebooted. It is not sent again, since nobody
//! knows how far it came. A job that no connection of the minion can have heard is left alone: it
//! is sent again anyway. So is one that was sent since the minion last signed in, or asked for its
//! pillar; a process does both before it says that it started: the event is late, and the process
//! is the same.

use model::{Jid, MinionId, Timestamp};

use super::collect::{ABSENT_ANSWERS_MIN, RECONNECTED_AFTER_MILLIS};
use super::{Job, View};
use crate::ledger::{Effect, Record, TimerKey};
use crate::minions;

/// Decides on a minion that said it started.
pub fn on_minion_start(
    jobs: &View,
    minions: &minions::View,
    id: &MinionId,
    said: &str,
) -> Vec<Record> {
    let began = minions.get(id).and_then(minions::Minion::began);
    let open = jobs.open().filter(|job| !job.published.is_question());
    let may_have = |job: &&Job| {
        let outcome = job.minions.get(id);
        let is_open = outcome.is_some_and(|outcome| !outcome.phase.has_ended());
        let is_of_before = began.is_none_or(|began| began > job.sent_to(id));
        is_open && is_of_before && !job.is_unheard(id, minions)
    };
    let doubted = open.filter(may_have).map(|job| Record::JobDoubted {
        jid: job.published.jid.clone(),
        id: id.clone(),
        said: said.to_owned(),
    });
    doubted.collect()
}

/// Gives the timers that records hurry: a minion that started is asked soon, and judged as soon as
/// it has answered often enough.
pub fn after_record(jobs: &View, record: &Record, now: Timestamp) -> Option<Effect> {
    let hurry = |jid: &Jid, at| Effect::HurryTimer {
        key: TimerKey::Probe(jid.clone()),
        at,
    };
    match record {
        Record::JobDoubted { jid, .. } => {
            Some(hurry(jid, now.plus_millis(RECONNECTED_AFTER_MILLIS)))
        }
        Record::JobAbsent { jid, id } => {
            let job = jobs.get(jid)?;
            let is_enough = job.absent.get(id) >= Some(&ABSENT_ANSWERS_MIN);
            (is_enough && job.doubts.contains_key(id)).then(|| hurry(jid, now))
        }
        _ => None,
    }
}
