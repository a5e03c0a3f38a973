//! Decides who is late and who is lost, each time a job's timer fires.
//!
//! Minions that have not answered are asked by `saltutil.find_job`. One that is at work is waited
//! for, however long it takes. One that was asked twice and has neither the job nor a return on the
//! way gets it once more under the same jid: a minion drops a jid it has seen, so a job whose first
//! sending was lost (the master died, the minion was reconnecting) runs once, and one that ran is
//! not run again. After a few sendings that were heard and led to nothing, it is lost. A sending
//! that a minion cannot have heard does not count; it is repeated as soon as a connection of that
//! minion opens. What was seen at work is never sent again, and neither is what a process may have
//! had that is gone: one that began since says so by its start event
//! ([`restarts`](super::restarts)), or at least by signing in and asking for its pillar.

use std::collections::HashMap;

use model::api::MinionPhase;
use model::target::Target;
use model::{Jid, MinionId, Timestamp, Value};

use super::{Job, JobPublished, MinionEnded, View};
use crate::ledger::{Effect, Record, TimerKey};
use crate::minions;

/// Answers of "I do not have it" in a row before something is concluded. One alone can be a return
/// that is on its way; a return is tried again within 10 seconds.
pub(super) const ABSENT_ANSWERS_MIN: u32 = 2;

/// Sendings that were heard, after the first, before a minion that never has the job is given up.
/// Where several minions share an address one of them may seem to hear while it reconnects; three
/// sendings outlast that.
const SENDINGS_AGAIN_MAX: u32 = 3;

/// Answers of "I do not have it" in a row, of a minion that may have begun the job, before its
/// return is given up. At the default pace that is 200 s: a minion whose frames are lost tells a
/// return or its start three times, 60 s apart.
const ABSENT_ANSWERS_OF_BEGUN: u32 = 20;

/// How long a job of a run is kept for a minion that shows no sign of life. A minion gives a
/// request up after three times 60 s and signs in after that; a machine boots in minutes. 180 s
/// were seen to be too short beside three kills of the master.
pub const SILENCE_OF_STEP_MAX_SECS: u64 = 600;

/// From an opened publish connection to the look after open jobs: the minion's subscription must
/// have arrived.
pub(super) const RECONNECTED_AFTER_MILLIS: u64 = 300;

/// The same for each minion that the job waits for, where that is more.
const RECONNECTED_AFTER_MILLIS_EACH: u64 = 3;

/// Patience of the options `timeout` and `gather_job_timeout`, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From sending to the first question.
    pub timeout_secs: u64,
    /// From question to question.
    pub gather_job_timeout_secs: u64,
}

/// Signs of life of the minions at one moment.
pub type Presence = HashMap<MinionId, minions::Sign>;

/// The moment at which a timer fired.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The minions' signs of life.
    pub presence: &'a Presence,
    /// What they said of themselves.
    pub minions: &'a minions::View,
    /// When the master came up.
    pub master_start: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// Decides on a job whose timer fired.
pub fn on_timer(
    jobs: &View,
    jid: &Jid,
    moment: &Moment<'_>,
    patience: Patience,
    next_jid: &mut dyn FnMut() -> Jid,
) -> (Vec<Record>, Vec<Effect>) {
    let Some(job) = jobs.get(jid) else {
        return (Vec::new(), Vec::new());
    };
    let mut records = Vec::new();
    let mut effects = Vec::new();
    let mut to_ask = Vec::new();
    let mut to_send_again = Vec::new();
    for id in job.pending() {
        match judge(&job, id, moment, patience) {
            Verdict::Ask => to_ask.push(id.clone()),
            Verdict::SendAgain => to_send_again.push(id.clone()),
            Verdict::End(phase, why) => {
                let (jid, id) = (jid.clone(), id.clone());
                records.push(Record::MinionEnded(MinionEnded {
                    jid,
                    id,
                    phase,
                    why,
                }));
            }
        }
    }
    let to_send_again_is_empty = to_send_again.is_empty();
    if !to_send_again_is_empty {
        records.push(Record::JobSending {
            jid: jid.clone(),
            again: to_send_again.clone(),
        });
        let mut again = job.published.clone();
        let target = Target::list(&to_send_again);
        (again.tgt, again.tgt_type) = (target.tgt, target.tgt_type);
        effects.push(Effect::Send {
            job: Box::new(again),
            again: to_send_again,
        });
    }
    let is_open = !to_send_again_is_empty || !to_ask.is_empty();
    if !to_ask.is_empty() {
        let probe = probe(&job, &to_ask, next_jid());
        effects.push(Effect::Send {
            job: Box::new(probe.clone()),
            again: Vec::new(),
        });
        records.push(Record::JobPublished(probe));
    }
    if is_open {
        let at = moment.now.plus_secs(patience.gather_job_timeout_secs);
        effects.push(Effect::SetTimer {
            key: TimerKey::Probe(jid.clone()),
            at,
        });
    }
    (records, effects)
}

enum Verdict {
    Ask,
    SendAgain,
    End(MinionPhase, String),
}

fn judge(job: &Job, id: &MinionId, moment: &Moment<'_>, patience: Patience) -> Verdict {
    let Moment {
        now,
        master_start,
        presence,
        minions,
    } = *moment;
    let sign = presence.get(id);
    let is_connected = sign.is_some_and(|sign| sign.is_connected);
    if job.is_unheard(id, minions) && is_connected {
        return Verdict::SendAgain;
    }
    let absent = job.absent.get(id).copied().unwrap_or(0);
    if absent >= ABSENT_ANSWERS_MIN
        && let Some(verdict) = judge_absent(job, id, absent, minions)
    {
        return verdict;
    }
    let last_seen = sign.and_then(|sign| sign.last_seen);
    // Whoever heard a publication since the master came up had to sign in again, for the shared key
    // is new. So a minion that was not seen since cannot have a job that is younger than that: by
    // its place in the log, as the wall clock may have gone back meanwhile.
    let cannot_have_it = last_seen.is_none() && minions.is_since_start(job.cursor);
    let last_seen = last_seen.unwrap_or_default();
    // Nobody is heard while the master is down: silence counts from its start at the earliest.
    let silent_secs = now.millis_since(last_seen.max(job.at).max(master_start)) / 1000;
    let silent_secs_max = if job.published.step.is_some() {
        SILENCE_OF_STEP_MAX_SECS
    } else {
        patience.timeout_secs + patience.gather_job_timeout_secs
    };
    // A connection that is open is trusted: a busy machine may take a minute to answer a question.
    // A command's viewer has its own patience and does not wait for this verdict.
    if is_connected || silent_secs < silent_secs_max {
        return if cannot_have_it {
            Verdict::SendAgain
        } else {
            Verdict::Ask
        };
    }
    if last_seen < job.at {
        let beginning = match master_start > job.at {
            true => "master came up",
            false => "job was sent",
        };
        let why = format!("no sign of life in the {silent_secs} s since the {beginning}");
        return Verdict::End(MinionPhase::NeverSeen, why);
    }
    let why = format!("no connection, and no sign of life for {silent_secs} s");
    Verdict::End(MinionPhase::Lost, why)
}

/// Judges a minion that has the job not, by its own words.
fn judge_absent(job: &Job, id: &MinionId, absent: u32, minions: &minions::View) -> Option<Verdict> {
    if let Some(doubt) = job.doubts.get(id) {
        let said = &doubt.said;
        let why = format!("it started again before it returned ({said})");
        return Some(Verdict::End(MinionPhase::Rebooted, why));
    }
    let began = minions.get(id).and_then(minions::Minion::began);
    if job.may_have_begun(id, began) {
        let why = "it may have begun it, and has neither it nor its return".to_owned();
        let is_over = absent >= ABSENT_ANSWERS_OF_BEGUN;
        return is_over.then_some(Verdict::End(MinionPhase::Lost, why));
    }
    let sent_again = job.sent_again.get(id).copied().unwrap_or(0);
    if sent_again < SENDINGS_AGAIN_MAX {
        return Some(Verdict::SendAgain);
    }
    let why = format!(
        "it got the job {} times and has neither it nor its return",
        sent_again + 1
    );
    Some(Verdict::End(MinionPhase::Lost, why))
}

fn probe(asked: &Job, ids: &[MinionId], jid: Jid) -> JobPublished {
    let published = &asked.published;
    let is_most = ids.len() * 2 >= asked.minions.len();
    let wide = is_most.then(|| Target {
        tgt: published.tgt.clone(),
        tgt_type: published.tgt_type,
    });
    let arg = vec![Value::str(published.jid.as_str())];
    JobPublished {
        probes: Some(published.jid.clone()),
        ..JobPublished::question(jid, "saltutil.find_job", arg, ids, wide)
    }
}

/// Decides on a minion whose key was deleted or rejected: it cannot answer any more.
pub fn on_key_gone(jobs: &View, id: &MinionId, by: &str) -> Vec<Record> {
    let why = format!("its key was taken away ({by}); accept it again and retry the step");
    let open = jobs.open().filter(|job| !job.published.is_question());
    let waiting = open.filter(|job| job.pending().any(|pending| pending == id));
    let lost = waiting.map(|job| {
        Record::MinionEnded(MinionEnded {
            jid: job.published.jid.clone(),
            id: id.clone(),
            phase: MinionPhase::Lost,
            why: why.clone(),
        })
    });
    lost.collect()
}

/// Gives the timers that open jobs need after a start of the master: each is asked about once
/// minions had the time to come back.
pub fn on_master_start(jobs: &View, patience: Patience, now: Timestamp) -> Vec<Effect> {
    let at = now.plus_secs(patience.timeout_secs);
    jobs.open()
        .filter(|job| !job.published.is_question())
        .map(|job| Effect::SetTimer {
            key: TimerKey::Probe(job.published.jid.clone()),
            at,
        })
        .collect()
}

/// Decides on a publish connection that opened: open jobs are looked after soon, not at their next
/// turn. A look asks all who have not answered, so a job of a crowd is looked after less eagerly: a
/// crowd that comes back one by one would be asked over and over, and kept from answering.
pub fn on_subscriber(jobs: &View, now: Timestamp) -> Vec<Effect> {
    let open = jobs.open().filter(|job| !job.published.is_question());
    let looks = open.filter_map(|job| {
        let minions = job.minions.values();
        let waiting = minions
            .filter(|it| it.phase == MinionPhase::Waiting)
            .count() as u64;
        let millis = RECONNECTED_AFTER_MILLIS.max(waiting * RECONNECTED_AFTER_MILLIS_EACH);
        (waiting > 0).then(|| Effect::HurryTimer {
            key: TimerKey::Probe(job.published.jid.clone()),
            at: now.plus_millis(millis),
        })
    });
    looks.collect()
}
