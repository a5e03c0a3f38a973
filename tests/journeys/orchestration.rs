//! Orchestrations: waits that read the log, and runs that end well whatever happens to the
//! terminal.

use minion_protocol::Version;
use serde_json::Value;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

const WAIT_FOR_WEB: &str = "
prepare:
  salt.function:
    - name: test.wait_file
    - tgt: worker
    - arg: [GATE]
back:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: SECONDS
    - require: [{salt: prepare}]
after:
  salt.function:
    - name: test.ping
    - tgt: worker
    - require: [{salt: back}]
";

fn step<'a>(view: &'a Value, id: &str) -> &'a Value {
    let steps = view["tree"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["id"] == id)
        .expect("the step")
}

#[test]
fn a_start_that_came_before_the_wait_counts() {
    let mut master = TestMaster::prepare("auto_accept: True");
    // The step is at work until the start was heard.
    let gate = master.path("gate").display().to_string();
    let sls = WAIT_FOR_WEB.replace("SECONDS", "600");
    master.write("salt/wait.sls", sls.replace("GATE", &gate));
    master.start();
    let worker = Worker::start("worker", Version::V3, master.ports());
    let mut web = SimMinion::new("web", Version::V3, master.ports());
    web.sign_in_accepted();
    let run = master.orchestrate("wait");
    wait::until("the first step to be at work", || {
        (!worker.received().is_empty()).then_some(())
    });
    web.fires_start().unwrap();
    let early = master.api().get(&format!("/runs/{run}"));
    assert_eq!(
        step(&early, "back")["phase"],
        "pending",
        "the event came before the wait"
    );
    master.write("gate", "");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let shown = master
        .run("run", &["show", &run, "--out=json"])
        .well()
        .json();
    for id in ["prepare", "back", "after"] {
        assert_eq!(step(&shown, id)["attempts"], 1, "{shown:#}");
    }
}

#[test]
fn a_start_that_came_before_the_run_does_not_count() {
    let mut master = TestMaster::prepare("auto_accept: True");
    let gate = master.path("gate").display().to_string();
    let sls = WAIT_FOR_WEB.replace("SECONDS", "2");
    master.write("salt/wait.sls", sls.replace("GATE", &gate));
    master.write("gate", "");
    master.start();
    let worker = Worker::start("worker", Version::V3, master.ports());
    let mut web = SimMinion::new("web", Version::V3, master.ports());
    web.sign_in_accepted();
    web.fires_start().unwrap();
    let said = master.run("run", &["state.orchestrate", "wait", "--out=json"]);
    assert_ne!(said.code, 0, "{said:?}");
    let runs = master.api().get("/runs");
    let view = master
        .api()
        .get(&format!("/runs/{}", runs[0]["run"].as_str().unwrap()));
    assert_eq!(view["phase"], "failed");
    assert_eq!(step(&view, "back")["phase"], "failed");
    assert_eq!(step(&view, "after")["phase"], "skipped");
    assert_eq!(
        worker.done().len(),
        1,
        "the step after the wait was not sent"
    );
}

#[test]
fn the_highstate_of_a_run_is_printed_and_its_code_is_salts() {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write(
        "salt/one.sls",
        "ping:\n  salt.function: [{name: test.ping}, {tgt: '*'}]\n",
    );
    master.start();
    let _worker = Worker::start("web", Version::V3, master.ports());
    let said = master.run("run", &["state.orchestrate", "one"]).well();
    assert!(said.out.contains("Function: salt.function"), "{said:?}");
    assert!(said.out.contains("Succeeded: 1"), "{said:?}");
}

#[test]
fn a_run_goes_on_without_its_terminal() {
    let mut master = TestMaster::prepare("auto_accept: True");
    let gate = master.path("gate").display().to_string();
    let sls = "slow:\n  salt.function: [{name: test.wait_file}, {tgt: '*'}, {arg: [GATE]}]\n";
    master.write("salt/slow.sls", sls.replace("GATE", &gate));
    master.start();
    let worker = Worker::start("web", Version::V3, master.ports());
    let terminal = master.spawn_program("run", &["state.orchestrate", "slow"]);
    wait::until("the step to be at work", || {
        (!worker.received().is_empty()).then_some(())
    });
    terminal.kill();
    master.write("gate", "");
    let runs = master.api().get("/runs");
    let run = runs[0]["run"].as_str().unwrap();
    assert_eq!(master.wait_run(run)["phase"], "succeeded");
    master.run("run", &["attach", run]).well();
}

#[test]
fn an_sls_with_a_mistake_is_named_and_nothing_is_sent() {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write("salt/template.sls", "ok: 1\n{% if %}\n");
    master.write("salt/yaml.sls", "a: [1\nb: 2\n");
    master.write(
        "salt/requisite.sls",
        "ping:\n  salt.function: [{name: test.ping}, {tgt: '*'}, {require: [{salt: nobody}]}]\n",
    );
    master.start();
    let worker = Worker::start("web", Version::V3, master.ports());
    for (sls, words) in [
        ("template", &["template"][..]),
        ("yaml", &["yaml"]),
        ("requisite", &["nobody"]),
        ("missing", &["missing"]),
    ] {
        let said = master.run("run", &["state.orchestrate", sls]);
        assert_ne!(said.code, 0, "{sls}: {said:?}");
        let text = format!("{}{}", said.out, said.err);
        for word in words {
            assert!(text.contains(word), "{sls}: {text}");
        }
    }
    assert!(worker.received().is_empty());
}
