//! Loads as minions of all ages write them, and malformed ones.

use proptest::prelude::*;

use super::*;
use crate::Request;
use crate::crypt::SigAlgo;
use crate::msgpack;
use crate::testdata::{minion_public, vector};

fn id() -> MinionId {
    "web01".parse().expect("an id")
}

fn asked(cmd: &str, fields: &[(&str, Value)]) -> Request {
    let mut load: Map = fields.iter().cloned().collect();
    load.insert("cmd", cmd);
    Request::aes(load, Some(&id()))
}

fn list(items: &[&str]) -> Value {
    items.iter().map(|item| Value::str(*item)).collect()
}

// Item 62.
#[test]
fn both_names_of_the_tops_are_known() {
    for cmd in ["_master_tops", "_ext_nodes"] {
        assert!(matches!(asked(cmd, &[]), Request::MasterTops(_)));
    }
}

// Item 57.
#[test]
fn a_pushed_file_stays_in_its_folder() {
    let push = |path: Value| {
        let fields = [
            ("path", path),
            ("size", Value::Int(1)),
            ("loc", Value::Int(0)),
            ("data", Value::Bytes(vec![0xff])),
        ];
        asked("_file_recv", &fields)
    };
    assert!(matches!(push(list(&["etc", "motd"])), Request::FileRecv(_)));
    for path in [
        list(&["..", "x"]),
        list(&["a", "../x"]),
        list(&["/etc"]),
        list(&["a\\b"]),
        list(&["a\0"]),
        list(&["a", ""]),
        list(&["."]),
        list(&[]),
        Value::str("etc/motd"),
    ] {
        assert!(matches!(push(path), Request::Malformed { .. }));
    }
}

// Item 58.
#[test]
fn a_jid_that_is_a_path_is_refused() {
    let path = asked("pub_ret", &[("jid", Value::str("../x"))]);
    assert!(matches!(path, Request::Malformed { .. }));
    let jid = asked("pub_ret", &[("jid", Value::str("20261121081655861002"))]);
    assert!(matches!(jid, Request::PubRet(_)));
}

// Item 53.
#[test]
fn a_return_may_ask_for_a_jid_and_keeps_its_whole_load() {
    let fields = [
        ("jid", Value::str("req")),
        ("fun", Value::str("test.ping")),
        ("return", Value::Nil),
        ("metadata", Value::str("kept")),
    ];
    let Request::Return(load) = asked("_return", &fields) else {
        panic!("not a return")
    };
    assert_eq!(load.jid, returns::ReturnJid::Requested);
    assert_eq!(load.ret, Value::Nil);
    assert_eq!(load.load.get("metadata"), Some(&Value::str("kept")));
}

#[test]
fn a_minions_signature_over_its_return_is_checked() {
    let Value::Map(mut map) = msgpack::decode(&vector("load_raw")).expect("msgpack") else {
        panic!("not a map")
    };
    map.insert("sig", Value::Bytes(vector("minion_sig_new")));
    let Request::Return(mut load) = Request::aes(map, Some(&id())) else {
        panic!("not a return")
    };
    assert!(load.is_signed_by(&minion_public(), SigAlgo::Pkcs1v15Sha1));
    load.load.insert("retcode", 1);
    assert!(!load.is_signed_by(&minion_public(), SigAlgo::Pkcs1v15Sha1));
}

#[test]
fn events_come_in_two_forms() {
    let one = [
        ("tag", Value::str("t")),
        ("data", Value::str("d")),
        ("id", Value::str("other")),
    ];
    let Request::MinionEvent(load) = asked("_minion_event", &one) else {
        panic!("not an event")
    };
    let event::MinionEvents::One { tag, data } = load.events else {
        panic!("one event was sent")
    };
    assert_eq!(
        (tag.as_str(), data.get("id")),
        ("t", Some(&Value::str("web01")))
    );
    let item = Map::from([("tag", Value::str("a")), ("data", Value::Int(1))]);
    let many = [
        ("events", Value::List(vec![item.into()])),
        ("pretag", Value::Nil),
    ];
    let Request::MinionEvent(load) = asked("_minion_event", &many) else {
        panic!("not an event")
    };
    assert!(matches!(
        load.events,
        event::MinionEvents::Many { pretag: None, .. }
    ));
}

#[test]
fn a_mine_is_asked_for_one_or_many() {
    let ask = |fun: Value| {
        let Request::MineGet(load) = asked("_mine_get", &[("tgt", Value::str("*")), ("fun", fun)])
        else {
            panic!("not a question to the mine")
        };
        load.fun
    };
    assert_eq!(ask(Value::str("a.b")), mine::MineFun::One("a.b".into()));
    let many = mine::MineFun::Many(vec!["a".into(), "b".into()]);
    assert_eq!(ask(Value::str("a,b")), many);
    assert_eq!(ask(list(&["a", "b"])), many);
}

// Item 60.
#[test]
fn empty_resources_are_accepted() {
    let none = [
        ("resources", Value::Map(Map::new())),
        ("resource_grains", Value::Map(Map::new())),
    ];
    assert!(matches!(
        asked("_register_resources", &none),
        Request::RegisterResources(_)
    ));
}

// Item 61.
#[test]
fn files_and_options_need_no_id() {
    for cmd in ["_master_opts", "_file_envs", "_file_list", "_dir_list"] {
        let request = Request::aes(Map::from([("cmd", cmd)]), None);
        assert!(
            !matches!(request, Request::Unknown(_) | Request::Malformed { .. }),
            "{cmd}"
        );
    }
    let load = Map::from([
        ("cmd", Value::str("_serve_file")),
        ("path", Value::str("a")),
        ("loc", Value::Int(0)),
    ]);
    let Request::ServeFile(load) = Request::aes(load, None) else {
        panic!("not a question for a file")
    };
    assert_eq!(load.saltenv, "base");
    let pillar = Request::aes(Map::from([("cmd", "_pillar")]), None);
    assert!(matches!(pillar, Request::Malformed { .. }));
}

#[test]
fn credentials_do_not_print_and_leave_the_keywords() {
    let kwargs = Map::from([("token", "hush"), ("delimiter", ":")]);
    let load = Map::from([
        ("cmd", Value::str("publish")),
        ("tgt", Value::str("*")),
        ("fun", Value::str("test.ping")),
        ("key", Value::str("hush")),
        ("jid", Value::str("")),
        ("kwargs", kwargs.into()),
    ]);
    let Request::Publish(load) = Request::clear(load) else {
        panic!("not a publish")
    };
    assert!(!format!("{load:?}").contains("hush"));
    assert!(!load.kwargs.contains_key("token"));
    assert!(
        load.credentials
            .key
            .as_ref()
            .is_some_and(|key| key.is("hush"))
    );
    assert!(load.credentials.token.is_some());
    assert_eq!(load.jid, None);
}

proptest! {
    #[test]
    fn no_load_makes_it_panic(
        cmd in "_?(pillar|return|minion_event|mine_get|file_recv|serve_file|syndic_return)",
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        field in "(jid|fun|path|data|events|tgt|loc|load|return)",
    ) {
        if let Ok(value) = msgpack::decode(&bytes) {
            let load = Map::from([("cmd", Value::str(cmd)), (field.as_str(), value)]);
            let _ = Request::aes(load, Some(&id()));
        }
    }
}
