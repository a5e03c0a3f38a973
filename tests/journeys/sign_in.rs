//! Keys: who gets in, who waits, who is turned away.

use minion_protocol::{Version, msgpack};
use model::{Map, Value};
use tests::sim_minion::{Failure, SignIn, SimMinion};
use tests::test_master::TestMaster;
use tests::wait;
use tests::wire::{Kind, Wire};

const VERSIONS: [Version; 3] = [Version::V0, Version::V2, Version::V3];

#[test]
fn each_protocol_waits_until_its_key_is_accepted_and_then_gets_its_pillar() {
    let master = TestMaster::prepare("");
    master.write("pillar/top.sls", "base:\n  '*':\n    - who\n");
    master.write("pillar/who.sls", "who: {{ grains.id }}\n");
    let mut master = master;
    master.start();
    for version in VERSIONS {
        let id = format!("v{}", version.number());
        let mut minion = SimMinion::new(&id, version, master.ports());
        assert_eq!(minion.sign_in().unwrap(), SignIn::Pending);
        assert_eq!(minion.sign_in().unwrap(), SignIn::Pending, "asked again");
        assert_eq!(master.api().get("/keys")["minions_pre"][0], id.as_str());
        master.run("key", &["-y", "-a", &id]).well();
        assert_eq!(minion.sign_in().unwrap(), SignIn::Accepted);
        let pillar = minion.pillar().unwrap();
        assert_eq!(pillar.get("who"), Some(&Value::str(&id)));
    }
    let list = master.run("key", &["-L", "--out=json"]).well().json();
    assert_eq!(list["minions"], serde_json::json!(["v0", "v2", "v3"]));
    assert_eq!(list["minions_pre"], serde_json::json!([]));
}

#[test]
fn keys_put_there_before_the_first_start_count_at_the_first_sign_in() {
    let mut master = TestMaster::prepare("");
    let pki = "root/etc/salt/pki/master";
    let minion = |id: &str| SimMinion::new(id, Version::V3, master.ports());
    let (mut accepted, mut rejected) = (minion("web"), minion("gone"));
    for (place, minion) in [("minions", &accepted), ("minions_rejected", &rejected)] {
        let pem = minion.key.public_pem();
        master.write(&format!("{pki}/{place}/{}", minion.id), pem);
    }
    master.start();
    assert_eq!(accepted.sign_in().unwrap(), SignIn::Accepted);
    assert_eq!(rejected.sign_in().unwrap(), SignIn::Refused);
    master.kill();
    let from = master
        .root()
        .join("etc/salt/pki/master/minions_rejected/gone");
    std::fs::rename(from, master.path(&format!("{pki}/minions/gone"))).unwrap();
    master.start();
    assert_eq!(
        rejected.sign_in().unwrap(),
        SignIn::Accepted,
        "moved while it was down"
    );
}

/// A REQ socket that asks again takes no answer to what it asked before: no private key is used for
/// that. Of a burst only what was under way already costs anything.
#[test]
fn no_work_is_done_for_a_sign_in_whose_sender_asked_again() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V0, master.ports());
    let load = Map::from([
        ("cmd", Value::str("_auth")),
        ("id", Value::str("web")),
        ("pub", Value::str(minion.key.public_pem())),
    ]);
    let envelope = Map::from([("enc", Value::str("clear")), ("load", load.into())]);
    let body = msgpack::encode(&envelope.into());
    let address = ([127, 0, 0, 1], master.ports().1).into();
    let mut wire = Wire::connect(address, Kind::Req).unwrap();
    let burst: Vec<&[u8]> = std::iter::repeat_n([&b""[..], &body], BURST)
        .flatten()
        .collect();
    wire.send_each(&burst, 2).unwrap();
    let answer = msgpack::decode(&wire.receive().unwrap()[1]).unwrap();
    assert_eq!(answer.get("enc"), Some(&Value::str("pub")));
    wait::until("the others to be counted", || {
        let given_up = master.api().get("/health")["refused"]["given up"].as_u64();
        (given_up.unwrap_or_default() >= BURST as u64 / 2).then_some(())
    });
}

/// Sign-ins that one socket sends at once.
const BURST: usize = 400;

#[test]
fn a_second_key_for_a_live_id_is_denied_and_shown() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut first = SimMinion::new("web", Version::V3, master.ports());
    first.sign_in_accepted();
    for version in VERSIONS {
        let mut second = SimMinion::new("web", version, master.ports());
        assert_eq!(second.sign_in().unwrap(), SignIn::Refused, "{version:?}");
    }
    let keys = master.api().get("/keys");
    assert_eq!(keys["minions_denied"][0], "web");
    assert_eq!(keys["minions"][0], "web");
    assert_eq!(
        first.sign_in().unwrap(),
        SignIn::Accepted,
        "the first is untouched"
    );
}

#[test]
fn a_rejected_key_is_turned_away() {
    let master = TestMaster::start_with("");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    assert_eq!(minion.sign_in().unwrap(), SignIn::Pending);
    master.run("key", &["-y", "-r", "web"]).well();
    assert_eq!(minion.sign_in().unwrap(), SignIn::Refused);
    assert_eq!(master.api().get("/keys")["minions_rejected"][0], "web");
}

#[test]
fn a_deleted_key_cuts_off_and_the_shared_key_changes() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in VERSIONS {
        let id = format!("v{}", version.number());
        let mut gone = SimMinion::new(&id, version, master.ports());
        let mut stays = SimMinion::new("stays", Version::V3, master.ports());
        stays.key = kept_key().into();
        gone.sign_in_accepted();
        stays.sign_in_accepted();
        assert_eq!(gone.master_aes(), stays.master_aes());
        gone.asks("_master_opts", Map::new());
        master.run("key", &["-y", "-d", &id]).well();
        // The key changes as an effect of the record: soon, not at once.
        wait::until("the deleted minion to be cut off", || {
            let answer = gone.request("_master_opts", Map::new());
            matches!(answer, Err(Failure::Word(word)) if word == "bad load").then_some(())
        });
        let old = gone.master_aes();
        stays.sign_in_accepted();
        assert_ne!(stays.master_aes(), old, "the key it knew is of no use");
    }
}

/// One key pair for a minion that is made anew.
fn kept_key() -> minion_protocol::crypt::MasterKey {
    static KEY: std::sync::OnceLock<minion_protocol::crypt::MasterKey> = std::sync::OnceLock::new();
    let make = || minion_protocol::crypt::MasterKey::generate(1024).expect("a key");
    KEY.get_or_init(make).clone()
}

#[test]
fn a_known_uuid_is_signed_in_by_itself_and_another_waits() {
    let master = TestMaster::prepare("");
    // A path below the root directory, or it would be taken for one: python's master does the same.
    let dir = master.root().join("autosign");
    master.write(
        "root/autosign/uuid",
        "# nodes\n9d5e90f5-daec-4f3e-995e-bf7d9c1be269\n",
    );
    // As the Kubic seed brings it: a file dropped into master.d.
    master.write(
        "etc/master.d/autosign.conf",
        format!("autosign_grains_dir: {}\n", dir.display()),
    );
    let mut master = master;
    master.start();
    let cases = [
        ("9d5e90f5-daec-4f3e-995e-bf7d9c1be269", SignIn::Accepted),
        ("ad2bf7fc-97ad-4341-92fa-8a6516ccd11a", SignIn::Pending),
    ];
    for (uuid, expected) in cases {
        let mut minion = SimMinion::new(&format!("node-{uuid}"), Version::V3, master.ports());
        minion.autosign_grains = Map::from([("uuid", uuid)]);
        assert_eq!(minion.sign_in().unwrap(), expected, "{uuid}");
    }
}

#[test]
fn keys_outlive_a_kill_of_the_master() {
    let mut master = TestMaster::start_with("");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    assert_eq!(minion.sign_in().unwrap(), SignIn::Pending);
    master.restart();
    assert_eq!(master.api().get("/keys")["minions_pre"][0], "web");
    master.run("key", &["-y", "-a", "web"]).well();
    master.restart();
    assert_eq!(minion.sign_in().unwrap(), SignIn::Accepted);
}

#[test]
fn an_id_that_is_a_path_is_refused_and_nothing_is_written() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in VERSIONS {
        for id in ["../../etc", "a/b", "a\\b", "..", "", "a\0b"] {
            let mut minion = SimMinion::new(id, version, master.ports());
            let said = minion.sign_in();
            assert!(
                matches!(said, Ok(SignIn::Refused) | Err(Failure::Word(_))),
                "{id:?}: {said:?}"
            );
        }
    }
    let keys = master.api().get("/keys");
    assert_eq!(keys["minions"], serde_json::json!([]));
    assert_eq!(keys["minions_pre"], serde_json::json!([]));
    assert_eq!(keys["minions_rejected"], serde_json::json!([]));
    let pki = master.root().join("etc/salt/pki/master/minions");
    let names: Vec<_> = std::fs::read_dir(pki).into_iter().flatten().collect();
    assert!(names.is_empty(), "{names:?}");
}
