//! Every request kind of one recorded real installation, against this master: none is unanswered.
//!
//! The recording is of two nodes that went through the whole of Kubic's orchestration under
//! python's master; here is what it comes to: each command with each set of fields that was seen
//! with it.

use minion_protocol::Version;
use model::{Map, Value};
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;

/// Commands under a minion's keys, with the fields seen (without `cmd`, and without `id` and `ts`,
/// which the channel adds).
const SEALED: [(&str, &[&str]); 14] = [
    (
        "_pillar",
        &[
            "extra_minion_data",
            "grains",
            "pillar_override",
            "pillarenv",
            "saltenv",
            "ver",
        ],
    ),
    ("_minion_event", &["data", "pretag", "tag"]),
    ("_master_opts", &[]),
    ("_file_envs", &[]),
    ("_file_hash", &["path", "saltenv"]),
    ("_file_find", &["path", "saltenv"]),
    ("_serve_file", &["loc", "path", "saltenv"]),
    ("_master_tops", &["opts"]),
    ("_file_list", &["prefix", "saltenv"]),
    (
        "_return",
        &[
            "_stamp", "fun", "fun_args", "jid", "retcode", "return", "success", "user",
        ],
    ),
    (
        "_return",
        &[
            "_stamp", "fun", "fun_args", "jid", "out", "retcode", "return", "success", "user",
        ],
    ),
    ("_mine", &["_stamp", "clear", "data"]),
    ("_mine_get", &["fun", "tgt", "tgt_type"]),
    ("_mine_delete", &["_stamp", "fun"]),
];

fn value_of(field: &str, cmd: &str, jid: &str) -> Value {
    match field {
        "grains" => Map::from([("os", "SUSE"), ("id", "00:00:00:11:11:11")]).into(),
        "extra_minion_data" | "pillar_override" | "opts" => Map::new().into(),
        "pillarenv" | "pretag" => Value::Nil,
        "saltenv" if cmd == "_pillar" => Value::Nil,
        "saltenv" => Value::str("base"),
        "ver" => Value::str("2"),
        "data" if cmd == "_mine" => {
            Map::from([("join_params", Map::from([("token", "a.b")]))]).into()
        }
        "data" => Value::str("Minion started"),
        "tag" => Value::str("minion_start"),
        "path" => Value::str("top.sls"),
        "loc" | "retcode" => Value::Int(0),
        "prefix" => Value::str(""),
        "fun" if cmd == "_return" => Value::str("saltutil.sync_all"),
        "fun" => Value::str("join_params"),
        "fun_args" => Value::List(Vec::new()),
        "jid" => Value::str(jid),
        "return" => Map::from([("beacons", Value::List(Vec::new()))]).into(),
        "success" => Value::Bool(true),
        "clear" => Value::Bool(false),
        "user" => Value::str("root"),
        "out" => Value::str("highstate"),
        "tgt" => Value::str("00:00:00:11:11:11"),
        "tgt_type" => Value::str("glob"),
        "_stamp" => Value::str("2026-11-21T08:17:13.263168"),
        other => panic!("field {other} of {cmd} has no value here"),
    }
}

#[test]
fn every_recorded_request_is_answered_under_its_own_keys() {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write("salt/top.sls", "base: {}\n");
    master.start();
    for version in [Version::V0, Version::V2, Version::V3] {
        let id = format!("00:00:00:11:11:1{}", version.number());
        let mut minion = SimMinion::new(&id, version, master.ports());
        minion.sign_in_accepted();
        let jid = master.publish("*", "saltutil.sync_all", &[]).unwrap();
        for (cmd, fields) in SEALED {
            let mut load: Map = fields
                .iter()
                .map(|field| (*field, value_of(field, cmd, &jid)))
                .collect();
            load.insert("id", id.as_str());
            if cmd == "_pillar" {
                assert!(minion.pillar().unwrap().as_map().is_some(), "{version:?}");
                continue;
            }
            let answer = minion.asks(cmd, load);
            let is_right = match cmd {
                "_minion_event" | "_return" => answer.is_nil(),
                "_master_opts" => answer.get("file_roots").is_some(),
                "_file_envs" | "_file_list" => answer.as_list().is_some_and(|all| !all.is_empty()),
                "_file_hash" => answer.get("hsum").is_some(),
                "_file_find" | "_serve_file" | "_master_tops" | "_mine_get" => {
                    answer.as_map().is_some()
                }
                _ => answer == Value::Bool(true),
            };
            assert!(is_right, "{cmd} of {version:?}: {answer:?}");
        }
        let tops = Map::from([("id", Value::str(&id)), ("opts", Map::new().into())]);
        assert_eq!(minion.asks("_ext_nodes", tops), Value::Map(Map::new()));
        let resources = Map::from([
            ("id", Value::str(&id)),
            ("resources", Map::new().into()),
            ("resource_grains", Map::new().into()),
        ]);
        assert_eq!(
            minion.asks("_register_resources", resources),
            Value::Bool(true)
        );
        assert_eq!(
            minion.asks("_prep_auth_info", Map::new()),
            Value::Map(Map::new())
        );
    }
    let log = master.log();
    assert!(!log.contains("malformed load"), "{log}");
}
