//! Jobs: published once, returned once, whatever is said twice.

use std::fs;

use minion_protocol::Version;
use model::{Map, Value};
use tests::sim_minion::SimMinion;
use tests::test_master::{QUIET, TestMaster};
use tests::wait;
use tests::worker::Worker;

#[test]
fn a_ping_reaches_all_three_protocols_and_is_printed() {
    let master = TestMaster::start_with("auto_accept: True");
    let versions = [Version::V0, Version::V2, Version::V3];
    let start = |version: Version| {
        Worker::start(&format!("v{}", version.number()), version, master.ports())
    };
    let _minions = versions.map(start);
    let words = ["*", "test.ping", "--out=json", "--static"];
    let said = master.run("cmd", &words).well().json();
    assert_eq!(
        said,
        serde_json::json!({"v0": true, "v2": true, "v3": true})
    );
    let said = master.run(
        "cmd",
        &[
            "-L",
            "v0,v3",
            "test.echo",
            "hello",
            "--out=json",
            "--static",
        ],
    );
    assert_eq!(
        said.well().json(),
        serde_json::json!({"v0": "hello", "v3": "hello"})
    );
}

#[test]
fn a_second_return_changes_nothing() {
    let master = TestMaster::start_with(QUIET);
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let before = master.head();
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    wait::until("job and sending to be on record", || {
        (master.head() >= before + 2).then_some(())
    });
    assert_eq!(minion.returns(&jid, "test.ping", true).unwrap(), Value::Nil);
    let first = master.api().get(&format!("/jobs/{jid}"));
    let head = master.head();
    assert_eq!(
        minion.returns(&jid, "test.ping", "again").unwrap(),
        Value::Nil
    );
    assert_eq!(master.api().get(&format!("/jobs/{jid}")), first);
    assert_eq!(first["returns"]["web"]["return"], true);
    assert_eq!(master.head(), head, "nothing was recorded");
}

#[test]
fn a_return_of_an_unknown_job_is_answered_and_forgotten() {
    let master = TestMaster::start_with(QUIET);
    for version in [Version::V0, Version::V2, Version::V3] {
        let id = format!("v{}", version.number());
        let mut minion = SimMinion::new(&id, version, master.ports());
        minion.sign_in_accepted();
        let jid = "20200101000000000000";
        // The first request proves the version that the key speaks, which is recorded.
        assert_eq!(minion.returns(jid, "test.ping", true).unwrap(), Value::Nil);
        let head = master.head();
        assert_eq!(minion.returns(jid, "test.ping", true).unwrap(), Value::Nil);
        assert_eq!(master.head(), head, "nothing was recorded");
        let (status, _) = master.api().try_get(&format!("/jobs/{jid}")).unwrap();
        assert_eq!(status, 404);
    }
}

#[test]
fn a_return_that_the_minion_started_itself_is_told_under_a_jid_of_its_own() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let before = master.head();
    assert_eq!(
        minion.returns("req", "test.ping", true).unwrap(),
        Value::Nil
    );
    let events = master
        .api()
        .events_up_to(before, "salt/job/*/ret/web", |_| true);
    let jid = events[0]["data"]["jid"].as_str().unwrap();
    assert_eq!(events[0]["tag"], format!("salt/job/{jid}/ret/web"));
    assert_eq!(events[0]["data"]["return"], true);
}

#[test]
fn returns_outlive_a_kill_of_the_master() {
    let mut master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V2, master.ports());
    minion.sign_in_accepted();
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    minion
        .returns(
            &jid,
            "test.ping",
            Map::from([("bytes", Value::Bytes(vec![0xff, 0xfe]))]),
        )
        .unwrap();
    let before = master.api().get(&format!("/jobs/{jid}"));
    master.restart();
    assert_eq!(master.api().get(&format!("/jobs/{jid}")), before);
    assert!(before["returns"]["web"]["return"]["bytes"] != serde_json::Value::Null);
}

#[test]
fn a_return_is_on_the_bus_for_whoever_asks_later() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let before = master.head();
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    minion.returns(&jid, "test.ping", true).unwrap();
    let tag = format!("salt/job/{jid}/ret/web");
    let events = master
        .api()
        .events_up_to(before, "salt/job/*", |event| event["tag"] == tag.as_str());
    let tags: Vec<_> = events
        .iter()
        .filter_map(|event| event["tag"].as_str())
        .collect();
    let new = format!("salt/job/{jid}/new");
    assert_eq!(
        tags.iter().filter(|known| **known == new).count(),
        1,
        "{tags:?}"
    );
}

#[test]
fn the_keys_change_does_not_lose_the_next_job() {
    let master = TestMaster::start_with("auto_accept: True");
    let workers = [Version::V0, Version::V3]
        .map(|version| Worker::start(&format!("v{}", version.number()), version, master.ports()));
    let mut gone = SimMinion::new("gone", Version::V3, master.ports());
    gone.sign_in_accepted();
    master.run("key", &["-y", "-d", "gone"]).well();
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    wait::until("both to have returned", || {
        workers
            .iter()
            .all(|worker| worker.acknowledged().contains(&jid))
            .then_some(())
    });
}

/// Names and sizes of the files in `large` of a master's store.
fn parts(master: &TestMaster) -> Vec<(String, u64)> {
    let found = fs::read_dir(master.root().join("var/cache/salt/master/store/large"));
    let sizes = found.expect("a folder").map(|file| {
        let file = file.expect("a file");
        let name = file.file_name().into_string().expect("a number");
        (name, file.metadata().expect("a file").len())
    });
    let mut sizes: Vec<_> = sizes.collect();
    sizes.sort();
    sizes
}

#[test]
fn large_values_stand_beside_the_log_and_are_found_whole() {
    let mut master = TestMaster::start_with(QUIET);
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let text = |letter: &str| letter.repeat(2_000_000);
    let jid = master.publish("*", "cmd.run", &["cat log"]).unwrap();
    assert_eq!(
        minion.returns(&jid, "cmd.run", text("a")).unwrap(),
        Value::Nil
    );
    // A second time nothing is recorded, and nothing is written.
    minion.returns(&jid, "cmd.run", text("b")).unwrap();
    // A job that it started by itself, and an event.
    minion.returns("req", "cmd.run", text("c")).unwrap();
    let data = Map::from([(
        "lines",
        Value::List(vec![text("d").into(), text("d").into()]),
    )]);
    minion.fires("custom/large", data).unwrap();
    let expect = |master: &TestMaster| {
        let found = parts(master);
        let expected = ["1", "2", "3"].map(|name| (name.to_owned(), 2_000_000));
        assert!(found == expected, "{found:?}");
        let job = master.api().get(&format!("/jobs/{jid}"));
        assert!(job["returns"]["web"]["return"] == text("a"));
        let is_last = |event: &serde_json::Value| event["tag"] == "custom/large";
        let events = master.api().events_up_to(0, "*", is_last);
        let with = |value: String| {
            events
                .iter()
                .filter(move |event| event.to_string().contains(&value))
        };
        // Each return is told for its job.
        assert!(with(text("a")).count() > 0);
        assert_eq!(with(text("b")).count(), 0);
        assert_eq!(with(text("c")).count(), 1);
        let event = &events.last().expect("the event")["data"]["data"];
        let lines = serde_json::json!([text("d"), text("d")]);
        assert!(event["lines"] == lines);
    };
    expect(&master);
    let store = master.root().join("var/cache/salt/master/store");
    let log = ["log.sqlite", "log.sqlite-wal"].map(|name| fs::metadata(store.join(name)));
    let bytes: u64 = log.into_iter().flatten().map(|file| file.len()).sum();
    assert!(bytes < 1_500_000, "{bytes} bytes in the log");
    master.restart();
    expect(&master);
}
