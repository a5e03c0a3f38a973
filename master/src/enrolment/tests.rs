//! Each clause, and all of them together.

use std::net::IpAddr;

use super::clauses::{Candidate, judge};
use super::decide::{Act, on_act};
use super::inventory::is_in;
use super::*;
use model::{Map, MinionId, Timestamp, Value};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn terms() -> Terms {
    Terms {
        is_policy: true,
        is_lab: false,
        needs_window: false,
        allows_rebuild: false,
        per_minute: 0,
        total: 0,
        pending_max: 0,
    }
}

fn evidence(uuid: Option<&str>) -> Evidence {
    Evidence {
        listed: vec![Listed {
            list: "uuid".into(),
            sent: uuid.map(str::to_owned),
            is_listed: uuid.is_some_and(|uuid| uuid != "wrong"),
            is_shared: false,
        }],
        ..Evidence::default()
    }
}

fn failed(view: &View, terms: &Terms, evidence: &Evidence, now: u64) -> Vec<String> {
    let id: MinionId = "node".parse().unwrap();
    let candidate = Candidate {
        id: &id,
        from: "10.0.0.9",
        is_rebuild: false,
        accepted: 2,
    };
    let judgement = judge(view, terms, candidate, evidence, at(now));
    judgement.failed.into_iter().map(|it| it.clause).collect()
}

fn open(view: &mut View, for_secs: u64, count: u64, ids: &str) {
    let act = Act::Open {
        for_secs,
        count,
        ids: ids.into(),
        is_for_rebuilds: false,
    };
    for record in on_act(view, act, "root", at(100)).unwrap() {
        view.apply(at(100), &record);
    }
}

fn enrol(view: &mut View, id: &str, now: u64, window: Option<u64>) {
    let decided = Decided {
        id: id.parse().unwrap(),
        fingerprint: "f".into(),
        from: "10.0.0.9".into(),
        verdict: Verdict::Enrolled,
        failed: Vec::new(),
        claims: vec![format!("uuid={id}")],
        window,
    };
    view.apply(at(now), &EnrolmentRecord::Decided(decided));
}

#[test]
fn all_clauses_must_hold_and_each_that_does_not_is_named() {
    let view = View::default();
    let strict = Terms {
        needs_window: true,
        total: 2,
        ..terms()
    };
    let poor = Evidence {
        is_in_network: Some(false),
        row: Some(Err("no row".into())),
        ..evidence(Some("wrong"))
    };
    assert_eq!(
        failed(&view, &strict, &poor, 100),
        ["uuid", "network", "inventory", "window", "total"]
    );
    assert_eq!(failed(&view, &terms(), &evidence(None), 100), ["uuid"]);
    let good = Evidence {
        is_in_network: Some(true),
        row: Some(Ok("node".into())),
        ..evidence(Some("u-1"))
    };
    assert!(failed(&view, &terms(), &good, 100).is_empty());
}

#[test]
fn without_any_clause_nobody_enrols() {
    let nothing = Evidence::default();
    assert_eq!(
        failed(&View::default(), &terms(), &nothing, 100),
        ["operator"]
    );
}

#[test]
fn a_published_value_needs_another_clause() {
    let mut view = View::default();
    let published = evidence(Some(&published::values()[0]));
    assert_eq!(failed(&view, &terms(), &published, 100), ["uuid"]);
    let lab = Terms {
        is_lab: true,
        ..terms()
    };
    assert!(failed(&view, &lab, &published, 100).is_empty());
    open(&mut view, 60, 1, "*");
    assert!(failed(&view, &terms(), &published, 101).is_empty());
}

#[test]
fn a_window_closes_by_time_by_count_and_by_hand_and_is_for_its_ids() {
    let strict = Terms {
        needs_window: true,
        ..terms()
    };
    let mut view = View::default();
    open(&mut view, 60, 1, "node*");
    let node = evidence(Some("u-1"));
    assert!(failed(&view, &strict, &node, 159).is_empty());
    assert_eq!(
        failed(&view, &strict, &node, 160),
        ["window"],
        "its time is over"
    );
    enrol(&mut view, "node1", 110, Some(1));
    assert_eq!(
        failed(&view, &strict, &node, 120),
        ["window"],
        "one came in"
    );
    open(&mut view, 60, 9, "web*");
    assert_eq!(
        failed(&view, &strict, &node, 120),
        ["window"],
        "it is for others"
    );
    open(&mut view, 60, 9, "*");
    assert!(failed(&view, &strict, &node, 120).is_empty());
    for record in on_act(&view, Act::Close { window: None }, "root", at(120)).unwrap() {
        view.apply(at(120), &record);
    }
    assert_eq!(failed(&view, &strict, &node, 120), ["window"]);
    assert!(on_act(&view, Act::Close { window: Some(9) }, "root", at(120)).is_err());
}

#[test]
fn the_rate_is_of_the_last_minute() {
    let slow = Terms {
        per_minute: 2,
        ..terms()
    };
    let mut view = View::default();
    enrol(&mut view, "a", 100, None);
    enrol(&mut view, "b", 130, None);
    let node = evidence(Some("u-1"));
    assert_eq!(failed(&view, &slow, &node, 140), ["rate"]);
    assert!(failed(&view, &slow, &node, 160).is_empty());
}

#[test]
fn a_row_is_found_by_id_mac_or_uuid_and_a_row_with_an_id_is_for_it_alone() {
    let table = Map::from([
        ("00:00:00:11:11:11", Map::from([("role", "control_plane")])),
        ("4C4C-UUID", Map::from([("role", "worker"), ("id", "web3")])),
    ]);
    let pillar = Map::from([("kubic", Map::from([("nodes", table)]))]);
    let find = |id: &str, grains: Map| {
        let id: MinionId = id.parse().unwrap();
        let inventory = Inventory::default();
        let pillar = || pillar.clone();
        inventory.row("kubic:nodes", at(1), pillar, (&id, &grains))
    };
    let mac = Map::from([(
        "hwaddr_interfaces",
        Map::from([("eth0", "00:00:00:11:11:11")]),
    )]);
    assert_eq!(
        find("00:00:00:11:11:11", Map::new()).as_deref(),
        Ok("00:00:00:11:11:11")
    );
    assert_eq!(find("any", mac).as_deref(), Ok("00:00:00:11:11:11"));
    let uuid = Map::from([("uuid", "4c4c-uuid")]);
    assert_eq!(find("web3", uuid.clone()).as_deref(), Ok("4C4C-UUID"));
    assert!(find("thief", uuid).unwrap_err().contains("web3"));
    assert!(find("nobody", Map::new()).is_err());
    let empty = Inventory::default().row(
        "kubic:nodes",
        at(1),
        Map::new,
        (&"a".parse().unwrap(), &Map::new()),
    );
    assert!(empty.unwrap_err().contains("kubic:nodes"));
}

#[test]
fn networks_are_read_as_written() {
    let address: IpAddr = "10.0.1.9".parse().unwrap();
    for (network, expected) in [
        ("10.0.0.0/16", Some(true)),
        ("10.0.0.0/24", Some(false)),
        ("10.0.1.9", Some(true)),
        ("0.0.0.0/0", Some(true)),
        ("::/0", Some(false)),
        ("10.0.0.0/33", None),
        ("ten", None),
    ] {
        assert_eq!(is_in(network, address), expected, "{network}");
    }
    let mapped: IpAddr = "::ffff:10.0.1.9".parse().unwrap();
    assert_eq!(is_in("10.0.0.0/16", mapped), Some(true));
}

#[test]
fn a_decision_is_an_event_that_names_the_clauses() {
    let decided = Decided {
        id: "node".parse().unwrap(),
        fingerprint: "f".into(),
        from: "10.0.0.9".into(),
        verdict: Verdict::Waits,
        failed: vec![Failed::new("uuid", "'x' is not listed")],
        claims: Vec::new(),
        window: None,
    };
    let events = EnrolmentRecord::Decided(decided).events();
    let (tag, data) = &events[0];
    assert_eq!(tag.as_str(), "salt/enrolment/minion/node");
    let failed = data.get("failed").and_then(Value::as_list).unwrap();
    assert_eq!(failed, [Value::str("uuid: 'x' is not listed")]);
}
