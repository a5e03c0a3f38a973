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
            "'brine run' approve 20261121081709874598",
            "'brine run' list --from x",
            "salt-run --from x jobs.list_jobs",
            "'brine run' plan",
            "'brine run' plan orch.kubic --out=txt",
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
            "'brine run' show",
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

fn plan_view() -> serde_json::Value {
    let step = |id: &str, what: &str, marks: &[&str], needs: serde_json::Value, nodes: &[&str]| {
        json!({"key": format!("salt_|-{id}_|-{id}_|-x"), "id": id, "fun": "salt.x", "what": what,
               "marks": marks, "needs": needs, "nodes": nodes, "is_change": !nodes.is_empty(),
               "target": "", "target_type": "glob"})
    };
    let need = |id: &str, kind: &str| {
        let key = format!("salt_|-{id}_|-{id}_|-x");
        json!([{"kind": kind, "key": key, "id": id}])
    };
    let steps = vec![
        step(
            "sure",
            "ask: the disks of 2 nodes are wiped",
            &["approval"],
            json!([]),
            &[],
        ),
        step(
            "install",
            "apply microos on *",
            &["wipe", "reboot"],
            need("sure", "require"),
            &["00:00:00:11:11:11", "00:00:00:22:22:22"],
        ),
        step(
            "told",
            "runner \"test.arg\" <x>",
            &[],
            need("install", "onchanges"),
            &[],
        ),
        step(
            "after",
            "test.ping on *",
            &["finally"],
            json!([]),
            &["00:00:00:11:11:11"],
        ),
    ];
    json!({"name": "orch.kubic", "hash": "0123456789abcdef", "changes": 2, "steps": steps,
        "warnings": ["'install' targets nobody"],
        "nodes": [
            {"id": "00:00:00:11:11:11", "roles": ["control_plane"], "is_accepted": true,
             "is_connected": true, "steps": ["install", "after"],
             "facts": ["sda QEMU-1 40 GB, empty"]},
            {"id": "00:00:00:22:22:22", "roles": ["worker"], "is_accepted": false,
             "is_connected": false, "steps": []}]})
}

fn explanation() -> serde_json::Value {
    let mut run = run_view();
    run["notices"] = json!(["changed since this run was planned: orch/kubic.sls"]);
    run["next"] = json!([format!("brine run attach {JID}")]);
    run["tree"] = json!([{
        "id": "wait_for_reboots", "fun": "salt.wait_for_event", "phase": "failed",
        "why": "Timeout value reached.\nNot seen: 00:00:00:22:22:22.", "started": null,
        "until": null, "proof": 420, "jid": JID,
        "awaits": [
            {"id": "00:00:00:11:11:11", "is_here": true, "proof": 417, "is_accepted": true},
            {"id": "00:00:00:22:22:22", "is_here": false, "phase": "lost", "why": "no connection",
             "proof": 419, "is_accepted": true, "is_connected": false},
            {"id": "12345", "is_here": false}]}]);
    run
}

#[test]
fn a_plan_is_shown_in_every_form_and_its_code_is_terraforms() {
    let fake = Fake::start(Script::new().answer("POST /plan", plan_view()));
    fake.transcript(
        "plan",
        &[
            "'brine run' plan orch.kubic pillar='{\"a\": 1}'",
            "'brine run' plan orch.kubic --out=mermaid",
            "'brine run' plan orch.kubic --out=dot",
            "'brine run' plan orch.kubic --out=json --out-indent=-1",
        ],
    );
    let nothing = json!({"name": "orch.noop", "hash": "00", "changes": 0, "steps": [],
                         "warnings": [], "nodes": []});
    let mut looked = plan_view();
    looked["look"] = json!({
        "jids": ["20261121081709874598"], "asked": 2, "silent": ["00:00:00:22:22:22"],
        "carriers": ["00:00:00:11:11:11"], "yes_wipe": "fedcba9876543210",
    });
    let looking = Fake::start(Script::new().answer("POST /plan", looked));
    looking.transcript("plan-look", &["'brine run' plan orch.kubic --look"]);
    let fake = Fake::start(Script::new().answer("POST /plan", nothing));
    fake.transcript("plan-nothing", &["'brine run' plan orch.noop"]);
    let refused = json!({"error": "No matching sls found for 'orch.x' in env 'base'"});
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let fake = Fake::start(Script::new().refuse("POST /plan", status, refused));
    fake.transcript("plan-refused", &["'brine run' plan orch.x"]);
}

#[test]
fn a_person_answers_resumes_and_asks_why() {
    let refused = json!({"error": "step 'sure' was answered already: Approved by alice.",
        "hint": "nothing waits for an approval now"});
    let runs = format!("/runs/{JID}");
    let fake = Fake::start(
        Script::new()
            .answer(&format!("POST {runs}/approve"), run_view())
            .answer(&format!("POST {runs}/resume"), run_view())
            .answer(&format!("GET {runs}/explain"), explanation()),
    );
    fake.transcript(
        "answers",
        &[
            &format!("'brine run' approve {JID} sure"),
            &format!("'brine run' reject {JID} sure"),
            &format!("'brine run' resume {JID}"),
            &format!("'brine run' explain {JID} --out=json --out-indent=-1"),
        ],
    );
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let fake = Fake::start(Script::new().refuse(&format!("POST {runs}/approve"), status, refused));
    fake.transcript(
        "answer-refused",
        &[&format!("'brine run' approve {JID} sure")],
    );
}

#[test]
fn a_retry_is_followed_to_its_end() {
    let again = "20261121091709874598";
    let fake = Fake::start(
        Script::new()
            .answer(
                &format!("POST /runs/{JID}/retry"),
                json!({"run": again, "cursor": 41}),
            )
            .events(&format!("/runs/{again}/watch"), vec![ended_view()])
            .answer(&format!("GET /runs/{again}/return"), run_return()),
    );
    fake.transcript(
        "retry",
        &[
            &format!("'brine run' retry {JID} --from two"),
            &format!("'brine run' retry {JID} --async"),
        ],
    );
}

#[test]
fn a_stream_whose_place_is_forgotten_says_so() {
    let fake = Fake::start(
        Script::new()
            .error(
                "/events",
                json!({"error": "the events after 3 are no longer kept; the oldest begin after 90",
               "oldest": 90}),
            )
            .answer("GET /health", json!({"version": "0", "pid": 1, "head": 3})),
    );
    fake.transcript("forgotten-events", &["salt-run state.event"]);
}
