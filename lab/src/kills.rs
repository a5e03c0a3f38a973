//! When the master is killed: moments drawn from the seed, counted from the time the run is known.

use std::time::Duration;

use crate::seed::Seed;

/// What a run takes beside the longest time that a machine is off, in milliseconds: as short as
/// one was seen, so that most kills come before its end.
const BARE_RUN_MS: u64 = 7_000;
/// Two kills are at least this far apart: a master that never gets up proves nothing.
const GAP_MS_MIN: u64 = 700;

/// The moments still to come, the next one last.
#[derive(Debug)]
pub(crate) struct Kills {
    due: Vec<Duration>,
}

impl Kills {
    /// Draws `count` moments of a run whose machines are off for `off_ms` at most.
    pub(crate) fn draw(count: u32, off_ms: u64, seed: &mut Seed) -> Self {
        let run_ms = BARE_RUN_MS.saturating_add(off_ms);
        let gap_max = run_ms.saturating_mul(2) / u64::from(count.saturating_add(1));
        let gap_max = gap_max.min(run_ms).max(GAP_MS_MIN + 1);
        let mut at = 0;
        let mut due: Vec<_> = (0..count)
            .map(|_| {
                at += seed.between(GAP_MS_MIN, gap_max);
                Duration::from_millis(at)
            })
            .collect();
        due.reverse();
        Self { due }
    }

    /// Takes the next moment if it has come.
    pub(crate) fn take_due(&mut self, elapsed: Duration) -> bool {
        let is_due = self.due.last().is_some_and(|next| *next <= elapsed);
        if is_due {
            self.due.pop();
        }
        is_due
    }

    /// How many are left.
    pub(crate) fn left(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drawn_moment_comes_once_and_in_order() {
        let mut kills = Kills::draw(5, 12_000, &mut Seed::new(3));
        assert!(!kills.take_due(Duration::ZERO));
        let mut taken = 0;
        while kills.take_due(Duration::from_secs(3600)) {
            taken += 1;
        }
        assert_eq!((taken, kills.left()), (5, 0));
    }

    #[test]
    fn one_kill_comes_before_the_shortest_end() {
        for seed in 0..1000 {
            let kills = Kills::draw(1, 500, &mut Seed::new(seed));
            assert!(kills.due[0] < Duration::from_millis(7_500), "{kills:?}");
        }
    }

    #[test]
    fn a_seed_draws_the_same_moments() {
        let draw = |seed| Kills::draw(4, 500, &mut Seed::new(seed)).due;
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
        assert!(draw(9).windows(2).all(|pair| pair[0] > pair[1]));
    }
}
