//! Kills while an orchestration runs.

use std::collections::BTreeSet;

use minion_protocol::Version;
use serde_json::Value;
use tests::random::Random;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

/// Runs, each with kills of its own.
const RUNS: u64 = 5;
/// Kills of one run.
const KILLS: u32 = 3;

const CONFIG: &str = "auto_accept: True\ntimeout: 1\ngather_job_timeout: 1";

const SLS: &str = "
first:
  salt.function:
    - name: test.sleep_millis
    - tgt: 'v*'
    - arg: [300]
back:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: 900
    - require: [{salt: first}]
second:
  salt.function:
    - name: test.echo
    - tgt: 'v*'
    - arg: [hello]
    - require: [{salt: back}]
third:
  salt.function:
    - name: test.sleep_millis
    - tgt: v3
    - arg: [200]
    - require: [{salt: second}]
last:
  salt.function:
    - name: test.ping
    - tgt: 'v*'
    - require: [{salt: third}]
";

#[test]
fn a_run_ends_well_and_each_step_starts_once_whenever_the_master_dies() {
    let (seed, mut random) = Random::seeded(3);
    eprintln!("seed {seed}");
    let mut master = TestMaster::prepare(CONFIG);
    master.write("salt/drill.sls", SLS);
    master.start();
    let workers = [Version::V0, Version::V3]
        .map(|version| Worker::start(&format!("v{}", version.number()), version, master.ports()));
    let mut web = SimMinion::new("web", Version::V2, master.ports());
    web.sign_in_accepted();
    let mut steps_jobs = BTreeSet::new();
    for _ in 0..RUNS {
        let run = master.orchestrate("drill");
        let back_after = random.within(0..u64::from(KILLS));
        for kill in 0..KILLS {
            wait::pause(random.within(0..500));
            if u64::from(kill) == back_after {
                fire_until_heard(&mut web);
            }
            wait::pause(random.within(0..200));
            master.restart();
        }
        let view = master.wait_run(&run);
        assert_eq!(view["phase"], "succeeded", "{view:#}");
        let shown = master
            .run("run", &["show", &run, "--out=json"])
            .well()
            .json();
        steps_jobs.extend(jobs_of_steps(&shown));
    }
    for worker in &workers {
        for (jid, times) in worker.done() {
            assert_eq!(times, 1, "{jid} at {}", worker.id);
        }
        let done: BTreeSet<_> = work_of(worker).into_iter().collect();
        assert!(
            done.is_subset(&steps_jobs),
            "{} did what no step shows",
            worker.id
        );
    }
}

/// A real minion tells its start until the master has it.
fn fire_until_heard(web: &mut SimMinion) {
    wait::until("the start to be heard", || {
        web.sign_in().ok()?;
        web.fires_start().ok()
    });
}

/// Gives the jobs of all steps, each of which has started once.
fn jobs_of_steps(view: &Value) -> Vec<String> {
    let mut jobs = Vec::new();
    for step in view["tree"].as_array().expect("steps") {
        assert_eq!(step["attempts"], 1, "{view:#}");
        assert_eq!(step["phase"], "succeeded", "{view:#}");
        let jids = step["jids"].as_array().expect("jids");
        let expected = usize::from(step["fun"] == "salt.function");
        assert_eq!(jids.len(), expected, "{view:#}");
        jobs.extend(
            jids.iter()
                .filter_map(|jid| jid.as_str().map(str::to_owned)),
        );
    }
    jobs
}

/// The jids of what a minion got, without the master's questions after jobs.
fn work_of(worker: &Worker) -> Vec<String> {
    let received = worker.received();
    let is_work = |load: &&model::Map| {
        load.get("fun").and_then(model::Value::as_str) != Some("saltutil.find_job")
    };
    let jid = |load: &model::Map| load.get("jid").map(model::Value::to_text);
    received.iter().filter(is_work).filter_map(jid).collect()
}

#[test]
fn a_wait_resumes_and_an_event_of_the_time_before_the_kill_counts() {
    let mut master = TestMaster::prepare(CONFIG);
    master.write("salt/drill.sls", SLS);
    master.start();
    let workers = [Version::V0, Version::V3]
        .map(|version| Worker::start(&format!("v{}", version.number()), version, master.ports()));
    let mut web = SimMinion::new("web", Version::V3, master.ports());
    web.sign_in_accepted();
    // The event comes while the first step is at work; the master dies before the wait begins.
    let run = master.orchestrate("drill");
    wait::until("the first step to be at work", || {
        workers
            .iter()
            .all(|worker| !worker.received().is_empty())
            .then_some(())
    });
    fire_until_heard(&mut web);
    master.restart();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    // The master dies while the wait waits; the event comes afterwards.
    let run = master.orchestrate("drill");
    wait::until("the wait to begin", || {
        let view = master.api().get(&format!("/runs/{run}"));
        let steps = view["tree"].as_array()?;
        steps
            .iter()
            .find(|step| step["id"] == "back" && step["phase"] == "running")
            .map(|_| ())
    });
    master.restart();
    fire_until_heard(&mut web);
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    assert_eq!(view["resumed"], 1);
}
