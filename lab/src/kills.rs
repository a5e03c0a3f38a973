//! When the master is killed: moments drawn from the seed, counted from the time the run is known.

use std::time::Duration;

use crate::seed::Seed;

/// A run is taken to last this long, when its kills are drawn.
const RUN_MS: u64 = 45_000;
/// Two kills are at least this far apart: a master that never gets up proves nothing.
const GAP_MS_MIN: u64 = 700;

/// The moments still to come, the next one last.
#[derive(Debug)]
pub(crate) struct Kills {
    due: Vec<Duration>,
}

impl Kills {
    /// Draws `count` moments.
    pub(crate) fn draw(count: u32, seed: &mut Seed) -> Self {
        let gap_max = (2 * RUN_MS / u64::from(count.max(1) + 1)).max(GAP_MS_MIN + 1);
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
        let mut kills = Kills::draw(5, &mut Seed::new(3));
        assert!(!kills.take_due(Duration::ZERO));
        let mut taken = 0;
        while kills.take_due(Duration::from_secs(3600)) {
            taken += 1;
        }
        assert_eq!((taken, kills.left()), (5, 0));
    }

    #[test]
    fn a_seed_draws_the_same_moments() {
        let draw = |seed| Kills::draw(4, &mut Seed::new(seed)).due;
        assert_eq!(draw(9), draw(9));
        assert_ne!(draw(9), draw(10));
        assert!(draw(9).windows(2).all(|pair| pair[0] > pair[1]));
    }
}
