//! What the ledger does while the store says no: it refuses at once, and tries again now and then.
//!
//! Behind a failed append the views hold a batch that never happened, and are built again from the
//! log, which may take seconds. On a disk that is full or broken the next append would fail too, so
//! no input is decided on until the log takes a probe, and nothing is tried more often than the
//! pauses allow.

use std::time::Duration;

/// From one attempt to the next; each pause is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest of them: so long the master may go on refusing after its disk is well again.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Attempts at what fails, further and further apart. The first is made at once.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// When the next may be made, by the clock that does not jump.
    next: Duration,
    pause: Duration,
}

impl Attempts {
    /// Says whether it is time for an attempt, which counts as made.
    pub(super) fn may_try(&mut self, now: Duration) -> bool {
        if now < self.next {
            return false;
        }
        self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        self.next = now.saturating_add(self.pause);
        true
    }
}

/// The time from a failed append to the next good one.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// What the store said last.
    pub(super) problem: String,
    /// A probe went well, and nothing was appended since.
    pub(super) is_probed: bool,
    /// Attempts at probes.
    pub(super) probes: Attempts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_made_at_once_and_then_further_and_further_apart() {
        let mut attempts = Attempts::default();
        let tried = (0..5_000).filter(|millis| attempts.may_try(Duration::from_millis(*millis)));
        let tried: Vec<u64> = tried.collect();
        assert_eq!(
            tried,
            [0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270, 4270]
        );
    }
}
