//! The simulator in the suite: many seeds, the seeds of bugs that were found, and the proof that it
//! can fail.

use super::{Scenario, Verdict, run};

fn must_be_good(verdict: &Verdict) {
    assert!(
        verdict.is_good(),
        "seed {}: {:#?}\nrepeat it: cargo run --release -p tests --bin simulate -- --seed {} --trace",
        verdict.seed,
        verdict.violations,
        verdict.seed
    );
}

#[test]
fn a_world_without_faults_ends_well() {
    for seed in 0..20 {
        let scenario = Scenario {
            faults: super::Faults::Drawn(0..=0),
            ..Scenario::default()
        };
        let verdict = run(seed, &scenario);
        must_be_good(&verdict);
        assert_eq!(
            verdict.phase,
            Some(model::api::RunPhase::Succeeded),
            "{verdict:?}"
        );
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let scenario = Scenario::default();
        let (one, other) = (run(seed, &scenario), run(seed, &scenario));
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.happened, other.happened, "seed {seed}");
    }
}
