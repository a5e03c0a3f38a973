//! Decides on one sign-in, in the order in which python's master does.

use model::{Map, MinionId, Tag, Value};

use crate::keys::{KeyChange, KeyChanged, Phase, View};
use crate::ledger::Record;

/// One sign-in, with everything that had to be looked up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who it says it is.
    pub id: MinionId,
    /// The public key it brought, PEM text, normalised.
    pub pem: String,
    /// What the operator's files say about it.
    pub claim: Claim,
    /// Whether more minions are connected than `max_minions` allows, and this one is not among
    /// them.
    pub is_over_max: bool,
}

/// What autosign and autoreject say about a sign-in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// It matches `autoreject_file`.
    pub is_rejected: bool,
    /// It is to be accepted without asking: by which rule.
    pub signed_by: Option<String>,
}

/// What the minion is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in.
    Accepted,
    /// Its key waits for an operator.
    Pending,
    /// Its key is turned away.
    Refused,
    /// There is no room.
    Full,
}

/// Decides on a sign-in. `is_open` is the option `open_mode`.
pub fn on_attempt(keys: &View, attempt: &Attempt, is_open: bool) -> (Vec<Record>, Outcome) {
    if attempt.is_over_max {
        return told(attempt, Vec::new(), Outcome::Full, "full");
    }
    let known = keys.get(&attempt.id);
    let is_same = known.is_some_and(|key| key.pem == attempt.pem);
    let phase = known.map(|key| key.phase);
    if is_open {
        let changes = if phase == Some(Phase::Accepted) && is_same {
            Vec::new()
        } else {
            vec![change(attempt, KeyChange::Accepted, "open_mode")]
        };
        return told(attempt, changes, Outcome::Accepted, "accept");
    }
    match phase {
        Some(Phase::Rejected) => told(attempt, Vec::new(), Outcome::Refused, "reject"),
        Some(Phase::Accepted) if is_same => told(attempt, Vec::new(), Outcome::Accepted, "accept"),
        Some(Phase::Accepted) => denied(keys, attempt),
        Some(Phase::Pending) if attempt.claim.is_rejected => {
            let changes = vec![change(attempt, KeyChange::Rejected, "autosign")];
            told(attempt, changes, Outcome::Refused, "reject")
        }
        Some(Phase::Pending) if !is_same => denied(keys, attempt),
        Some(Phase::Pending) => on_new(attempt, false),
        None => on_new(attempt, true),
    }
}

fn on_new(attempt: &Attempt, is_unknown: bool) -> (Vec<Record>, Outcome) {
    if attempt.claim.is_rejected {
        let changes = vec![change(attempt, KeyChange::Rejected, "autosign")];
        return told(attempt, changes, Outcome::Refused, "reject");
    }
    if attempt.claim.signed_by.is_some() {
        let changes = vec![change(attempt, KeyChange::Accepted, "autosign")];
        return told(attempt, changes, Outcome::Accepted, "accept");
    }
    let changes = if is_unknown {
        vec![change(attempt, KeyChange::Pended, "minion")]
    } else {
        Vec::new()
    };
    told(attempt, changes, Outcome::Pending, "pend")
}

/// A second key for a live id: the first is untouched, the second is kept for the operator to see.
fn denied(keys: &View, attempt: &Attempt) -> (Vec<Record>, Outcome) {
    let is_known = keys.denied(&attempt.id) == Some(attempt.pem.as_str());
    let changes = if is_known {
        Vec::new()
    } else {
        vec![change(attempt, KeyChange::Denied, "minion")]
    };
    told(attempt, changes, Outcome::Refused, "denied")
}

fn change(attempt: &Attempt, change: KeyChange, by: &str) -> KeyChanged {
    KeyChanged {
        id: attempt.id.clone(),
        change,
        pem: attempt.pem.clone(),
        by: by.to_owned(),
    }
}

fn told(
    attempt: &Attempt,
    changes: Vec<KeyChanged>,
    outcome: Outcome,
    act: &str,
) -> (Vec<Record>, Outcome) {
    let mut data = Map::from([
        (
            "result",
            Value::Bool(matches!(outcome, Outcome::Accepted | Outcome::Pending)),
        ),
        ("act", Value::str(act)),
        ("id", Value::str(attempt.id.as_str())),
        ("pub", Value::str(&attempt.pem)),
    ]);
    if let Some(rule) = &attempt.claim.signed_by {
        data.insert("autosigned_by", rule);
    }
    let mut records: Vec<Record> = changes.into_iter().map(Record::KeyChanged).collect();
    records.push(Record::Event {
        tag: Tag::new("salt/auth"),
        data,
    });
    (records, outcome)
}
