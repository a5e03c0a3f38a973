//! What an operator does with a run: looks at its plan, answers, asks why, takes up, runs again,
//! calls off.

use minion_protocol::Version;
use model::Map;
use serde_json::{Value, json};
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::Worker;

const ASKS: &str = "
look:
  salt.function: [{name: test.ping}, {tgt: web}]
sure:
  salt.approve:
    - text: the disk of web is wiped
    - require: [{salt: look}]
wipe:
  salt.function:
    - name: test.ping
    - tgt: web
    - require: [{salt: sure}]
told:
  salt.function: [{name: test.ping}, {tgt: web}, {finally: True}]
";

/// A wait that nothing ends, between two steps that go well. It ends after SECONDS.
const FAILS: &str = "
first:
  salt.function: [{name: test.ping}, {tgt: web}]
second:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [late]
    - timeout: SECONDS
    - require: [{salt: first}]
third:
  salt.function:
    - name: test.ping
    - tgt: web
    - require: [{salt: second}]
";

fn step<'a>(view: &'a Value, id: &str) -> &'a Value {
    let steps = view["tree"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["id"] == id);
    found.unwrap_or_else(|| panic!("no step {id}: {view:#}"))
}

fn started(name: &str, sls: &str) -> (TestMaster, Worker) {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write(&format!("salt/{name}.sls"), sls);
    master.start();
    let worker = Worker::start("web", Version::V3, master.ports());
    (master, worker)
}

fn wait_asked(master: &TestMaster, run: &str) -> Value {
    wait::until("the run to ask", || {
        let view = master.api().get(&format!("/runs/{run}"));
        let sure = step(&view, "sure");
        (sure["question"].is_object()).then(|| view.clone())
    })
}

#[test]
fn a_person_approves_and_the_run_goes_on_also_after_a_restart() {
    let (mut master, _worker) = started("asks", ASKS);
    let run = master.orchestrate("asks");
    let view = wait_asked(&master, &run);
    let question = &step(&view, "sure")["question"];
    assert_eq!(question["text"], "the disk of web is wiped");
    assert!(
        question["then"][0]
            .as_str()
            .unwrap()
            .contains("wipe: test.ping on web")
    );
    master.restart();
    let view = wait_asked(&master, &run);
    assert_eq!(step(&view, "wipe")["phase"], "pending", "{view:#}");
    let head = master.head();
    let said = master.run("run", &["explain", &run]).well();
    assert!(said.out.contains("the disk of web is wiped"), "{said:?}");
    assert!(
        said.out.contains(&format!("brine run approve {run} sure")),
        "{said:?}"
    );
    let said = master.run("run", &["approve", &run, "look"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("asks nobody"), "{said:?}");
    assert!(
        said.err.contains(&format!("brine run approve {run} sure")),
        "{said:?}"
    );
    master.run("run", &["approve", &run, "sure"]).well();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let by = &step(&view, "sure")["ret"]["changes"]["approved_by"];
    assert!(by.as_str().is_some_and(|by| !by.is_empty()), "{view:#}");
    let tag = format!("salt/run/{run}/approved");
    let events = master.api().events_up_to(head, &tag, |_| true);
    assert_eq!(events[0]["data"]["user"], *by, "{events:?}");
    let said = master.run("run", &["approve", &run, "sure"]);
    assert!(said.err.contains("has ended already"), "{said:?}");
}

#[test]
fn a_no_stops_what_requires_it() {
    let (master, worker) = started("asks", ASKS);
    let run = master.orchestrate("asks");
    wait_asked(&master, &run);
    master.run("run", &["reject", &run, "sure"]).well();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "failed");
    assert_eq!(step(&view, "wipe")["phase"], "skipped", "{view:#}");
    assert_eq!(step(&view, "told")["phase"], "succeeded", "{view:#}");
    assert_eq!(
        worker.done().len(),
        2,
        "look and told were sent, wipe was not"
    );
}

#[test]
fn a_cancelled_run_still_does_what_runs_in_any_case() {
    let (master, worker) = started("asks", ASKS);
    let run = master.orchestrate("asks");
    wait_asked(&master, &run);
    master.run("run", &["cancel", &run]).well();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "cancelled");
    assert_eq!(step(&view, "told")["phase"], "succeeded", "{view:#}");
    assert_eq!(worker.done().len(), 2);
    let said = master.run("run", &["cancel", &run]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("brine run retry"), "{said:?}");
}

#[test]
fn a_failed_run_is_explained_and_retried_with_the_results_before() {
    let (master, worker) = started("fails", &FAILS.replace("SECONDS", "1"));
    // The same with more time, to look at while it waits.
    master.write("salt/waits.sls", FAILS.replace("SECONDS", "600"));
    let run = master.orchestrate("waits");
    let waiting = wait::until("the wait", || {
        let explained = master.api().get(&format!("/runs/{run}/explain"));
        let awaits = &explained["tree"][0]["awaits"];
        (awaits[0]["id"] == "late").then(|| explained.clone())
    });
    assert_eq!(waiting["tree"][0]["awaits"][0]["is_here"], false);
    assert!(
        waiting.to_string().contains("late: no accepted minion"),
        "{waiting:#}"
    );
    master.run("run", &["cancel", &run]).well();
    let run = master.orchestrate("fails");
    assert_eq!(master.wait_run(&run)["phase"], "failed");
    let explained = master
        .run("run", &["explain", &run, "--out=json"])
        .well()
        .json();
    let failed = &explained["tree"][0];
    assert_eq!(failed["id"], "second", "{explained:#}");
    assert!(failed["why"].as_str().unwrap().contains("Not seen: late"));
    assert!(failed["proof"].is_u64(), "{explained:#}");
    assert_eq!(
        explained["next"][0],
        format!("brine run retry {run} --from second")
    );
    // The machine comes after all: its start stands in the log behind the first step.
    let mut late = SimMinion::new("late", Version::V3, master.ports());
    late.sign_in_accepted();
    late.fires_start().unwrap();
    let said = master.run("run", &["retry", &run, "--from", "nowhere"]);
    assert!(said.err.contains("first, second, third"), "{said:?}");
    master.run("run", &["retry", &run, "--from=second"]).well();
    let runs = master.api().get("/runs");
    let again = runs.as_array().unwrap().last().unwrap();
    let view = master
        .api()
        .get(&format!("/runs/{}", again["run"].as_str().unwrap()));
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    assert_eq!(view["retry_of"], run.as_str());
    assert_eq!(step(&view, "first")["is_carried"], true);
    // The first step of either run, and the third of this one.
    assert_eq!(worker.done().len(), 3, "the first step was not sent again");
    let said = master
        .run("run", &["retry", &run, "--from", "second", "--async"])
        .well();
    assert!(said.err.contains("brine run attach"), "{said:?}");
}

#[test]
fn an_sls_that_changed_does_not_change_the_run_and_is_told() {
    let (mut master, worker) = started("asks", ASKS);
    let run = master.orchestrate("asks");
    wait_asked(&master, &run);
    master.write("salt/asks.sls", ASKS.replace("wipe:", "other:"));
    master.restart();
    let said = master.run("run", &["resume", &run]).well();
    assert!(
        said.out
            .contains("changed since this run was planned: asks.sls"),
        "{said:?}"
    );
    master.run("run", &["approve", &run, "sure"]).well();
    let view = master.wait_run(&run);
    assert_eq!(step(&view, "wipe")["phase"], "succeeded", "{view:#}");
    assert_eq!(worker.done().len(), 3);
}

#[test]
fn a_plan_is_shown_and_nothing_is_sent() {
    let (master, worker) = started("asks", ASKS);
    let nodes = "kubic: {nodes: {web: {role: worker}, ghost: {role: worker}}}\n";
    master.write("pillar/nodes.sls", nodes);
    let pillar = "pillar={kubic: {nodes: {web: {role: worker}, ghost: {role: worker}}}}";
    let said = master.run("run", &["plan", "asks", pillar, "--out=json"]);
    assert_eq!(said.code, 2, "{said:?}");
    let plan = said.json();
    assert_eq!(plan["changes"], 3, "{plan:#}");
    assert_eq!(plan["steps"][2]["nodes"], json!(["web"]));
    assert_eq!(plan["steps"][1]["marks"], json!(["approval"]));
    assert_eq!(plan["nodes"][0]["id"], "ghost");
    assert_eq!(plan["nodes"][0]["is_accepted"], false);
    assert_eq!(plan["nodes"][1]["roles"], json!(["worker"]));
    let again = master
        .run("run", &["plan", "asks", pillar, "--out=json"])
        .json();
    assert_eq!(plan["hash"], again["hash"]);
    for form in ["mermaid", "dot", "text"] {
        let said = master.run("run", &["plan", "asks", &format!("--out={form}")]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.out.contains("the disk of web is wiped"), "{said:?}");
    }
    master.write("salt/noop.sls", "ok:\n  test.succeed_without_changes: []\n");
    let said = master.run("run", &["plan", "noop"]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = master.run("run", &["plan", "missing"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(worker.received().is_empty());
    assert_eq!(master.api().get("/runs"), json!([]));
}

#[test]
fn sub_steps_are_counted_by_minion_while_a_step_runs() {
    // Nobody asks after the one that does not answer.
    let mut master = TestMaster::prepare("auto_accept: True\ntimeout: 600");
    let sls = "slow:\n  salt.function: [{name: test.ping}, {tgt: '*'}]\n";
    master.write("salt/slow.sls", sls);
    master.start();
    // It never answers its job, and only tells how far it is.
    let mut voice = SimMinion::new("voice", Version::V3, master.ports());
    voice.sign_in_accepted();
    let _worker = Worker::start("web", Version::V3, master.ports());
    voice.fires("yomi/before/enter", Map::new()).unwrap();
    let run = master.orchestrate("slow");
    for tag in [
        "yomi/partition/enter",
        "salt/other",
        "yomi/partition/success",
    ] {
        voice.fires(tag, Map::new()).unwrap();
    }
    let view = wait::until("web to answer", || {
        let view = master.api().get(&format!("/runs/{run}"));
        (step(&view, "slow")["minions"]["web"] == "ok").then_some(view)
    });
    let substeps = step(&view, "slow")["substeps"].as_array().unwrap();
    assert_eq!(substeps.len(), 1, "{view:#}");
    assert_eq!(substeps[0]["id"], "voice");
    assert_eq!(substeps[0]["tag"], "yomi/partition/success");
    assert_eq!(
        substeps[0]["count"], 2,
        "what came before the step does not count"
    );
    master.run("run", &["cancel", &run]).well();
    let view = master.wait_run(&run);
    assert_eq!(
        step(&view, "slow")["minions"]["voice"],
        "cancelled",
        "{view:#}"
    );
}

#[test]
fn a_typical_time_is_the_median_of_earlier_runs() {
    let sls = "slow:\n  salt.function: [{name: test.sleep_millis}, {tgt: web}, {arg: [60]}]\n";
    let (master, _worker) = started("slow", sls);
    let first = master.wait_run(&master.orchestrate("slow"));
    assert!(step(&first, "slow")["typical_ms"].is_null());
    let second = master.wait_run(&master.orchestrate("slow"));
    assert!(
        step(&second, "slow")["typical_ms"].as_u64() >= Some(60),
        "{second:#}"
    );
}

#[test]
fn what_is_not_there_is_named() {
    let (master, _worker) = started("asks", ASKS);
    for words in [
        &["show", "20200101000000000000"][..],
        &["explain", "20200101000000000000"],
        &["retry", "20200101000000000000"],
        &["approve", "20200101000000000000", "x"],
    ] {
        let said = master.run("run", words);
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        assert!(
            said.err.contains("keep_jobs_seconds"),
            "{words:?}: {said:?}"
        );
    }
    let said = master.run("run", &["show", "29991231000000000000"]);
    assert!(said.err.contains("is not known"), "{said:?}");
    let said = master.run("run", &["jobs.lookup_jid", "20200101000000000000"]);
    let text = format!("{}{}", said.out, said.err);
    assert!(text.contains("keep_jobs_seconds"), "{text}");
}
