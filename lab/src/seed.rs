//! Random choices that a seed repeats: which node is late, when the master is killed.
//!
//! SplitMix64, a public-domain generator of a few lines: the lab needs repeatable variety, not
//! secrets.

/// A repeatable sequence of choices.
#[derive(Debug, Clone)]
pub(crate) struct Seed(u64);

impl Seed {
    /// Starts the sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Chooses a number in `low..high`; `low` if the range is empty.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        if high <= low {
            low
        } else {
            low + self.next() % (high - low)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_seed_repeats_its_choices_and_another_differs() {
        let choices = |seed| {
            let mut seed = Seed::new(seed);
            (0..8)
                .map(|_| seed.between(0, 1_000_000))
                .collect::<Vec<_>>()
        };
        assert_eq!(choices(7), choices(7));
        assert_ne!(choices(7), choices(8));
    }

    #[test]
    fn choices_stay_in_their_range() {
        let mut seed = Seed::new(1);
        assert!((0..1000).all(|_| (3..9).contains(&seed.between(3, 9))));
        assert_eq!(seed.between(5, 5), 5);
    }
}
