//! Kills while jobs are published and returned.

use std::collections::BTreeSet;

use minion_protocol::Version;
use tests::random::Random;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

/// How often the master dies at least.
const KILLS: usize = 8;
/// So much must have been acknowledged, or it was no drill: a slow machine needs more kills for it.
const ACKNOWLEDGED_MIN: usize = 11;
/// Within so many milliseconds of its start.
const LIFE_MILLIS: std::ops::Range<u64> = 50..700;

/// A short pause between questions, or each job that a kill swallowed would take a quarter of a
/// minute to be found out. Both together are how long a minion may stay away before its job ends
/// without it, and that must suffice on the slowest machine: the first look comes with a connection
/// anyway.
const CONFIG: &str = "auto_accept: True\ntimeout: 600\ngather_job_timeout: 1";

#[test]
fn no_acknowledged_job_or_return_is_lost_and_none_runs_twice() {
    let (seed, mut random) = Random::seeded(1);
    eprintln!("seed {seed}");
    let mut master = TestMaster::start_with(CONFIG);
    let workers = [Version::V0, Version::V2, Version::V3]
        .map(|version| Worker::start(&format!("v{}", version.number()), version, master.ports()));
    let mut published = BTreeSet::new();
    let mut kills = 0;
    while kills < KILLS || published.len() < ACKNOWLEDGED_MIN {
        kills += 1;
        let life = random.within(LIFE_MILLIS);
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publish_until_killed(&master));
            wait::pause(life);
            master.kill_now();
            published.extend(
                publishing
                    .join()
                    .expect("the publisher ends with the master"),
            );
        });
        master.forget_killed();
        master.start();
    }
    wait::until_within("every job to be done by all", 900, || {
        let is_done = |jid: &String| {
            workers
                .iter()
                .all(|worker| worker.acknowledged().contains(jid))
        };
        published.iter().all(is_done).then_some(())
    });
    // Once more from the log alone.
    master.restart();
    for worker in &workers {
        for (jid, times) in worker.done() {
            assert_eq!(times, 1, "{jid} at {}", worker.id);
        }
        for jid in worker.acknowledged() {
            let job = master.api().get(&format!("/jobs/{jid}"));
            let ret = &job["returns"][&worker.id];
            assert!(
                !ret.is_null(),
                "the return of {} for {jid} is lost: {job}",
                worker.id
            );
        }
        // What a minion did under any jid, without the master's questions, is what was asked for.
        let jobs: BTreeSet<_> = worker
            .received()
            .iter()
            .filter(|load| {
                load.get("fun")
                    .is_none_or(|fun| fun.as_str() == Some("test.echo"))
            })
            .filter_map(|load| load.get("jid").map(model::Value::to_text))
            .collect();
        let known: BTreeSet<_> = known_jobs(&master);
        assert!(
            jobs.is_subset(&known),
            "a job was sent that the log does not know"
        );
        assert!(published.is_subset(&known), "an acknowledged job is lost");
    }
}

/// Publishes one job after the other for as long as the master answers; gives those that it
/// acknowledged.
fn publish_until_killed(master: &TestMaster) -> Vec<String> {
    let mut jids = Vec::new();
    while let Ok(jid) = master.publish("*", "test.echo", &["hello"]) {
        jids.push(jid);
    }
    jids
}

fn known_jobs(master: &TestMaster) -> BTreeSet<String> {
    let jobs = master.api().get("/jobs");
    let jobs = jobs.as_array().expect("a list of jobs");
    jobs.iter()
        .filter_map(|job| job["jid"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn no_acknowledged_event_is_lost() {
    let (seed, mut random) = Random::seeded(2);
    eprintln!("seed {seed}");
    let mut master = TestMaster::start_with(CONFIG);
    let mut minion = tests::sim_minion::SimMinion::new("web", Version::V3, master.ports());
    let before = master.head();
    let mut acknowledged = Vec::<(String, usize)>::new();
    let mut round = 0;
    let is_large = |(_, letters): &(String, usize)| *letters == LARGE;
    while round < KILLS
        || acknowledged.len() < ACKNOWLEDGED_MIN
        || !acknowledged.iter().any(is_large)
    {
        round += 1;
        minion.sign_in_accepted();
        let life = random.within(20..300);
        std::thread::scope(|scope| {
            let firing = scope.spawn(|| {
                let numbers = (0..).take_while(|number| {
                    let tag = format!("drill/{round}/{number}");
                    minion
                        .fires(&tag, "x".repeat(letters(round + number)))
                        .is_ok()
                });
                let tag = |number| (format!("drill/{round}/{number}"), letters(round + number));
                numbers.map(tag).collect::<Vec<_>>()
            });
            wait::pause(life);
            master.kill_now();
            acknowledged.extend(firing.join().expect("the minion notices"));
        });
        master.forget_killed();
        master.start();
    }
    minion.sign_in_accepted();
    minion.fires("drill/end", "x").expect("the last one");
    let events = master
        .api()
        .events_up_to(before, "drill/*", |event| event["tag"] == "drill/end");
    let told: BTreeSet<_> = events
        .iter()
        .map(|event| {
            let tag = event["tag"].as_str().unwrap_or_default().to_owned();
            let data = event["data"]["data"].as_str().unwrap_or_default();
            (tag, data.len())
        })
        .collect();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|event| !told.contains(event))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    // Those that were not acknowledged may be there as well; none is there without its event.
    let large = told.iter().filter(|event| is_large(event)).count();
    let parts = std::fs::read_dir(master.root().join("var/cache/salt/master/store/large"));
    assert_eq!(parts.expect("a folder").count(), large);
}

/// Letters of an event that stands beside the log.
const LARGE: usize = 1_200_000;

/// Every third event is a large one.
fn letters(number: usize) -> usize {
    if number % 3 == 2 { LARGE } else { 1 }
}
