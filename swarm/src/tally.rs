//! Counts what became of requests, and how long each took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::minion::Failure;
use crate::peer::Broken;

/// What one task, or all of them together, has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    micros: Vec<u32>,
    errors: BTreeMap<&'static str, u64>,
    /// One message for each kind of error, to show.
    examples: BTreeMap<&'static str, String>,
}

impl Tally {
    /// Counts one request.
    pub(crate) fn count<T>(&mut self, took: Duration, result: &Result<T, Failure>) {
        match result {
            Ok(_) => self.good(took),
            Err(failure) => self.bad(kind(failure), &failure.to_string()),
        }
    }

    /// Counts a good answer.
    pub(crate) fn good(&mut self, took: Duration) {
        self.micros
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Counts something that went wrong.
    pub(crate) fn bad(&mut self, kind: &'static str, example: &str) {
        *self.errors.entry(kind).or_default() += 1;
        self.examples
            .entry(kind)
            .or_insert_with(|| example.to_owned());
    }

    /// Adds another's counts.
    pub(crate) fn add(&mut self, other: Tally) {
        self.micros.extend(other.micros);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        for (kind, example) in other.examples {
            self.examples.entry(kind).or_insert(example);
        }
    }

    /// How many good answers there were.
    pub(crate) fn good_count(&self) -> usize {
        self.micros.len()
    }

    /// How many requests went wrong.
    pub(crate) fn bad_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Gives the counts, the rate and the latencies.
    pub(crate) fn report(&mut self, seconds: f64) -> Value {
        self.micros.sort_unstable();
        let count = self.micros.len();
        json!({
            "done": count,
            "errors": self.errors,
            "examples": self.examples,
            "seconds": seconds,
            "rate": if seconds > 0.0 { count as f64 / seconds } else { 0.0 },
            "latency_ms": {
                "p50": self.millis(0.5),
                "p99": self.millis(0.99),
                "p999": self.millis(0.999),
                "max": self.millis(1.0),
            },
        })
    }

    /// The latency that this share of the requests did not exceed (nearest rank); the counts must
    /// be sorted.
    fn millis(&self, share: f64) -> Option<f64> {
        let rank = (share * self.micros.len() as f64).ceil() as usize;
        let micros = self.micros.get(rank.checked_sub(1)?)?;
        Some(f64::from(*micros) / 1000.0)
    }
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::TimedOut => "timed_out",
        Failure::Io(_) => "connection",
        Failure::Broken(Broken::Word(_)) => "refused",
        Failure::Broken(Broken::Check(_)) => "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut tally = Tally::default();
        for millis in 1..=100 {
            tally.good(Duration::from_millis(millis));
        }
        let report = tally.report(2.0);
        assert_eq!(report["rate"], 50.0);
        assert_eq!(report["latency_ms"]["p50"], 50.0);
        assert_eq!(report["latency_ms"]["p99"], 99.0);
        assert_eq!(report["latency_ms"]["max"], 100.0);
    }

    #[test]
    fn nothing_done_has_no_latency() {
        let report = Tally::default().report(0.0);
        assert_eq!(report["latency_ms"]["p50"], Value::Null);
    }
}
