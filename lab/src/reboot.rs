//! Who comes back before the wait begins, and who after it: the plan for `--reboot`.
//!
//! The wait begins when every node's install has returned. So a node is early if another's install
//! is held back until it is there again, and late if it stays off long enough. The last install to
//! return can never be early.

use crate::flags::Comeback;
use crate::seed::Seed;

/// A machine that is to be early is off only for a moment.
const EARLY_OFF_MS: u64 = 500;
/// A machine that is to be late is off this long: more than a master needs to begin the wait.
const LATE_OFF_MS: u64 = 12_000;

/// One node's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The install does not return before every early node is back.
    pub(crate) is_held: bool,
    /// The node is back before a held one returns.
    pub(crate) is_early: bool,
    /// How long the machine is off.
    pub(crate) off_ms: u64,
}

/// Gives each node its part.
pub(crate) fn plan(comeback: Comeback, nodes: usize, seed: &mut Seed) -> Vec<Part> {
    let early = Part {
        is_held: false,
        is_early: true,
        off_ms: EARLY_OFF_MS,
    };
    let late = Part {
        is_held: false,
        is_early: false,
        off_ms: LATE_OFF_MS,
    };
    let mut parts = match comeback {
        Comeback::Late => return vec![late; nodes],
        Comeback::Early => vec![early; nodes],
        Comeback::Mixed | Comeback::Random => (0..nodes)
            .map(|_| if seed.between(0, 2) == 0 { early } else { late })
            .collect(),
    };
    let last = usize::try_from(seed.between(0, nodes as u64)).unwrap_or(0);
    let off_ms = if comeback == Comeback::Early {
        EARLY_OFF_MS
    } else {
        LATE_OFF_MS
    };
    parts[last] = Part {
        is_held: nodes > 1,
        is_early: false,
        off_ms,
    };
    if comeback == Comeback::Mixed && nodes > 1 && !parts.contains(&early) {
        parts[(last + 1) % nodes] = early;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(parts: &[Part], test: impl Fn(&Part) -> bool) -> usize {
        parts.iter().filter(|part| test(part)).count()
    }

    #[test]
    fn early_holds_one_node_back_for_all_others() {
        for seed in 0..20 {
            let parts = plan(Comeback::Early, 4, &mut Seed::new(seed));
            assert_eq!(
                (count(&parts, |p| p.is_held), count(&parts, |p| p.is_early)),
                (1, 3)
            );
        }
    }

    #[test]
    fn mixed_has_early_and_late_ones_whatever_the_seed() {
        for seed in 0..50 {
            let parts = plan(Comeback::Mixed, 2, &mut Seed::new(seed));
            assert_eq!(
                (
                    count(&parts, |p| p.is_early),
                    count(&parts, |p| p.off_ms == LATE_OFF_MS)
                ),
                (1, 1)
            );
        }
    }

    #[test]
    fn late_and_a_single_node_hold_nobody() {
        assert_eq!(
            count(&plan(Comeback::Late, 3, &mut Seed::new(1)), |p| p.is_held),
            0
        );
        assert_eq!(
            count(&plan(Comeback::Early, 1, &mut Seed::new(1)), |p| p.is_held),
            0
        );
    }
}
