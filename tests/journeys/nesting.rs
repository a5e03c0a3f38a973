//! Orchestrations in orchestrations, in parts, held and aimed: what touches the master.

use std::collections::HashSet;

use minion_protocol::Version;
use serde_json::{Value, json};
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

const OUTER: &str = "
inner:
  salt.runner: [{name: state.orchestrate}, {mods: inner}]
after:
  salt.function: [{name: test.ping}, {tgt: web}, {require: [{salt: inner}]}]
";

/// A step that is at work until the file GATE is there.
const SLOW: &str = "slow:
  salt.function: [{name: test.wait_file}, {tgt: web}, {arg: [GATE]}]
";

fn step<'a>(view: &'a Value, id: &str) -> &'a Value {
    let steps = view["tree"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["id"] == id);
    found.expect("the step")
}

fn master_with(files: &[(&str, &str)], config: &str) -> TestMaster {
    let mut master = TestMaster::prepare(&format!("auto_accept: True\n{config}"));
    let gate = master.path("gate").display().to_string();
    for (name, text) in files {
        master.write(name, text.replace("GATE", &gate));
    }
    master.start();
    master
}

#[test]
fn a_nested_orchestration_survives_the_master() {
    let files = [("salt/outer.sls", OUTER), ("salt/inner.sls", SLOW)];
    let mut master = master_with(&files, "");
    let worker = Worker::start("web", Version::V3, master.ports());
    let run = master.orchestrate("outer");
    wait::until("the nested step to be at work", || {
        (!worker.received().is_empty()).then_some(())
    });
    master.restart();
    master.write("gate", "");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let shown = master.api().get(&format!("/runs/{run}"));
    let inner = step(&shown, "inner");
    assert_eq!(inner["attempts"], 1, "{shown:#}");
    let nested = inner["jids"][0].as_str().expect("a jid");
    let nested = master.api().get(&format!("/runs/{nested}"));
    assert_eq!(nested["phase"], "succeeded", "{nested:#}");
    let result = master.api().get(&format!("/runs/{run}/return"));
    let text = result.to_string();
    assert!(
        text.contains("salt_|-slow_|-test.wait_file_|-function"),
        "{text}"
    );
    assert!(worker.done().values().all(|times| *times == 1));
}

#[test]
fn a_nested_orchestration_that_does_not_compile_fails_its_step() {
    let master = master_with(&[("salt/outer.sls", OUTER)], "");
    let run = master.orchestrate("outer");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "failed", "{view:#}");
    let result = master.api().get(&format!("/runs/{run}/return")).to_string();
    assert!(
        result.contains("No matching sls found for 'inner' in env 'base'"),
        "{result}"
    );
}

#[test]
fn an_orchestration_that_calls_itself_comes_to_an_end() {
    let own = "again:\n  salt.runner: [{name: state.orchestrate}, {mods: own}]\n";
    let master = master_with(&[("salt/own.sls", own)], "");
    let run = master.orchestrate("own");
    assert_eq!(master.wait_run(&run)["phase"], "failed");
}

#[test]
fn a_batch_of_one_asks_one_after_the_other() {
    let sls = "roll:\n  salt.function: [{name: test.ping}, {tgt: '*'}, {batch: 1}]\n";
    let master = master_with(&[("salt/roll.sls", sls)], "");
    let workers = ["a", "b", "c"].map(|id| Worker::start(id, Version::V3, master.ports()));
    let run = master.orchestrate("roll");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let shown = master.api().get(&format!("/runs/{run}"));
    let jids = step(&shown, "roll")["jids"].as_array().expect("jids");
    assert_eq!(jids.len(), 3, "a job for each part: {shown:#}");
    for worker in &workers {
        assert_eq!(worker.done().len(), 1, "{}", worker.id);
    }
}

#[test]
fn a_step_is_aimed_at_a_pillar() {
    let sls =
        "left:\n  salt.function: [{name: test.ping}, {tgt: 'side:left'}, {tgt_type: pillar}]\n";
    let files = [
        ("salt/aim.sls", sls),
        ("pillar/top.sls", "base:\n  a: [left]\n"),
        ("pillar/left.sls", "side: left\n"),
    ];
    let master = master_with(&files, "");
    let workers = ["a", "b"].map(|id| Worker::start(id, Version::V3, master.ports()));
    let run = master.orchestrate("aim");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let shown = master.api().get(&format!("/runs/{run}"));
    assert_eq!(
        step(&shown, "left")["minions"],
        json!({"a": "ok"}),
        "{shown:#}"
    );
    assert_eq!(workers[1].done().len(), 0, "b has no such pillar");
}

#[test]
fn a_run_holds_where_a_person_says_and_goes_on_when_told() {
    let sls = "one:\n  salt.function: [{name: test.wait_file}, {tgt: web}, {arg: [GATE]}]\n\
               two:\n  salt.function: [{name: test.ping}, {tgt: web}]\n";
    let mut master = master_with(&[("salt/hold.sls", sls)], "");
    let worker = Worker::start("web", Version::V3, master.ports());
    let run = master.orchestrate("hold");
    master.run("run", &["state.pause", &run, "two"]).well();
    master.write("gate", "");
    wait::until("the first step to end", || {
        let view = master.api().get(&format!("/runs/{run}"));
        (step(&view, "one")["phase"] == "succeeded").then_some(())
    });
    master.restart();
    let view = master.api().get(&format!("/runs/{run}"));
    assert_eq!(step(&view, "two")["phase"], "pending", "{view:#}");
    assert_ne!(
        master.run("run", &["state.pause", &run, "three"]).code,
        0,
        "no such step"
    );
    master.run("run", &["state.rm_pause", &run, "two"]).well();
    assert_eq!(master.wait_run(&run)["phase"], "succeeded");
    // The master may ask after the first job besides; that is no step.
    let received = worker.received();
    let steps = received.iter().filter_map(|job| {
        let is_step = job.get("fun")?.as_str()?.starts_with("test.");
        is_step.then(|| job.get("jid").map(model::Value::to_text))
    });
    let steps: HashSet<_> = steps.collect();
    assert_eq!(steps.len(), 2, "{received:?}");
    assert_ne!(
        master.run("run", &["state.resume", &run]).code,
        0,
        "it is over"
    );
}

#[test]
fn the_option_orch_failhard_stops_at_the_first_failed_step() {
    let sls = "a:\n  test.fail_without_changes: []\nb:\n  test.nop: []\n";
    let master = master_with(&[("salt/hard.sls", sls)], "orch_failhard: True");
    let run = master.orchestrate("hard");
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "failed");
    let shown = master.api().get(&format!("/runs/{run}"));
    assert_eq!(step(&shown, "b")["phase"], "pending", "{shown:#}");
}

#[test]
fn one_state_is_orchestrated_without_a_file() {
    let master = master_with(&[], "");
    let words = [
        "state.orchestrate_single",
        "fun=test.nop",
        "name=hello",
        "--out=json",
    ];
    let said = master.run("run", &words).well();
    assert!(said.out.contains("test_|-hello_|-hello_|-nop"), "{said:?}");
}
