//! What went wrong in Salt's masters, one test for each class that concerns transport, files,
//! returns, events, runners and publications: each bears the name of its advisory.

use minion_protocol::Version;
use model::{Map, Value};
use serde_json::json;
use tests::sim_minion::{Failure, SimMinion};
use tests::test_master::{QUIET, TestMaster};

const VERSIONS: [Version; 3] = [Version::V0, Version::V2, Version::V3];

/// Ways out of a folder, as ids, jids, names of files and of environments.
const WAYS_OUT: [&str; 9] = [
    "../outside",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "a/../../outside",
    "..\\outside",
    "%2e%2e/outside",
    "|../outside",
    "base/../../outside?saltenv=base",
    "\0../outside",
];

fn accepted(master: &TestMaster, id: &str, version: Version) -> SimMinion {
    let mut minion = SimMinion::new(id, version, master.ports());
    minion.sign_in_accepted();
    minion
}

/// A master with a file that nobody may see, and a minion of each protocol.
fn scene() -> (TestMaster, Vec<SimMinion>) {
    let mut master = TestMaster::prepare("auto_accept: True\nfile_recv: True");
    master.write("outside", "secret");
    master.write("salt/top.sls", "base: {}\n");
    master.start();
    let minion = |version: Version| accepted(&master, &format!("v{}", version.number()), version);
    let minions = VERSIONS.map(minion).into();
    (master, minions)
}

/// Says whether an answer gives something away: the secret, or anything of a system's files.
fn tells(answer: &Value) -> bool {
    let text = answer.repr();
    text.contains("secret") || text.contains("root:")
}

fn refused(master: &TestMaster, what: &str) -> u64 {
    master.api().get("/health")["refused"][what]
        .as_u64()
        .unwrap_or(0)
}

#[test]
fn cve_2020_11651_commands_in_the_clear_give_nothing() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V3, master.ports());
    let commands = [
        "_prep_auth_info",
        "_send_pub",
        "_return",
        "_pillar",
        "_serve_file",
        "_file_recv",
        "_mine",
        "_minion_event",
        "minion_runner",
        "minion_publish",
        "publish",
        "runner",
        "wheel",
        "mk_token",
        "get_token",
        "__class__",
    ];
    for cmd in commands {
        let load = Map::from([
            ("cmd", cmd),
            ("id", "web"),
            ("fun", "test.ping"),
            ("tgt", "*"),
            ("key", "guessed"),
            ("path", "top.sls"),
            ("saltenv", "base"),
        ]);
        let answer = minion.clear(load).unwrap();
        let is_error = answer.get("error").is_some();
        let is_nothing = answer == Value::Map(Map::new()) || answer == Value::Bool(false);
        assert!(is_error || is_nothing, "{cmd}: {answer:?}");
    }
    assert_eq!(master.api().get("/jobs"), json!([]));
    assert!(refused(&master, "command") >= 16);
}

#[test]
fn cve_2020_11652_cve_2021_25282_wheel_functions_reach_no_file_from_the_network() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V3, master.ports());
    for fun in [
        "file_roots.write",
        "pillar_roots.write",
        "config.update_config",
        "key.gen",
    ] {
        let load = Map::from([
            ("cmd", "wheel"),
            ("fun", fun),
            ("path", "../../../../made-by-a-stranger"),
            ("data", "x"),
            ("username", "root"),
            ("token", "x"),
        ]);
        let answer = minion.clear(load).unwrap();
        assert!(answer.get("error").is_some(), "{fun}: {answer:?}");
    }
    assert!(!master.path("made-by-a-stranger").exists());
}

#[test]
fn cve_2021_25281_a_wheel_in_the_background_is_refused_too() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V3, master.ports());
    for eauth in [Value::Nil, Value::str("pam"), Value::str("")] {
        let load = Map::from([
            ("cmd", Value::str("wheel")),
            ("fun", Value::str("key.accept")),
            ("client", Value::str("wheel_async")),
            ("match", Value::str("*")),
            ("eauth", eauth),
        ]);
        let answer = minion.clear(load).unwrap();
        assert!(answer.get("error").is_some(), "{answer:?}");
    }
}

#[test]
fn cve_2024_22232_no_path_leads_out_of_the_roots() {
    let (_master, minions) = scene();
    for minion in &minions {
        for path in WAYS_OUT {
            for cmd in [
                "_serve_file",
                "_file_hash",
                "_file_find",
                "_file_hash_and_stat",
            ] {
                let load = Map::from([
                    ("path", Value::str(path)),
                    ("saltenv", Value::str("base")),
                    ("loc", Value::Int(0)),
                ]);
                // A NUL ends the request; all others find nothing.
                let Ok(answer) = minion.request(cmd, load) else {
                    continue;
                };
                assert!(!tells(&answer), "{cmd} {path:?}: {answer:?}");
            }
        }
    }
}

#[test]
fn cve_2025_22240_an_environment_is_no_path() {
    let (master, minions) = scene();
    for minion in &minions {
        for saltenv in WAYS_OUT {
            for cmd in [
                "_serve_file",
                "_file_list",
                "_dir_list",
                "_symlink_list",
                "_file_hash",
            ] {
                let load = Map::from([
                    ("path", Value::str("outside")),
                    ("prefix", Value::str(saltenv)),
                    ("saltenv", Value::str(saltenv)),
                    ("loc", Value::Int(0)),
                ]);
                let Ok(answer) = minion.request(cmd, load) else {
                    continue;
                };
                assert!(!tells(&answer), "{cmd} {saltenv:?}: {answer:?}");
            }
        }
    }
    assert_eq!(
        std::fs::read_to_string(master.path("outside")).unwrap(),
        "secret"
    );
}

#[test]
fn cve_2024_38824_a_pushed_file_is_written_nowhere() {
    let (master, minions) = scene();
    for minion in &minions {
        for path in WAYS_OUT {
            let load = Map::from([
                ("id", Value::str(&minion.id)),
                (
                    "path",
                    Value::List(path.split('/').map(Value::str).collect()),
                ),
                ("size", Value::Int(6)),
                ("loc", Value::Int(0)),
                ("data", Value::str("forged")),
                ("tok", Value::Bytes(minion.token())),
            ]);
            let answer = minion.request("_file_recv", load);
            assert!(!matches!(answer, Ok(Value::Bool(true))), "{path:?}");
        }
    }
    assert_eq!(
        std::fs::read_to_string(master.path("outside")).unwrap(),
        "secret"
    );
}

#[test]
fn cve_2017_12791_cve_2025_22238_an_id_is_no_path() {
    let (master, mut minions) = scene();
    for minion in &mut minions {
        let own = minion.id.clone();
        for path in WAYS_OUT {
            minion.id = path.to_owned();
            for cmd in [
                "_mine",
                "_mine_flush",
                "_return",
                "_minion_event",
                "_pillar",
            ] {
                let load = Map::from([
                    ("id", Value::str(path)),
                    ("data", Map::from([("a", "b")]).into()),
                    ("tag", Value::str("x")),
                    ("grains", Map::new().into()),
                ]);
                let answer = minion.request(cmd, load);
                assert!(
                    matches!(answer, Err(Failure::Word(_))),
                    "{cmd} {path:?}: {answer:?}"
                );
            }
        }
        minion.id = own;
    }
    assert!(refused(&master, "identity") > 0);
    assert_eq!(
        std::fs::read_to_string(master.path("outside")).unwrap(),
        "secret"
    );
}

#[test]
fn cve_2024_22231_a_syndic_makes_no_folder() {
    let (master, minions) = scene();
    for minion in &minions {
        for path in WAYS_OUT {
            let load = Map::from([
                ("id", Value::str(&minion.id)),
                ("syndic_id", Value::str(path)),
                ("jid", Value::str(path)),
                ("load", Map::from([("id", path)]).into()),
                ("return", Map::new().into()),
            ]);
            let answer = minion.request("_syndic_return", load);
            assert!(!matches!(answer, Ok(Value::Bool(true))), "{answer:?}");
        }
    }
    let made = master.root().join("var/cache/salt/master/syndics");
    assert!(!made.exists());
}

#[test]
fn cve_2025_22242_a_jid_is_no_path() {
    let (master, minions) = scene();
    let jobs = master.api().get("/jobs");
    for minion in &minions {
        for jid in WAYS_OUT {
            let load = Map::from([
                ("id", Value::str(&minion.id)),
                ("jid", Value::str(jid)),
                ("fun", Value::str("test.ping")),
                ("return", Value::Bool(true)),
                ("tok", Value::Bytes(minion.token())),
            ]);
            for cmd in ["pub_ret", "_return"] {
                if let Ok(answer) = minion.request(cmd, load.clone()) {
                    assert!(!tells(&answer), "{cmd} {jid:?}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(master.api().get("/jobs"), jobs);
}

#[test]
fn cve_2017_14696_cve_2023_20897_bad_packets_stop_no_worker() {
    let master = TestMaster::start_with("auto_accept: True");
    let honest = accepted(&master, "web", Version::V3);
    let stranger = SimMinion::new("stranger", Version::V3, master.ports());
    // More than are worked on at once.
    for round in 0..600_u32 {
        let body = match round % 4 {
            0 => vec![0xc1],
            1 => vec![0x91; 5000],
            2 => b"\x82\xa3enc\xa3aes\xa4load\xa3abc".to_vec(),
            _ => b"\x82\xa3enc\xa5clear\xa4load\x82\xa3cmd\xa5_auth\xa3pub\x01".to_vec(),
        };
        stranger.sends(&body).unwrap();
    }
    assert!(honest.request("_file_envs", Map::new()).is_ok());
    assert!(refused(&master, "envelope") >= 300);
    let lines = master.log().matches("refused peer").count();
    assert!(lines < 50, "{lines} lines for one peer");
}

#[test]
fn cve_2013_4439_cve_2024_38822_a_minion_plays_no_other() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in VERSIONS {
        let number = version.number();
        let honest = accepted(&master, &format!("honest{number}"), version);
        let liar = accepted(&master, &format!("liar{number}"), version);
        let mut as_honest = liar.clone();
        as_honest.id.clone_from(&honest.id);
        // With its own proof, and another's name.
        let load = Map::from([
            ("id", Value::str(&honest.id)),
            ("tok", Value::Bytes(liar.token())),
            ("data", Map::from([("a", "forged")]).into()),
            ("clear", Value::Bool(false)),
        ]);
        let answer = as_honest.request("_mine", load);
        let is_refused = matches!(&answer, Err(Failure::Word(word)) if word == "bad load");
        assert!(is_refused, "{version:?}: {answer:?}");
    }
}

#[test]
fn cve_2025_22236_an_event_publishes_no_job() {
    let master = TestMaster::start_with(QUIET);
    let victim = accepted(&master, "victim", Version::V3);
    let mut wire = victim.subscribe().unwrap();
    let liar = accepted(&master, "liar", Version::V3);
    let job = Map::from([
        ("fun", Value::str("cmd.run")),
        ("arg", Value::List(vec!["id".into()])),
        ("tgt", Value::str("*")),
        ("jid", Value::str("20261121081655861002")),
    ]);
    for tag in [
        "salt/job/20261121081655861002/publish",
        "salt/job/20261121081655861002/new",
    ] {
        liar.fires(tag, job.clone()).unwrap();
    }
    assert_eq!(master.api().get("/jobs"), json!([]));
    // What is heard first is what an operator asked for.
    let parts = wire.hear_first(|| {
        master.publish("victim", "test.ping", &[]).unwrap();
    });
    let load = victim.open_publication(&parts).expect("our key");
    assert_eq!(load.get("fun"), Some(&Value::str("test.ping")));
}

#[test]
fn cve_2025_22239_events_in_anothers_name_are_dropped_and_counted() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in VERSIONS {
        let liar = accepted(&master, &format!("v{}", version.number()), version);
        let before = master.head();
        let forbidden = [
            "salt/minion/other/start",
            "salt/beacon/other/load/",
            "salt/job/20261121081655861002/ret/other",
            "salt/key",
            "salt/run/20261121081655861002/ret",
            "salt/presence/present",
        ];
        for tag in forbidden {
            liar.fires(tag, "forged").unwrap();
        }
        liar.fires("last", "x").unwrap();
        let is_last = |event: &serde_json::Value| event["tag"] == "last";
        let events = master.api().events_up_to(before, "*", is_last);
        assert_eq!(events.len(), 1, "{events:?}");
    }
    assert!(refused(&master, "event") >= 18);
}

#[test]
fn cve_2025_22237_cve_2025_22241_a_minion_names_no_source_of_its_pillar() {
    let (master, minions) = scene();
    let made = master.path("made-by-a-stranger");
    let url = format!("base --upload-pack='touch {}' ssh://x/", made.display());
    for minion in &minions {
        let source = Map::from([("git", Value::List(vec![Value::str(&url)]))]);
        let load = Map::from([
            ("id", Value::str(&minion.id)),
            ("grains", Map::new().into()),
            ("ext", source.into()),
            ("pillar_override", Map::new().into()),
            ("extra_minion_data", Map::from([("path", "../../x")]).into()),
            ("ver", Value::str("2")),
        ]);
        let _ = minion.request("_pillar", load);
    }
    assert!(!made.exists());
}

#[test]
fn cve_2021_25283_what_a_minion_says_is_never_a_template() {
    let master = TestMaster::prepare("auto_accept: True");
    master.write("pillar/top.sls", "base:\n  '*':\n    - said\n");
    master.write("pillar/said.sls", "said: {{ grains.os | yaml_dquote }}\n");
    let mut master = master;
    master.start();
    let mut minion = accepted(&master, "web", Version::V3);
    let injected = "{{ 7 * 7 }}{% set x = 1 %}";
    minion.grains = Map::from([("os", injected)]);
    let pillar = minion.pillar().unwrap();
    assert_eq!(pillar.get("said"), Some(&Value::str(injected)));
}

#[test]
fn cve_2015_6918_cve_2021_25284_credentials_are_not_in_the_log() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V3, master.ports());
    for cmd in ["publish", "runner", "wheel", "mk_token", "get_token"] {
        let load = Map::from([
            ("cmd", cmd),
            ("fun", "test.ping"),
            ("tgt", "*"),
            ("key", "k3y-of-root"),
            ("token", "t0ken-of-root"),
            ("password", "passw0rd-of-root"),
        ]);
        minion.clear(load).unwrap();
    }
    let log = master.log();
    for secret in ["k3y-of-root", "t0ken-of-root", "passw0rd-of-root"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn cve_2025_62349_a_lower_protocol_is_refused_at_the_floor() {
    let master = TestMaster::start_with("auto_accept: True\nminimum_auth_version: 3");
    for version in [Version::V0, Version::V2] {
        let minion = SimMinion::new("web", version, master.ports());
        for cmd in ["_auth", "ping", "publish"] {
            let answer = minion.clear(Map::from([("cmd", cmd)])).unwrap();
            assert_eq!(answer, Value::str("bad load"), "{cmd} of {version:?}");
        }
    }
    accepted(&master, "web", Version::V3);
    assert_eq!(refused(&master, "version"), 6);
}
