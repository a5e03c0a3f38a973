//! Decides on one sign-in, in the order in which python's master does.

use minion_protocol::crypt::fingerprint;
use model::{Map, MinionId, Tag, Timestamp, Value};

use crate::enrolment::clauses::{Candidate, judge};
use crate::enrolment::{
    self, Decided, EnrolmentRecord, Evidence, Failed, Judgement, Terms, Verdict,
};
use crate::keys::{Key, KeyChange, KeyChanged, Phase, View};
use crate::ledger::Record;

/// After this long a second key for the same id is recorded again; in between it is refused and
/// counted only, or a stranger could fill the log with it.
const ALARM_AGAIN_MILLIS: u64 = 60_000;

/// One sign-in, with everything that had to be looked up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who it says it is.
    pub id: MinionId,
    /// The public key it brought, PEM text, normalised.
    pub pem: String,
    /// The protocol it speaks.
    pub version: u8,
    /// The address it comes from.
    pub from: String,
    /// What the operator's files say about it.
    pub claim: Claim,
    /// Whether more minions are connected than `max_minions` allows, and this one is not among
    /// them.
    pub is_over_max: bool,
    /// Whether the minion of the accepted key has shown no sign of life for a while.
    pub is_old_gone: bool,
}

impl Attempt {
    /// Gives the fingerprint of the key that it brought: few sign-ins need it.
    fn fingerprint(&self) -> String {
        fingerprint(&self.pem)
    }
}

/// What autosign, autoreject and the clauses of enrolment say about a sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// It matches `autoreject_file`.
    pub is_rejected: bool,
    /// It is to be accepted without asking: by which rule.
    pub signed_by: Option<String>,
    /// Under `enrolment: policy`: what was looked up.
    pub evidence: Option<Evidence>,
}

/// What the minion is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in.
    Accepted,
    /// Its key waits for an operator.
    Pending,
    /// Its key waits and is not even kept: too many do.
    Crowded,
    /// Its key is turned away.
    Refused,
    /// A second key for a live id is turned away.
    Denied,
    /// It speaks an older protocol than this key has spoken.
    Downgraded,
    /// There is no room.
    Full,
}

/// What a decision on a sign-in depends on besides the sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The keys.
    pub keys: &'a View,
    /// Windows, claims and alarms.
    pub enrolment: &'a enrolment::View,
    /// The options of enrolment.
    pub terms: &'a Terms,
    /// Option `open_mode`.
    pub is_open: bool,
    /// The time.
    pub now: Timestamp,
}

/// What follows from a sign-in: changes, what the bus is told, what the minion is told.
type Told = (Vec<Record>, Outcome);

/// Decides on a sign-in.
pub fn on_attempt(known: Known<'_>, attempt: &Attempt) -> Told {
    if attempt.is_over_max {
        return told(attempt, Vec::new(), Outcome::Full, &[]);
    }
    let key = known.keys.get(&attempt.id);
    let is_same = key.is_some_and(|key| key.pem == attempt.pem);
    if let Some(key) = key.filter(|_| is_same)
        && key.phase == Phase::Accepted
        && key.version > attempt.version
    {
        return downgraded(known, attempt, key);
    }
    let phase = key.map(|key| key.phase);
    if known.is_open {
        let changes = if phase == Some(Phase::Accepted) && is_same {
            Vec::new()
        } else {
            vec![change(attempt, KeyChange::Accepted, "open_mode")]
        };
        return told(attempt, changes, Outcome::Accepted, &[]);
    }
    match phase {
        Some(Phase::Rejected) => told(attempt, Vec::new(), Outcome::Refused, &[]),
        Some(Phase::Accepted) if is_same => told(attempt, Vec::new(), Outcome::Accepted, &[]),
        Some(Phase::Accepted) => on_second_key(known, attempt),
        Some(Phase::Pending) if attempt.claim.is_rejected => rejected(attempt),
        Some(Phase::Pending) if !is_same => on_other_pending(known, attempt),
        Some(Phase::Pending) | None => on_new(known, attempt),
    }
}

fn rejected(attempt: &Attempt) -> Told {
    let changes = vec![change(attempt, KeyChange::Rejected, "autosign")];
    told(attempt, changes, Outcome::Refused, &[])
}

/// A key that nobody decided on yet.
fn on_new(known: Known<'_>, attempt: &Attempt) -> Told {
    if attempt.claim.is_rejected {
        return rejected(attempt);
    }
    if attempt.claim.signed_by.is_some() {
        let changes = vec![change(attempt, KeyChange::Accepted, "autosign")];
        return told(attempt, changes, Outcome::Accepted, &[]);
    }
    let judged = attempt
        .claim
        .evidence
        .as_ref()
        .map(|evidence| judged(known, attempt, evidence, false));
    match judged {
        Some(judgement) if judgement.failed.is_empty() => enrolled(attempt, judgement),
        judged => pended(known, attempt, judged.unwrap_or_default().failed),
    }
}

/// A pending key has no rights yet: under the policy one that every clause holds for takes its
/// place, so that a stranger who was faster cannot keep a node out. Else it is denied, as in Salt.
fn on_other_pending(known: Known<'_>, attempt: &Attempt) -> Told {
    let judged = attempt
        .claim
        .evidence
        .as_ref()
        .map(|evidence| judged(known, attempt, evidence, false));
    match judged {
        Some(judgement) if judgement.failed.is_empty() => enrolled(attempt, judgement),
        judged => {
            let mut failed = vec![Failed::new("live", "another key of this id waits already")];
            failed.extend(judged.unwrap_or_default().failed);
            denied(known, attempt, failed)
        }
    }
}

/// A second key for a live id: it takes the place of the first where the policy allows it and the
/// first is gone; else the first is untouched, and the second kept for the operator to see.
fn on_second_key(known: Known<'_>, attempt: &Attempt) -> Told {
    let evidence = attempt.claim.evidence.as_ref();
    let Some(evidence) = evidence.filter(|_| may_rebuild(known, &attempt.id)) else {
        let why = "another key of this id is accepted; to replace it: salt-key -d, or brine enrol \
                   open --rebuild";
        return denied(known, attempt, vec![Failed::new("live", why)]);
    };
    let judgement = judged(known, attempt, evidence, true);
    if !judgement.failed.is_empty() {
        let mut failed = vec![Failed::new("live", "another key of this id is accepted")];
        failed.extend(judgement.failed);
        return denied(known, attempt, failed);
    }
    if !attempt.is_old_gone {
        let why = "the connection of the accepted key is open, or was until now";
        let failed = vec![Failed::new("live", why)];
        let records = waits(known, attempt, &failed);
        return told(attempt, records, Outcome::Pending, &failed);
    }
    let deleted = KeyChanged {
        pem: String::new(),
        ..key_changed(attempt, KeyChange::Deleted, "enrolment")
    };
    let records = vec![
        Record::KeyChanged(deleted),
        change(attempt, KeyChange::Accepted, "enrolment"),
        decided(attempt, Verdict::Replaced, judgement),
    ];
    told(attempt, records, Outcome::Accepted, &[])
}

fn may_rebuild(known: Known<'_>, id: &MinionId) -> bool {
    let is_open = || {
        let windows = known.enrolment.open_for(id, known.now);
        windows.iter().any(|opened| opened.window.is_for_rebuilds)
    };
    known.terms.allows_rebuild || is_open()
}

fn judged(known: Known<'_>, attempt: &Attempt, evidence: &Evidence, is_rebuild: bool) -> Judgement {
    let candidate = Candidate {
        id: &attempt.id,
        from: &attempt.from,
        is_rebuild,
        accepted: known.keys.accepted().count(),
    };
    judge(known.enrolment, known.terms, candidate, evidence, known.now)
}

fn enrolled(attempt: &Attempt, judgement: Judgement) -> Told {
    let records = vec![
        change(attempt, KeyChange::Accepted, "autosign"),
        decided(attempt, Verdict::Enrolled, judgement),
    ];
    told(attempt, records, Outcome::Accepted, &[])
}

fn pended(known: Known<'_>, attempt: &Attempt, failed: Vec<Failed>) -> Told {
    let mut records = Vec::new();
    if known.keys.get(&attempt.id).is_none() {
        let max = known.terms.pending_max;
        if max > 0 && known.keys.in_phase(Phase::Pending).count() as u64 >= max {
            // Nothing is kept of it, or strangers could fill the disk.
            return (Vec::new(), Outcome::Crowded);
        }
        records.push(change(attempt, KeyChange::Pended, "minion"));
    }
    if !failed.is_empty() {
        records.extend(waits(known, attempt, &failed));
    }
    told(attempt, records, Outcome::Pending, &failed)
}

/// Records that a key waits and why, once for each reason.
fn waits(known: Known<'_>, attempt: &Attempt, failed: &[Failed]) -> Vec<Record> {
    let is_known = known.enrolment.waiting(&attempt.id).is_some_and(|waiting| {
        waiting.failed == failed && waiting.fingerprint == attempt.fingerprint()
    });
    if is_known {
        return Vec::new();
    }
    let judgement = Judgement {
        failed: failed.to_vec(),
        ..Judgement::default()
    };
    vec![decided(attempt, Verdict::Waits, judgement)]
}

fn denied(known: Known<'_>, attempt: &Attempt, failed: Vec<Failed>) -> Told {
    let mut records = Vec::new();
    if is_alarm_due(known, attempt, Verdict::SecondKey) {
        if known.keys.denied(&attempt.id) != Some(attempt.pem.as_str()) {
            records.push(change(attempt, KeyChange::Denied, "minion"));
        }
        let judgement = Judgement {
            failed: failed.clone(),
            ..Judgement::default()
        };
        records.push(decided(attempt, Verdict::SecondKey, judgement));
        return told(attempt, records, Outcome::Denied, &failed);
    }
    (records, Outcome::Denied)
}

fn downgraded(known: Known<'_>, attempt: &Attempt, key: &Key) -> Told {
    if !is_alarm_due(known, attempt, Verdict::Downgraded) {
        return (Vec::new(), Outcome::Downgraded);
    }
    let why = format!(
        "it came with protocol {}, this key has spoken {}; if its minion was downgraded: salt-key \
         --reset-version {}",
        attempt.version, key.version, attempt.id
    );
    let failed = vec![Failed::new("version", why)];
    let judgement = Judgement {
        failed: failed.clone(),
        ..Judgement::default()
    };
    let records = vec![decided(attempt, Verdict::Downgraded, judgement)];
    told(attempt, records, Outcome::Downgraded, &failed)
}

fn is_alarm_due(known: Known<'_>, attempt: &Attempt, verdict: Verdict) -> bool {
    !known.enrolment.alarm_of(&attempt.id).is_some_and(|alarm| {
        alarm.verdict == verdict && known.now.millis_since(alarm.at) < ALARM_AGAIN_MILLIS
    })
}

fn decided(attempt: &Attempt, verdict: Verdict, judgement: Judgement) -> Record {
    Record::Enrolment(EnrolmentRecord::Decided(Decided {
        id: attempt.id.clone(),
        fingerprint: attempt.fingerprint(),
        from: attempt.from.clone(),
        verdict,
        failed: judgement.failed,
        claims: judgement.claims,
        window: judgement.window,
    }))
}

fn change(attempt: &Attempt, change: KeyChange, by: &str) -> Record {
    Record::KeyChanged(key_changed(attempt, change, by))
}

fn key_changed(attempt: &Attempt, change: KeyChange, by: &str) -> KeyChanged {
    KeyChanged {
        id: attempt.id.clone(),
        change,
        pem: attempt.pem.clone(),
        by: by.to_owned(),
    }
}

/// Adds the `salt/auth` event.
fn told(attempt: &Attempt, mut records: Vec<Record>, outcome: Outcome, failed: &[Failed]) -> Told {
    let act = match outcome {
        Outcome::Accepted => "accept",
        Outcome::Pending | Outcome::Crowded => "pend",
        Outcome::Refused => "reject",
        Outcome::Denied => "denied",
        Outcome::Downgraded => "error",
        Outcome::Full => "full",
    };
    let is_good = matches!(outcome, Outcome::Accepted | Outcome::Pending);
    let mut data = Map::from([
        ("result", Value::Bool(is_good)),
        ("act", Value::str(act)),
        ("id", Value::str(attempt.id.as_str())),
        ("pub", Value::str(&attempt.pem)),
    ]);
    if let Some(rule) = &attempt.claim.signed_by {
        data.insert("autosigned_by", rule);
    }
    if !failed.is_empty() {
        data.insert("failed", enrolment::shown(failed));
    }
    records.push(Record::Event {
        tag: Tag::new("salt/auth"),
        data,
    });
    (records, outcome)
}
