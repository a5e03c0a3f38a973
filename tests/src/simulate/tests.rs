//! The simulator in the suite: many seeds, the scenarios of bugs that were found, and the proof
//! that it can fail.

use std::sync::atomic::{AtomicU64, Ordering};

use model::api::RunPhase;

use super::fault::{Death, Fault, Moment};
use super::{Faults, Mutation, Orchestration, Scenario, Verdict, run};

/// Seeds of `orch.kubic` that a suite plays on every run.
const SEEDS: u64 = 2_000;

/// Seeds of each of the errands.
const SEEDS_OF_ERRANDS: u64 = 150;

/// Machines of a large world.
const MANY_NODES: usize = 200;

/// Seeds after which a mutation must have been caught.
const SEEDS_OF_A_MUTATION: u64 = 40;

fn must_be_good(verdict: &Verdict) {
    assert!(
        verdict.is_good(),
        "seed {}: {:#?}\nrepeat it: cargo run --release -p tests --bin simulate -- --seed {} \
         --trace",
        verdict.seed,
        verdict.violations,
        verdict.seed
    );
}

/// Plays a scenario with so many seeds, on every core.
fn play(seeds: u64, scenario: &Scenario) -> Vec<Verdict> {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let one = || {
        let mut played = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return played;
            }
            played.push(run(seed, scenario));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        let played = threads.into_iter().map(|thread| thread.join());
        played
            .flat_map(|played| played.expect("no seed panics"))
            .collect()
    })
}

/// Plays given faults with some seeds: each must succeed.
fn must_succeed(faults: &[Fault]) {
    let scenario = Scenario {
        nodes: Some(2),
        faults: Faults::Given(faults.to_vec()),
        ..Scenario::default()
    };
    for verdict in play(12, &scenario) {
        must_be_good(&verdict);
        let phase = verdict.phase;
        assert_eq!(phase, Some(RunPhase::Succeeded), "{faults:?} {verdict:?}");
    }
}

#[test]
fn a_world_without_faults_ends_well() {
    must_succeed(&[]);
}

#[test]
fn a_seed_replays_exactly() {
    let scenario = Scenario::default();
    for seed in 0..20 {
        let (one, other) = (run(seed, &scenario), run(seed, &scenario));
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.happened, other.happened, "seed {seed}");
    }
}

#[test]
fn seeds_end_well() {
    let played = play(SEEDS, &Scenario::default());
    assert_eq!(played.len() as u64, SEEDS);
    played.iter().for_each(must_be_good);
}

/// Approvals, parallel steps, nested runs, retries, blocks, `salt.reboot`; called off now and then.
#[test]
fn errands_end_well() {
    for orchestration in [Orchestration::Errands, Orchestration::ErrandsThatFail] {
        let scenario = Scenario {
            orchestration,
            ..Scenario::default()
        };
        play(SEEDS_OF_ERRANDS, &scenario)
            .iter()
            .for_each(must_be_good);
    }
}

/// Start events that are lost for good or said once too often, approvals that are refused.
#[test]
fn later_faults_end_well() {
    for orchestration in Orchestration::ALL {
        let scenario = Scenario {
            orchestration,
            has_later_faults: true,
            ..Scenario::default()
        };
        play(SEEDS_OF_ERRANDS, &scenario)
            .iter()
            .for_each(must_be_good);
    }
}

/// What waits for the start gets one that the master makes up.
#[test]
fn a_start_event_that_is_lost_for_good_is_made_up() {
    let mute = |node| Fault::MuteStart { at: 1_000, node };
    must_succeed(&[mute(0), mute(1)]);
}

#[test]
fn a_run_of_many_machines_ends_well() {
    let scenario = Scenario {
        nodes: Some(MANY_NODES),
        ..Scenario::default()
    };
    play(2, &scenario).iter().for_each(must_be_good);
}

/// So often the master dies in an append, where that is what a mutation takes.
const DEATHS_IN_APPENDS: u64 = 6;

fn death_in_append(number: u64) -> Fault {
    Fault::Kill {
        moment: Moment::Append(9 * number),
        death: Death::Torn,
        down_ms: 1_000,
    }
}

/// So often the disk gives errors, where that is what a mutation takes.
const BAD_TIMES_OF_THE_DISK: u64 = 4;

fn bad_time(number: u64) -> Fault {
    Fault::Eio {
        at: 12_000 * number,
        for_ms: 4_000,
    }
}

/// Where a mutation must show.
fn scenario_of(mutation: Mutation) -> Scenario {
    match mutation {
        // What asks minions is set again by connections that open and by questions about boots,
        // and that is enough for jobs. The pause before a retry is set by nothing else: the master
        // comes up in the middle of one.
        Mutation::ForgetsTimers | Mutation::ForgetsRuns => Scenario {
            orchestration: Orchestration::Errands,
            faults: Faults::Given(vec![Fault::Kill {
                moment: Moment::At(30_000),
                death: Death::Anywhere,
                down_ms: 1_000,
            }]),
            ..Scenario::default()
        },
        Mutation::ForgetsFrom => Scenario {
            orchestration: Orchestration::ErrandsThatFail,
            ..Scenario::default()
        },
        // One that dies in its appends, time and again: few of those that are drawn do.
        Mutation::AcknowledgesEarly | Mutation::TearsBatches => Scenario {
            faults: Faults::Given((1..=DEATHS_IN_APPENDS).map(death_in_append).collect()),
            ..Scenario::default()
        },
        Mutation::IgnoresErrors => Scenario {
            faults: Faults::Given((1..=BAD_TIMES_OF_THE_DISK).map(bad_time).collect()),
            ..Scenario::default()
        },
        _ => Scenario::default(),
    }
}

#[test]
fn the_oracle_can_fail() {
    for mutation in Mutation::ALL {
        let honest = scenario_of(mutation);
        let scenario = Scenario {
            mutation: Some(mutation),
            ..honest.clone()
        };
        let caught = (0..SEEDS_OF_A_MUTATION).find(|seed| !run(*seed, &scenario).is_good());
        let caught = caught.unwrap_or_else(|| panic!("{mutation:?} was not caught"));
        // It is the mutation that is caught, not the world.
        must_be_good(&run(caught, &honest));
    }
}

/// Found by seeds 120 and 158.
#[test]
fn a_clock_that_jumps_ends_no_wait() {
    for by_ms in [2_978_569, 80_528_827, -3_600_000, -86_400_000] {
        for at in [14_000, 40_000, 80_000] {
            must_succeed(&[Fault::Clock { at, by_ms }]);
        }
    }
}

/// The outage hides the jump from the steady clock. What went out before it looked younger than the
/// master's start, so that nobody could have heard it, and was sent again: an install ran twice.
#[test]
fn a_clock_that_jumps_while_the_master_is_down_ends_no_wait() {
    for by_ms in [3_600_000, -3_600_000] {
        let kill = Fault::Kill {
            moment: Moment::At(30_000),
            death: Death::Anywhere,
            down_ms: 10_000,
        };
        must_succeed(&[kill, Fault::Clock { at: 35_000, by_ms }]);
    }
}

/// Found by seed 157: the start event of a machine ended a job that the machine never heard.
#[test]
fn a_job_that_was_sent_to_a_machine_that_boots_is_sent_again() {
    let scenario = Scenario {
        nodes: Some(2),
        ..Scenario::default()
    };
    // Somewhere in these moments the second machine is away when its next job goes out.
    for at in (90_000..200_000).step_by(10_000) {
        let reboot = Fault::Reboot {
            at,
            node: 1,
            off_ms: 2_793,
            is_twice: false,
        };
        let faults = Faults::Given(vec![reboot]);
        let scenario = Scenario {
            faults,
            ..scenario.clone()
        };
        play(8, &scenario).iter().for_each(must_be_good);
    }
}

/// What these seeds found stays found.
fn stay_good(seeds: &[u64]) {
    for seed in seeds {
        must_be_good(&run(*seed, &Scenario::default()));
    }
}

/// The start event of a machine was late, and the job that its reboot had ended went to it again.
#[test]
fn a_job_does_not_go_to_a_process_that_may_have_started_since() {
    stay_good(&[467, 624, 1056, 1250, 1438, 1545]);
}

/// A timer that ran out while the disk was full was gone, and the run waited for ever.
#[test]
fn what_a_bad_disk_did_not_record_is_told_again() {
    stay_good(&[2346, 3398, 4956]);
}

/// The minion was connected, but had not spoken since the master started: it heard the job.
#[test]
fn a_connection_that_nobody_is_known_by_may_hear() {
    stay_good(&[605, 2082]);
}

/// A job that went out twice was taken for one of the new boot, and a second restart waited for.
#[test]
fn a_new_boot_ends_what_was_sent_again_before_it() {
    stay_good(&[402, 1631, 1878, 2725]);
}

/// The clock went back between a sign-in and the question after its boot: nobody asked any more.
#[test]
fn a_clock_that_jumps_does_not_put_off_the_question_after_a_boot() {
    stay_good(&[709, 4342]);
}

/// The request for the pillar was lost, and told again when the job had gone out to its process.
#[test]
fn who_did_not_sign_in_since_is_the_same_process() {
    stay_good(&[2539]);
}

/// The answer to a start event was lost; told again, it was taken for a reboot.
#[test]
fn a_start_that_is_told_twice_is_one() {
    stay_good(&[1936]);
}

/// What was seen at work had heard the job, whatever was thought when it went out.
#[test]
fn what_was_seen_at_work_does_not_get_the_job_again() {
    stay_good(&[66550]);
}

/// Behind one address a minion heard unseen, signed in to read the job, and restarted: it was wiped
/// twice.
#[test]
fn a_job_does_not_go_again_to_who_heard_it_unseen() {
    stay_good(&[24138, 103262, 116435]);
}

/// The clock went back, and the master was down before it noticed: jobs went out again, and ran.
#[test]
fn what_is_younger_is_told_by_its_place_in_the_log() {
    stay_good(&[21548, 47774, 50600, 62970, 69384, 71647]);
}

/// The world knew no reason: a job was on its way into a cut when its machine went down.
#[test]
fn what_is_on_its_way_to_a_machine_that_goes_down_may_be_lost() {
    stay_good(&[5984, 16259, 74271, 85147]);
}

/// The world knew no reason: the master died before it sent a job again, or the process was still
/// starting when a neighbour's connection was taken for its own.
#[test]
fn what_a_starting_process_may_have_had_may_be_lost() {
    stay_good(&[38152, 51543, 60669, 64451]);
}

/// The operator waited for the start event of a first boot, and that was lost for good.
#[test]
fn a_first_start_event_may_be_lost_for_good() {
    stay_good(&[90853, 97653]);
}

/// The master died before it knew whether the job had gone out, and so the new boot did not end it:
/// the step took that boot for the one to differ from.
#[test]
fn a_new_boot_ends_what_may_have_gone_out() {
    stay_good(&[101011, 110661]);
}

/// The world knew no reason: the master died just after it recorded that the run is called off.
#[test]
fn a_run_may_be_called_off_by_who_was_not_told() {
    let scenario = Scenario {
        orchestration: Orchestration::ErrandsThatFail,
        ..Scenario::default()
    };
    must_be_good(&run(11599, &scenario));
}
