//! Counts how sign-ins and requests ended since the master started, and tells a few of them.
//!
//! A crowd of strangers must not fill the log of the master: refusals are told at most once in a
//! while, with how many there were. Counts are for operators; nothing depends on them.

use model::{MinionId, Timestamp};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Outcome;

/// Between two lines about refusals.
const LINE_PERIOD_MILLIS: u64 = 5_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// A sign-in of an accepted key, or one that was accepted.
    Accepted,
    /// A key that waits.
    Pending,
    /// A key that waits and was not kept.
    Crowded,
    /// A rejected key.
    Refused,
    /// A second key for a live id.
    Denied,
    /// A key that came with an older protocol.
    Downgraded,
    /// No room for more minions.
    Full,
    /// No key, or no id.
    Malformed,
    /// A request that came before.
    Replayed,
    /// A request that is older than `request_server_ttl` or the window of nonces.
    Stale,
}

/// Names and order of what is counted.
const NAMES: [(Counter, &str); 10] = [
    (Counter::Accepted, "accepted"),
    (Counter::Pending, "pending"),
    (Counter::Crowded, "pending and not kept"),
    (Counter::Refused, "refused"),
    (Counter::Denied, "second keys denied"),
    (Counter::Downgraded, "downgrades refused"),
    (Counter::Full, "turned away for max_minions"),
    (Counter::Malformed, "malformed"),
    (Counter::Replayed, "replays refused"),
    (Counter::Stale, "stale requests refused"),
];

/// The counts.
#[derive(Debug, Default)]
pub struct Counters {
    counts: [AtomicU64; NAMES.len()],
    line: Mutex<Option<(Timestamp, u64)>>,
}

impl Counters {
    /// Counts one more.
    pub fn add(&self, counter: Counter) {
        let index = NAMES.iter().position(|(known, _)| *known == counter);
        if let Some(count) = index.and_then(|index| self.counts.get(index)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives each name and its count.
    pub fn shown(&self) -> Vec<(String, u64)> {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let names = NAMES.iter().map(|(_, name)| (*name).to_owned());
        names.zip(counts).collect()
    }

    /// Counts a sign-in and tells it.
    pub fn signed_in(&self, outcome: Outcome, id: &MinionId, from: SocketAddr, now: Timestamp) {
        self.add(match outcome {
            Outcome::Accepted => Counter::Accepted,
            Outcome::Pending => Counter::Pending,
            Outcome::Crowded => Counter::Crowded,
            Outcome::Refused => Counter::Refused,
            Outcome::Denied => Counter::Denied,
            Outcome::Downgraded => Counter::Downgraded,
            Outcome::Full => Counter::Full,
        });
        if outcome == Outcome::Accepted {
            tracing::info!(%id, %from, "signed in");
        } else if let Some(others) = self.may_tell(now) {
            tracing::warn!(%id, %from, ?outcome, others, "not signed in; see brine enrol list");
        }
    }

    /// Says whether a line may be written now, and how many were held back since the last.
    pub fn may_tell(&self, now: Timestamp) -> Option<u64> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        match line.as_mut() {
            Some((at, held)) if now.millis_since(*at) < LINE_PERIOD_MILLIS => {
                *held = held.saturating_add(1);
                None
            }
            _ => {
                let held = line.map_or(0, |(_, held)| held);
                *line = Some((now, 0));
                Some(held)
            }
        }
    }
}
