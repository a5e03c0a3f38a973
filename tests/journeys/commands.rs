//! The programs: what operators type, and clear words when something is wrong.

use minion_protocol::Version;
use tests::test_master::TestMaster;
use tests::worker::Worker;

#[test]
fn jobs_are_listed_and_looked_up() {
    let master = TestMaster::start_with("auto_accept: True");
    let _minion = Worker::start("web", Version::V3, master.ports());
    master.run("cmd", &["*", "test.ping"]).well();
    let jobs = master
        .run("run", &["jobs.list_jobs", "--out=json"])
        .well()
        .json();
    let (jid, job) = jobs.as_object().unwrap().iter().next().unwrap();
    assert_eq!(job["Function"], "test.ping", "{jobs}");
    let found = master
        .run("run", &["jobs.lookup_jid", jid, "--out=json"])
        .well()
        .json();
    assert_eq!(found["web"], true, "{found}");
}

#[test]
fn nobody_that_matches_is_said_and_nothing_is_published() {
    let master = TestMaster::start_with("");
    let said = master.run("cmd", &["nobody", "test.ping"]);
    assert_ne!(said.code, 0, "{said:?}");
    let text = format!("{}{}", said.out, said.err);
    assert!(text.contains("No minions matched"), "{text}");
}

#[test]
fn a_config_that_is_no_yaml_is_named_with_its_file_and_line() {
    let mut master = TestMaster::prepare("");
    master.write(
        "etc/master.d/broken.conf",
        "ok: 1\nbroken: [1, 2\nmore: 3\n",
    );
    master.spawn();
    assert!(!master.wait_ended().success());
    let log = master.log();
    assert!(log.contains("broken.conf"), "{log}");
    assert!(
        log.contains("line") || log.contains("broken.conf:"),
        "{log}"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let first = TestMaster::start_with("");
    let (publish_port, _) = first.ports();
    let mut second = TestMaster::prepare("");
    second.write(
        "etc/master.d/port.conf",
        format!("publish_port: {publish_port}\n"),
    );
    second.spawn();
    assert!(!second.wait_ended().success());
    let log = second.log();
    assert!(
        log.contains(&publish_port.to_string()) && log.contains("in use"),
        "{log}"
    );
}

#[test]
fn two_masters_do_not_share_a_folder() {
    let mut first = TestMaster::start_with("");
    let mut second = TestMaster::prepare("");
    let root = format!("root_dir: {}\n", first.root().display());
    second.write("etc/master.d/root.conf", root);
    second.spawn();
    assert!(!second.wait_ended().success(), "{}", second.log());
    assert!(first.ended().is_none());
    first.api().get("/health");
}

#[test]
fn without_a_master_a_command_says_what_to_do() {
    let master = TestMaster::prepare("");
    for program in ["cmd", "key", "run"] {
        let words: &[&str] = match program {
            "cmd" => &["*", "test.ping"],
            "key" => &["-L"],
            _ => &["jobs.list_jobs"],
        };
        let said = master.run(program, words);
        assert_ne!(said.code, 0, "{said:?}");
        assert!(said.err.contains("brine.sock"), "{said:?}");
    }
}
