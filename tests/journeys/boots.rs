//! Machines that restart: what proves it, and what becomes of a start event that was lost.

use minion_protocol::Version;
use serde_json::Value;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

const REBOOT: &str = "
again:
  salt.reboot:
    - tgt: web
    - function: test.echo
    - arg: [now]
    - timeout: 600
";

const WAIT: &str = "
prepare:
  salt.function: [{name: test.ping}, {tgt: web}]
back:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: 600
    - require: [{salt: prepare}]
";

fn started(sls: &str) -> (TestMaster, Worker) {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write("salt/orch.sls", sls);
    master.start();
    let worker = Worker::start("web", Version::V3, master.ports());
    (master, worker)
}

/// The only thing that the first step at work waits for.
fn awaited(master: &TestMaster, run: &str) -> Value {
    master.api().get(&format!("/runs/{run}/explain"))["tree"][0]["awaits"][0].clone()
}

/// When the minion last told its boot.
fn told(master: &TestMaster) -> Option<u64> {
    master.api().get("/minions")[0]["boot_told"].as_u64()
}

/// Waits until the minion tells its boot once more.
fn wait_told(master: &TestMaster, before: Option<u64>) {
    wait::until("the boot to be told", || {
        (told(master) > before).then_some(())
    });
}

/// Every start event of the minion from a place of the log on, up to the end of a run.
fn starts(master: &TestMaster, after: u64, run: &str) -> Vec<Value> {
    let end = format!("salt/run/{run}/ret");
    let events = master
        .api()
        .events_up_to(after, "salt/*", |event| event["tag"] == end.as_str());
    let is_start = |event: &Value| event["tag"] == "salt/minion/web/start";
    events.into_iter().filter(is_start).collect()
}

#[test]
fn a_reboot_is_a_new_boot_and_not_a_start_event() {
    let (master, worker) = started(REBOOT);
    let run = master.orchestrate("orch");
    wait::until("the job to be answered", || {
        (awaited(&master, &run)["phase"] == "ok").then_some(())
    });
    assert_eq!(awaited(&master, &run)["boot_before"], "boot id boot-1");
    // Its service starts again, and says so.
    let before = master.head();
    let told_before = told(&master);
    worker.restart("boot-1", true);
    master.api().events_up_to(before, "salt/minion/*", |event| {
        event["tag"] == "salt/minion/web/start"
    });
    wait_told(&master, told_before);
    let said = master.run("run", &["explain", &run]).well();
    assert!(said.out.contains("still in the same boot"), "{said:?}");
    let view = master.api().get(&format!("/runs/{run}"));
    assert_eq!(view["phase"], "running");
    // Its machine starts again, and the start event is lost.
    worker.restart("boot-2", false);
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let starts = starts(&master, before, &run);
    let made_up: Vec<_> = starts
        .iter()
        .map(|event| event["data"]["synthesized"] == true)
        .collect();
    assert_eq!(
        made_up.iter().filter(|is_so| **is_so).count(),
        1,
        "{starts:#?}"
    );
    assert_eq!(worker.done().len(), 1, "nothing was sent twice");
    let jobs = master.run("run", &["jobs.list_jobs", "--out=json"]).well();
    assert!(!jobs.out.contains("file.read"), "{jobs:?}");
}

#[test]
fn a_start_that_was_lost_while_the_master_was_down_ends_a_wait_once() {
    let (mut master, worker) = started(WAIT);
    let before = master.head();
    let run = master.orchestrate("orch");
    wait::until("the wait", || {
        let view = master.api().get(&format!("/runs/{run}"));
        (view["tree"][1]["phase"] == "running").then_some(())
    });
    // The boot is known by now: it was asked for when the minion signed in.
    wait_told(&master, None);
    master.kill();
    worker.restart("boot-2", false);
    master.start();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let starts = starts(&master, before, &run);
    assert_eq!(starts.len(), 1, "{starts:#?}");
    assert_eq!(starts[0]["data"]["synthesized"], true);
    assert_eq!(worker.done().len(), 1, "nothing was sent twice");
}
