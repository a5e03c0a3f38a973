//! What concerns the master as a whole: lists, the stream of events, an orchestration.

use serde_json::{Value, json};
use tests::wait;

use crate::scene::Scene;

/// Judges all of it.
pub(crate) fn judge(scene: &Scene) {
    lists(scene);
    state_event(scene);
    orchestration(scene);
}

fn lists(scene: &Scene) {
    let keys = scene.master.run("key", &["-L", "--out=json"]).well().json();
    let mut ids: Vec<_> = scene.ids().collect();
    ids.sort_unstable();
    assert_eq!(keys["minions"], json!(ids));
    let jobs = scene
        .master
        .run("run", &["jobs.list_jobs", "--out=json"])
        .well()
        .json();
    let jobs = jobs.as_object().expect("jobs by jid");
    let is_our_ping = |job: &Value| job["Function"] == "test.ping" && job["Target"] == "m-*";
    let (jid, _) = jobs
        .iter()
        .find(|(_, job)| is_our_ping(job))
        .expect("the ping");
    let found = scene
        .master
        .run("run", &["jobs.lookup_jid", jid, "--out=json"])
        .well()
        .json();
    let all: serde_json::Map<_, _> = scene.ids().map(|id| (id.to_owned(), json!(true))).collect();
    assert_eq!(found, Value::Object(all));
    let up = scene
        .master
        .run("run", &["manage.up", "--out=json"])
        .well()
        .json();
    assert_eq!(up.as_array().map(Vec::len), Some(ids.len()), "{up}");
}

fn state_event(scene: &Scene) {
    let words = ["state.event", "suite/shown", "count=1", "pretty=True"];
    let shown = scene.master.spawn_program("run", &words);
    let first = &scene.minions[0].id;
    // The program may not listen yet: the event is fired until it has been seen.
    let mut shown = Some(shown);
    let said = wait::until("state.event to show the event", || {
        scene.salt(&[first, "event.send", "suite/shown"]);
        let has_ended = shown
            .as_mut()
            .is_some_and(tests::test_master::Running::has_ended);
        has_ended.then(|| shown.take().expect("it runs once").wait())
    });
    assert!(said.well().out.contains("suite/shown"));
}

fn orchestration(scene: &Scene) {
    let said = scene
        .master
        .run("run", &["state.orchestrate", "orch", "--out=json"])
        .well()
        .json();
    let text = said.to_string();
    assert!(
        text.contains("salt_|-synced_|-saltutil.sync_all_|-function"),
        "{said:#}"
    );
    let run = scene.master.api().get("/runs")[0]["run"]
        .as_str()
        .expect("a run")
        .to_owned();
    let view = scene
        .master
        .run("run", &["show", &run, "--out=json"])
        .well()
        .json();
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    let steps = view["tree"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["attempts"] == 1), "{view:#}");
}
