//! Events of minions: on the bus as they said them, as far as they may.

use minion_protocol::Version;
use model::{Map, Value};
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;

#[test]
fn a_minions_events_are_on_the_bus_in_order_and_outlive_a_kill() {
    let mut master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    let before = master.head();
    for number in 0..20 {
        minion
            .fires("yomi/step", Map::from([("number", number)]))
            .unwrap();
    }
    minion.fires("yomi/end", Map::new()).unwrap();
    master.restart();
    let events = master
        .api()
        .events_up_to(before, "yomi/*", |event| event["tag"] == "yomi/end");
    let numbers = events
        .iter()
        .filter_map(|event| event["data"]["data"]["number"].as_u64());
    assert_eq!(numbers.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    assert!(events.iter().all(|event| event["data"]["id"] == "web"));
    assert!(
        events
            .iter()
            .all(|event| event["data"].get("tok").is_none())
    );
}

#[test]
fn a_minion_does_not_speak_for_the_master_or_for_another() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in [Version::V0, Version::V2, Version::V3] {
        let id = format!("v{}", version.number());
        let mut minion = SimMinion::new(&id, version, master.ports());
        minion.sign_in_accepted();
        let before = master.head();
        let forbidden = [
            "salt/job/20261121081655861002/new",
            "salt/job/20261121081655861002/ret/other",
            "salt/minion/other/start",
            "salt/auth",
            "salt/key",
            "salt/run/20261121081655861002/ret",
            "20261121081655861002",
        ];
        for tag in forbidden {
            minion.fires(tag, "forged").unwrap();
            let event = Map::from([("tag", Value::str(tag)), ("data", Map::new().into())]);
            let load = Map::from([
                ("id", Value::str(&minion.id)),
                ("tok", Value::Bytes(minion.token())),
                ("events", Value::List(vec![event.into()])),
                ("pretag", Value::Nil),
            ]);
            minion.asks("_minion_event", load);
        }
        minion.fires("last", "true").unwrap();
        let events = master
            .api()
            .events_up_to(before, "*", |event| event["tag"] == "last");
        let tags: Vec<_> = events
            .iter()
            .filter_map(|event| event["tag"].as_str())
            .collect();
        assert_eq!(tags, ["last"], "{version:?}");
    }
}

#[test]
fn a_start_is_known_with_its_moment() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    assert!(master.api().get("/minions")[0]["started"].is_null());
    minion.fires_start().unwrap();
    assert!(!master.api().get("/minions")[0]["started"].is_null());
}
