//! Secrets of runs: who reads them, how often, and that no file of the master ever holds one.

use std::fs;
use std::path::Path;

use minion_protocol::Version;
use model::{Map, Value};
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;
use tests::wait;
use tests::worker::{SECRET, Worker};

const SLS: &str = "
token:
  salt.secret:
    - name: join
    - function: secret.make
    - tgt: maker
    - readers: [reader, late]
    - plain: [endpoint]
    - revoke: {function: secret.revoke, arg: [it]}
say:
  salt.function:
    - name: secret.leak
    - tgt: maker
    - require: [{salt: token}]
hold:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: 900
    - require: [{salt: say}]
";

struct Scene {
    master: TestMaster,
    maker: Worker,
    run: String,
}

fn minion(master: &TestMaster, id: &str) -> SimMinion {
    let mut minion = SimMinion::new(id, Version::V3, master.ports());
    minion.sign_in_accepted();
    minion
}

/// Starts the run and waits until it holds its secret and has said it aloud.
fn holding(config: &str) -> Scene {
    let mut master = TestMaster::prepare(&format!("auto_accept: True\n{config}"));
    master.write("salt/secret.sls", SLS);
    master.write("etc/master.d/verbose.conf", "log_level: debug\n");
    master.start();
    let maker = Worker::start("maker", Version::V3, master.ports());
    let run = master.orchestrate("secret");
    wait::until("the run to hold its secret", || {
        let view = master.api().get(&format!("/runs/{run}"));
        assert_eq!(view["phase"], "running", "{view:#}");
        (view["tree"][2]["phase"] == "running").then_some(())
    });
    Scene { master, maker, run }
}

fn get(minion: &SimMinion) -> Value {
    let load = Map::from([
        ("id", Value::str(&minion.id)),
        ("tok", Value::Bytes(minion.token())),
        ("tgt", Value::str("maker")),
        ("fun", Value::str("join")),
        ("tgt_type", "glob".into()),
    ]);
    minion.asks("_mine_get", load)
}

fn read() -> Value {
    let value = Map::from([("token", SECRET), ("endpoint", "10.0.0.1:6443")]);
    Map::from([("maker", value)]).into()
}

fn nothing() -> Value {
    Value::Map(Map::new())
}

fn end(scene: &Scene) -> serde_json::Value {
    minion(&scene.master, "web")
        .fires_start()
        .expect("the master answers");
    scene.master.wait_run(&scene.run)
}

/// How often the maker was told to revoke.
fn revoked(maker: &Worker) -> usize {
    let all = maker.received();
    let meant = all
        .iter()
        .filter(|load| load.get("fun") == Some(&Value::str("secret.revoke")));
    meant.count()
}

/// Looks into every file below a folder.
fn files_with(folder: &Path, needle: &str, found: &mut Vec<String>) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        // A file that is being replaced has another name for a moment.
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        let kind = metadata.file_type();
        if kind.is_dir() {
            files += files_with(&path, needle, found);
        } else if kind.is_file() {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                read => read.expect("a file"),
            };
            files += 1;
            let is_in = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            if is_in {
                found.push(path.display().to_string());
            }
        }
    }
    files
}

fn expect_nowhere(master: &TestMaster) {
    let mut found = Vec::new();
    let files = files_with(&master.path(""), SECRET, &mut found);
    assert!(files > 10, "{files} files");
    assert!(found.is_empty(), "the secret stands in {found:?}");
}

#[test]
fn readers_read_once_and_nobody_else_ever() {
    let scene = holding("");
    let (reader, stranger) = (
        minion(&scene.master, "reader"),
        minion(&scene.master, "stranger"),
    );
    assert_eq!(get(&stranger), nothing());
    expect_nowhere(&scene.master);
    assert_eq!(get(&reader), read());
    wait::until("the reading to be noted", || {
        (get(&reader) == nothing()).then_some(())
    });
    assert_eq!(get(&stranger), nothing());
    expect_nowhere(&scene.master);
    let view = end(&scene);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    assert_eq!(revoked(&scene.maker), 1);
    let late = minion(&scene.master, "late");
    assert_eq!(get(&late), nothing(), "the run is over");
    expect_nowhere(&scene.master);
    let said = scene
        .master
        .run("run", &["show", &scene.run, "--out=json"])
        .well();
    assert!(!said.out.contains(SECRET), "{}", said.out);
    assert!(
        said.out
            .contains("joined 10.0.0.1:6443 with ** redacted **"),
        "{}",
        said.out
    );
    let events = told(&scene.master);
    assert!(!events.contains(SECRET), "{events}");
    for tag in ["made", "read", "refused"] {
        assert!(events.contains(&format!("/{tag}\"")), "{tag}: {events}");
    }
}

/// Everything that the bus has told.
fn told(master: &TestMaster) -> String {
    let last = minion(master, "last");
    last.fires("custom/last", Map::new())
        .expect("the master answers");
    let is_last = |event: &serde_json::Value| event["tag"] == "custom/last";
    let events = master.api().events_up_to(0, "*", is_last);
    serde_json::Value::from(events).to_string()
}

#[test]
fn a_secret_survives_a_killed_master_and_a_reading_too() {
    let mut scene = holding("");
    scene.master.restart();
    let mut reader = minion(&scene.master, "reader");
    assert_eq!(get(&reader), read());
    wait::until("the reading to be noted", || {
        (get(&reader) == nothing()).then_some(())
    });
    scene.master.restart();
    reader.sign_in_accepted();
    assert_eq!(get(&reader), nothing());
    assert_eq!(get(&minion(&scene.master, "late")), read());
    let view = end(&scene);
    assert_eq!(view["phase"], "succeeded", "{view:#}");
    assert_eq!(revoked(&scene.maker), 1);
    expect_nowhere(&scene.master);
}

#[test]
fn a_cancelled_run_revokes_its_secret_and_gives_it_no_more() {
    let scene = holding("");
    scene.master.run("run", &["cancel", &scene.run]).well();
    let view = scene.master.wait_run(&scene.run);
    assert_eq!(view["phase"], "cancelled", "{view:#}");
    assert_eq!(revoked(&scene.maker), 1);
    assert_eq!(get(&minion(&scene.master, "reader")), nothing());
    expect_nowhere(&scene.master);
}

#[test]
fn who_has_the_store_without_the_key_has_nothing() {
    let mut scene = holding("");
    scene.master.kill();
    let key = scene.master.root().join("etc/salt/pki/master/sealing.key");
    fs::remove_file(&key).expect("the key is where the manual says");
    scene.master.start();
    let reader = minion(&scene.master, "reader");
    let answer = reader.request(
        "_mine_get",
        Map::from([
            ("id", Value::str("reader")),
            ("tok", Value::Bytes(reader.token())),
            ("tgt", Value::str("maker")),
            ("fun", Value::str("join")),
            ("tgt_type", "glob".into()),
        ]),
    );
    assert!(!format!("{answer:?}").contains(SECRET));
    assert!(scene.master.log().contains("a secret cannot be opened"));
    assert_eq!(end(&scene)["phase"], "succeeded");
}

/// Starts a master whose state file `hidden` has a function of the maker, and hides its output.
fn hiding(function: &str) -> (TestMaster, Worker) {
    let mut master = TestMaster::prepare("auto_accept: True");
    let sls = format!(
        "make:\n  salt.function:\n    - name: {function}\n    - tgt: maker\n    \
         - hide_output: True\n"
    );
    master.write("salt/hidden.sls", sls);
    master.start();
    let maker = Worker::start("maker", Version::V3, master.ports());
    (master, maker)
}

#[test]
fn a_step_that_hides_its_output_leaves_it_in_no_file() {
    let (mut master, _maker) = hiding("secret.make");
    let said = master.run("run", &["state.orchestrate", "hidden"]).well();
    assert!(said.out.contains("** hidden **"), "{said:?}");
    assert!(!said.out.contains(SECRET), "{said:?}");
    assert!(!told(&master).contains(SECRET));
    master.restart();
    expect_nowhere(&master);
}

#[test]
fn a_large_output_that_is_hidden_never_reaches_the_disk() {
    let (master, _maker) = hiding("secret.flood");
    master.run("run", &["state.orchestrate", "hidden"]).well();
    expect_nowhere(&master);
    // Large values are counted: that of the run would have been the first.
    let large = master.root().join("var/cache/salt/master/store/large");
    assert_eq!(fs::read_dir(&large).expect("a folder").count(), 0);
    master.run("cmd", &["maker", "secret.flood"]).well();
    assert!(large.join("1").is_file());
}

#[test]
fn patterns_keep_secrets_out_of_every_file_and_screen() {
    let pattern = r"redact_patterns: ['\b[a-z0-9]{6}\.[a-z0-9]{16}\b']";
    let master = TestMaster::start_with(&format!("auto_accept: True\n{pattern}"));
    let _maker = Worker::start("maker", Version::V3, master.ports());
    let said = master.run("cmd", &["maker", "secret.leak"]).well();
    assert!(said.out.contains("with ** redacted **"), "{said:?}");
    assert!(!said.out.contains(SECRET), "{said:?}");
    let web = minion(&master, "web");
    let data = Map::from([("stdout", format!("token {SECRET}"))]);
    web.fires("custom/init", data).unwrap();
    assert!(!told(&master).contains(SECRET));
    expect_nowhere(&master);
}

#[test]
fn a_second_run_with_the_same_lock_is_refused_until_the_first_ends() {
    let mut master = TestMaster::prepare("auto_accept: True");
    let held = "
hold:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [web]
    - timeout: 900
    - lock: kubic
";
    master.write("salt/first.sls", held);
    let short = "again: {test.nop: [{lock: kubic}]}\n";
    master.write("salt/second.sls", short);
    master.start();
    let run = master.orchestrate("first");
    let refused = |master: &TestMaster| {
        let said = master.run("run", &["state.orchestrate", "second"]);
        assert_eq!(said.code, 1, "{said:?}");
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(&format!("run {run} of first")), "{all}");
        assert!(all.contains("holds the lock 'kubic'"), "{all}");
        assert!(all.contains(&format!("brine run cancel {run}")), "{all}");
    };
    refused(&master);
    master.restart();
    refused(&master);
    minion(&master, "web").fires_start().unwrap();
    assert_eq!(master.wait_run(&run)["phase"], "succeeded");
    master.run("run", &["state.orchestrate", "second"]).well();
}

#[test]
fn a_minion_that_is_deleted_during_a_run_ends_its_step_at_once() {
    // Nobody asks after the one that does not answer.
    let mut master = TestMaster::prepare("auto_accept: True\ntimeout: 600");
    let sls = "ask:\n  salt.function:\n    - name: test.ping\n    - tgt: [gone, never]\n    \
               - tgt_type: list\n";
    master.write("salt/ask.sls", sls);
    master.start();
    let _gone = minion(&master, "gone");
    let run = master.orchestrate("ask");
    master.run("key", &["-d", "gone", "-y"]).well();
    let view = master.wait_run(&run);
    assert_eq!(view["phase"], "failed", "{view:#}");
    let note = view["tree"][0]["note"].as_str().expect("a note");
    assert!(note.contains("Minion gone"), "{note}");
    assert!(note.contains("its key was taken away"), "{note}");
    assert!(
        note.contains("Minion never is not an accepted minion of this master."),
        "{note}"
    );
}
