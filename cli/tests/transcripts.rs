//! What was typed, what was asked of the master, what was printed: golden transcripts against a
//! fake API.
//!
//! The files in `testdata/transcripts` are renewed by `BRINE_RENEW=1 cargo test -p cli --test
//! transcripts`; read the difference like code.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "golden files are read and renewed here"
)]

mod fake;

use axum::http::StatusCode;
use fake::{Fake, Script};
use serde_json::json;

const JID: &str = "20261121081709874598";

fn published(minions: &[&str]) -> serde_json::Value {
    json!({"jid": JID, "minions": minions, "missing": [], "cursor": 41})
}

fn ret(cursor: u64, id: &str, ret: serde_json::Value, retcode: i64) -> serde_json::Value {
    let data = json!({"id": id, "jid": JID, "return": ret, "retcode": retcode, "success": true,
                      "fun": "test.ping", "_stamp": "2026-11-21T08:17:11.189257"});
    json!({"cursor": cursor, "tag": format!("salt/job/{JID}/ret/{id}"), "data": data})
}

fn job(phases: serde_json::Value) -> serde_json::Value {
    json!({"jid": JID, "fun": "test.ping", "arg": [], "tgt": "*", "tgt_type": "glob",
           "user": "root", "started": 0, "minions": phases, "returns": {}})
}

fn run_view() -> serde_json::Value {
    serde_json::from_str(include_str!("../testdata/run.json")).unwrap()
}

fn ended_view() -> serde_json::Value {
    let mut view = run_view();
    view["phase"] = json!("failed");
    view["ended"] = json!(1_795_249_200_000_000u64);
    view["steps_ended"] = json!(4);
    for step in view["tree"].as_array_mut().unwrap().iter_mut().skip(1) {
        step["phase"] = json!("failed");
        step["attempts"] = json!(1);
        step["started"] = json!(1_795_249_043_917_000u64);
        step["ended"] = json!(1_795_249_190_000_000u64);
        step["note"] = json!("");
        step["minions"] = json!({"00:00:00:22:22:22": "lost"});
        let id = step["id"].clone();
        step["ret"] = json!({"name": id, "result": false, "changes": {},
            "comment": "Run failed on minions: 00:00:00:22:22:22", "__id__": id,
            "__sls__": "orch.kubic", "__run_num__": 1, "start_time": "08:17:23.917000",
            "duration": 146_083.0});
    }
    view
}

fn run_return() -> serde_json::Value {
    let state = |number: u64, id: &str, result: bool, comment: &str| {
        json!({"name": id, "result": result, "changes": {}, "comment": comment, "__id__": id,
               "__sls__": "orch.kubic", "__run_num__": number,
               "start_time": "08:17:11.189257", "duration": 12.5})
    };
    json!({"data": {"vm_master": {
        "salt_|-one_|-one_|-state": state(0, "one", true, "States ran successfully."),
        "salt_|-two_|-two_|-state": state(1, "two", false, "No minions responded"),
    }}, "outputter": "highstate", "retcode": 1})
}

#[test]
fn returns_are_printed_as_they_come() {
    let fake = Fake::start(
        Script::new()
            .answer("POST /run", published(&["web01", "web02"]))
            .events(
                "/events",
                vec![
                    ret(42, "web02", json!("two\nlines"), 0),
                    ret(43, "web02", json!("a second return counts no more"), 0),
                    ret(44, "other", json!("of nobody who was asked"), 0),
                    ret(45, "web01", json!({"b": [1, "x"], "a": null}), 0),
                ],
            ),
    );
    fake.transcript(
        "returns",
        &[
            "salt '*' test.ping",
            "salt -v -L web01,web02 cmd.run 'echo a=b' cwd=/tmp n=3 l=[a,b] --out json",
            "salt '*' test.ping --out=txt --summary",
            "salt '*' test.ping --static --out=yaml",
            "salt '*' test.ping --show-jid --out=quiet",
            "salt --async '*' state.apply web pillar='{\"a\": 1}' test=True",
        ],
    );
}

#[test]
fn silence_is_told_and_fails() {
    let phases = json!({"web01": {"phase": "failed", "since": 1},
        "web02": {"phase": "never_seen", "since": 1}, "web03": {"phase": "lost", "since": 1},
        "web04": {"phase": "rebooted", "since": 1}});
    let minion = |id: &str, is_connected: bool| {
        json!({"id": id, "grains": {}, "last_seen": null, "started": null,
               "is_connected": is_connected})
    };
    let fake = Fake::start(
        Script::new()
            .answer(
                "POST /run",
                published(&["web01", "web02", "web03", "web04"]),
            )
            .events("/events", vec![ret(42, "web01", json!("ERROR: bad"), 2)])
            .answer(&format!("GET /jobs/{JID}"), job(phases))
            .answer(
                "GET /minions",
                json!([minion("web03", true), minion("web02", false)]),
            ),
    );
    fake.transcript(
        "silence",
        &[
            "salt -t 1 '*' test.fail --summary",
            "salt -t 1 '*' test.fail --hide-timeout",
        ],
    );
}

#[test]
fn nobody_matches() {
    let fake = Fake::start(Script::new().answer("POST /run", published(&[])));
    fake.transcript("no-match", &["salt 'x*' test.ping"]);
}

#[test]
fn a_broken_stream_goes_on_where_it_was() {
    let fake = Fake::start(
        Script::new()
            .answer("POST /run", published(&["web01", "web02"]))
            .events_then_cut("/events", vec![ret(42, "web01", json!(true), 0)])
            .events("/events", vec![ret(43, "web02", json!(true), 0)]),
    );
    fake.transcript("broken-stream", &["salt '*' test.ping"]);
}

#[test]
fn the_master_says_no_or_is_away() {
    let fake = Fake::start(Script::new().refuse(
        "POST /run",
        StatusCode::UNPROCESSABLE_ENTITY,
        json!({"error": "nodegroup 'x' is not defined", "hint": "add it to nodegroups"}),
    ));
    fake.transcript("refused", &["salt -N x test.ping"]);
    Fake::absent().transcript(
        "away",
        &[
            "salt '*' test.ping",
            "salt-run jobs.list_jobs",
            "salt-key -L",
            "doctor",
        ],
    );
}

#[test]
fn a_wrong_command_line_sends_nothing() {
    Fake::absent().transcript(
        "usage",
        &[
            "salt '*'",
            "salt",
            "salt -G -E 'os:x' test.ping",
            "salt -b 2 '*' test.ping",
            "salt '*' test.ping,test.version ,",
            "salt-run",
            "salt-run list extra",
            "'brine run' show",
            "salt-key -l what",
            "salt-key --gen-signature",
        ],
    );
}

#[test]
fn a_runner_is_followed_by_its_events() {
    let tag = format!("salt/run/{JID}/ret");
    let data = json!({"fun": "runner.manage.status", "jid": JID, "success": true, "retcode": 3,
                      "return": {"up": ["web01"], "down": []}});
    let fake = Fake::start(
        Script::new()
            .answer("POST /run", json!({"run": JID, "cursor": 41}))
            .events(
                "/events",
                vec![
                    json!({"cursor": 42, "tag": format!("salt/run/{JID}/new"), "data": {}}),
                    json!({"cursor": 43, "tag": tag, "data": data}),
                ],
            ),
    );
    fake.transcript(
        "runner",
        &[
            "salt-run manage.status tgt='*' timeout=3",
            "salt-run manage.status --out=json --out-indent=-1",
            "salt-run --async manage.status",
        ],
    );
}

#[test]
fn an_orchestration_is_watched_to_its_end() {
    let fake = Fake::start(
        Script::new()
            .answer("POST /run", json!({"run": JID, "cursor": 41}))
            .events(
                &format!("/runs/{JID}/watch"),
                vec![run_view(), ended_view()],
            )
            .answer(&format!("GET /runs/{JID}/return"), run_return())
            .answer(&format!("GET /runs/{JID}"), ended_view())
            .answer(&format!("POST /runs/{JID}/cancel"), ended_view())
            .answer("GET /runs", json!([ended_view()])),
    );
    fake.transcript(
        "orchestration",
        &[
            "salt-run state.orchestrate orch.kubic pillar='{\"a\": 1}'",
            "salt-run state.orch orch.kubic --quiet",
            &format!("'brine run' attach {JID}"),
            &format!("'brine run' show {JID}"),
            "'brine run' list",
            &format!("'brine run' cancel {JID}"),
        ],
    );
}

#[test]
fn events_are_printed_as_salts_runner_does() {
    let event = |cursor: u64, tag: &str| {
        json!({"cursor": cursor, "tag": tag, "data": {"id": "web01", "cmd": "_minion_event",
               "_stamp": "2026-11-21T08:17:11.189257"}})
    };
    let health = json!({"version": "0.1.0", "pid": 1, "head": 40, "config_dir": "/etc/salt"});
    let fake = Fake::start(Script::new().answer("GET /health", health).events(
        "/events",
        vec![
            event(41, "salt/minion/web01/start"),
            event(42, "minion_start"),
            event(43, "salt/minion/web02/start"),
        ],
    ));
    fake.transcript(
        "events",
        &[
            "salt-run state.event 'salt/minion/*/start' count=2",
            "salt-run state.event 'salt/minion/web0[0-9]+/start' count=1 pretty=True",
            "salt-run state.event count=3 quiet=True",
        ],
    );
}

#[test]
fn keys_are_listed_and_decided() {
    let keys = json!({"minions": ["web01"], "minions_pre": ["db*", "web02", "web03"],
                      "minions_rejected": ["bad"], "minions_denied": []});
    let fake = Fake::start(
        Script::new()
            .answer("GET /keys", keys)
            .answer("POST /run", json!({"minions": {"web01": "aa:bb"}})),
    );
    fake.transcript(
        "keys",
        &[
            "salt-key -L",
            "salt-key -l pre --out=json",
            "salt-key -f web01",
            "echo y | salt-key -a 'web*'",
            "echo | salt-key -a 'db*'",
            "echo n | salt-key -A",
            "echo | salt-key -d web01",
            "salt-key -d web01",
            "salt-key -y -d 'web*'",
            "salt-key -y -a bad",
            "salt-key -y -a bad --include-rejected",
        ],
    );
}
