//! Enrolment: which strangers get in by themselves, what the others are told, and what an operator
//! sees and does.

use minion_protocol::Version;
use minion_protocol::crypt::MasterKey;
use model::{Map, Value};
use tests::sim_minion::{Failure, SignIn, SimMinion};
use tests::test_master::TestMaster;
use tests::wait;

/// The ten values that stand in Yomi's manual, as `uuidgen --md5 --namespace @dns` gives them.
const PUBLISHED: [&str; 10] = [
    "732ae02e-3588-37cf-8e44-da69d330169e",
    "3d5e90f5-daec-373e-995e-bf7d9c1be269",
    "fd2bf7fc-97ad-3341-92fa-8a6516ccd11a",
    "297f4fa4-fb19-367a-a5d6-30aca83b7804",
    "7be22e16-f335-3c61-9f16-020c14e25a55",
    "c0c298b6-7e5a-3449-a9d2-4ecef2ce3a6e",
    "9634f1ba-bdef-3a29-98c6-a04e9c64daae",
    "446a9cbf-8467-3b7c-a470-1b3a68bf4601",
    "16c9dda0-b6e6-3eb8-b548-6b0c56ba2e13",
    "584b1172-996a-3c4a-b4ed-bf9e094680f6",
];

/// Values that only this test knows.
const OWN: [&str; 2] = [
    "9d5e90f5-daec-4f3e-995e-bf7d9c1be269",
    "ad2bf7fc-97ad-4341-92fa-8a6516ccd11a",
];

/// A master as the Kubic seed sets it up: a list of UUIDs, and nothing else.
fn seeded(uuids: &[&str], more: &str) -> TestMaster {
    let mut master = TestMaster::prepare(more);
    let dir = master.root().join("autosign");
    master.write("root/autosign/uuid", uuids.join("\n"));
    master.write(
        "etc/master.d/autosign.conf",
        format!("autosign_grains_dir: {}\n", dir.display()),
    );
    master.start();
    master
}

fn node(master: &TestMaster, id: &str, uuid: &str) -> SimMinion {
    let mut minion = SimMinion::new(id, Version::V3, master.ports());
    minion.autosign_grains = Map::from([("uuid", uuid)]);
    minion
}

#[test]
fn who_knows_the_published_list_gets_in_never_in_ten_thousand_sign_ins() {
    let master = seeded(&PUBLISHED, "");
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mut minion = node(&master, "stranger", PUBLISHED[0]);
            std::thread::spawn(move || {
                let mut accepted = 0;
                let start = std::time::Instant::now();
                for number in 0..2_500_usize {
                    // A new id each time, one UUID after the other; making keys is not what is
                    // tested, so a few serve many.
                    if number % 500 == 0 {
                        minion.key = MasterKey::generate(1024).expect("a key").into();
                    }
                    minion.id = format!("node-{thread}-{number}");
                    minion.autosign_grains = Map::from([("uuid", PUBLISHED[number % 10])]);
                    let said = minion.sign_in().expect("an answer");
                    accepted += usize::from(said == SignIn::Accepted);
                }
                (accepted, start.elapsed())
            })
        })
        .collect();
    let ended: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    let accepted: usize = ended.iter().map(|(accepted, _)| accepted).sum();
    let longest = ended.iter().map(|(_, took)| *took).max().unwrap();
    eprintln!("10,000 sign-ins in {longest:?}: {accepted} accepted");
    assert_eq!(accepted, 0);
    let keys = master.api().get("/keys");
    assert_eq!(keys["minions"], serde_json::json!([]));
    let waiting = keys["minions_pre"].as_array().unwrap().len();
    assert!(
        waiting <= 5_000,
        "what is kept of strangers is bounded: {waiting}"
    );
    let list = master.run("enrol", &["list"]).well();
    assert!(
        list.out.contains("stands in public documentation"),
        "{}",
        list.out
    );
}

#[test]
fn a_listed_uuid_lets_one_node_in_and_the_reason_of_the_next_is_told_everywhere() {
    let master = seeded(&OWN, "");
    let mut first = node(&master, "node-1", OWN[0]);
    assert_eq!(first.sign_in().unwrap(), SignIn::Accepted, "unattended");
    let mut thief = node(&master, "thief", OWN[0]);
    assert_eq!(thief.sign_in().unwrap(), SignIn::Pending);
    let list = master.run("key", &["-L"]).well();
    assert_eq!(
        list.out,
        "Accepted Keys:\nnode-1\nDenied Keys:\nUnaccepted Keys:\nthief\nRejected Keys:\n"
    );
    assert!(
        list.err.contains("was used before by node-1"),
        "{}",
        list.err
    );
    let doctor = master.run("doctor", &[]).well();
    assert!(
        doctor.out.contains("was used before by node-1"),
        "{}",
        doctor.out
    );
    assert_eq!(
        first.sign_in().unwrap(),
        SignIn::Accepted,
        "it keeps its key"
    );
    // Deleting does not give the UUID back; releasing does.
    master.run("key", &["-y", "-d", "node-1"]).well();
    assert_eq!(first.sign_in().unwrap(), SignIn::Pending);
    master.run("enrol", &["release", OWN[0]]).well();
    assert_eq!(first.sign_in().unwrap(), SignIn::Accepted);
    assert_eq!(thief.sign_in().unwrap(), SignIn::Pending);
}

#[test]
fn a_claim_and_a_window_outlive_a_kill() {
    let mut master = seeded(&OWN, "");
    assert_eq!(
        node(&master, "a", OWN[0]).sign_in().unwrap(),
        SignIn::Accepted
    );
    let opened = master.run(
        "enrol",
        &["open", "--for", "1h", "--count", "3", "--id", "win*"],
    );
    assert!(opened.well().out.contains("window 1 is open"));
    master.restart();
    assert_eq!(
        node(&master, "b", OWN[0]).sign_in().unwrap(),
        SignIn::Pending
    );
    let list = master.run("enrol", &["list", "--out=json"]).well().json();
    assert_eq!(list["windows"][0]["count"], 3);
    assert_eq!(list["claims"][0]["id"], "a");
}

#[test]
fn a_window_lets_as_many_in_as_it_says() {
    let master = TestMaster::start_with("enrolment_window: True");
    let sign_in = |id: &str| {
        let mut minion = SimMinion::new(id, Version::V2, master.ports());
        minion.sign_in().unwrap()
    };
    assert_eq!(sign_in("a"), SignIn::Pending);
    master.run("enrol", &["open", "--count", "1"]).well();
    assert_eq!(sign_in("b"), SignIn::Accepted);
    assert_eq!(sign_in("c"), SignIn::Pending);
    master.run("enrol", &["open", "--count", "9"]).well();
    master.run("enrol", &["close"]).well();
    assert_eq!(sign_in("d"), SignIn::Pending);
}

#[test]
fn the_node_table_and_the_network_of_the_seed_are_clauses() {
    let mut master =
        TestMaster::prepare("enrolment_inventory: kubic:nodes\nenrolment_networks: [127.0.0.0/8]");
    master.write("pillar/top.sls", "base:\n  '*_master':\n    - nodes\n");
    master.write(
        "pillar/nodes.sls",
        "kubic:\n  nodes:\n    'n1': {role: worker}\n    'AA-BB': {role: worker, id: n2}\n",
    );
    master.start();
    let sign_in = |id: &str, uuid: &str| node(&master, id, uuid).sign_in().unwrap();
    assert_eq!(sign_in("n1", ""), SignIn::Accepted);
    assert_eq!(
        sign_in("thief", "aa-bb"),
        SignIn::Pending,
        "the row is for n2"
    );
    assert_eq!(sign_in("n2", "aa-bb"), SignIn::Accepted);
    assert_eq!(sign_in("n3", ""), SignIn::Pending);
}

#[test]
fn legacy_is_salts_meaning_but_for_the_published_values() {
    let listed = [&OWN[..1], &PUBLISHED[..1]].concat();
    let master = seeded(&listed, "enrolment: legacy");
    assert_eq!(
        node(&master, "a", OWN[0]).sign_in().unwrap(),
        SignIn::Accepted
    );
    assert_eq!(
        node(&master, "b", OWN[0]).sign_in().unwrap(),
        SignIn::Accepted,
        "again"
    );
    assert_eq!(
        node(&master, "c", PUBLISHED[0]).sign_in().unwrap(),
        SignIn::Pending
    );
    assert!(
        master
            .log()
            .contains("enrolment: legacy accepts a stranger")
    );
    let lab = seeded(&PUBLISHED[..1], "enrolment: legacy\nenrolment_lab: True");
    assert_eq!(
        node(&lab, "c", PUBLISHED[0]).sign_in().unwrap(),
        SignIn::Accepted
    );
}

#[test]
fn a_rebuilt_node_waits_until_its_old_connection_is_gone_and_an_alarm_is_told_else() {
    let master = seeded(&OWN, "");
    let mut old = node(&master, "node-1", OWN[0]);
    assert_eq!(old.sign_in().unwrap(), SignIn::Accepted);
    old.asks("_master_opts", Map::new());
    let mut rebuilt = node(&master, "node-1", OWN[0]);
    assert_eq!(
        rebuilt.sign_in().unwrap(),
        SignIn::Refused,
        "nobody allows it"
    );
    let list = master.run("key", &["-L"]).well();
    assert!(
        list.err.contains("node-1 has a second key, denied"),
        "{}",
        list.err
    );
    master
        .run("enrol", &["open", "--rebuild", "--id", "node-1"])
        .well();
    old.asks("_master_opts", Map::new());
    assert_eq!(
        rebuilt.sign_in().unwrap(),
        SignIn::Pending,
        "the old one spoke just now"
    );
    wait::until("the old connection to count as gone", || {
        (rebuilt.sign_in().unwrap() == SignIn::Accepted).then_some(())
    });
    rebuilt.asks("_master_opts", Map::new());
    let cut_off = old.request("_master_opts", Map::new());
    assert!(matches!(cut_off, Err(Failure::Word(word)) if word == "bad load"));
    assert_eq!(
        old.sign_in().unwrap(),
        SignIn::Refused,
        "it is the second now"
    );
}

#[test]
fn the_step_that_waits_for_a_refused_node_says_why() {
    let master = seeded(&OWN, "");
    master.write(
        "salt/orch/wait.sls",
        "back:\n  salt.wait_for_event:\n    - name: salt/minion/*/start\n    \
         - id_list: [node-1]\n    - timeout: 600\n",
    );
    assert_eq!(
        node(&master, "node-1", OWN[0]).sign_in().unwrap(),
        SignIn::Accepted
    );
    let run = master.orchestrate("orch.wait");
    assert_eq!(
        node(&master, "node-1", OWN[0]).sign_in().unwrap(),
        SignIn::Refused
    );
    let view = wait::until("the step to say why", || {
        let (_, view) = master.api().try_get(&format!("/runs/{run}")).ok()?;
        let note = view["tree"][0]["note"].as_str()?.to_owned();
        note.contains("node-1 is refused: live: another key")
            .then_some(note)
    });
    assert!(view.starts_with("waits for node-1"), "{view}");
    master.run("run", &["cancel", &run]).well();
}

#[test]
fn cve_2025_62349_a_minion_that_spoke_v3_is_refused_with_less_until_an_operator_resets_it() {
    let mut master = TestMaster::start_with("auto_accept: True");
    let mut minion = SimMinion::new("web", Version::V3, master.ports());
    minion.sign_in_accepted();
    minion.asks("_master_opts", Map::new());
    master.restart();
    for version in [Version::V0, Version::V2] {
        let mut older = minion.clone();
        older.version = version;
        let said = older.sign_in();
        assert!(
            matches!(&said, Err(Failure::Word(word)) if word == "bad load"),
            "{version:?}: {said:?}"
        );
    }
    let list = master.run("enrol", &["list"]).well();
    assert!(
        list.out.contains("came with an older protocol"),
        "{}",
        list.out
    );
    minion.sign_in_accepted();
    let reset = master.run("key", &["--reset-version", "web"]).well();
    assert_eq!(reset.out, "web may speak any protocol again.\n");
    minion.version = Version::V0;
    minion.sign_in_accepted();
    minion.asks("_master_opts", Map::new());
}

#[test]
fn cve_2016_9639_a_deleted_minion_keeps_nothing() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut gone = SimMinion::new("gone", Version::V3, master.ports());
    let mut stays = SimMinion::new("stays", Version::V2, master.ports());
    gone.sign_in_accepted();
    stays.sign_in_accepted();
    let load = Map::from([
        ("id", Value::str("gone")),
        ("data", Map::from([("net", "10.0.0.1")]).into()),
    ]);
    gone.asks("_mine", load);
    let mine = || {
        let get = Map::from([
            ("id", Value::str("stays")),
            ("tgt", Value::str("*")),
            ("fun", Value::str("net")),
        ]);
        stays.asks("_mine_get", get)
    };
    assert!(mine().get("gone").is_some());
    let known = gone.master_aes();
    master.run("key", &["-y", "-d", "gone"]).well();
    wait::until("the deleted minion to be cut off", || {
        let answer = gone.request("_master_opts", Map::new());
        matches!(answer, Err(Failure::Word(word)) if word == "bad load").then_some(())
    });
    stays.sign_in_accepted();
    assert_ne!(stays.master_aes(), known, "what it knew is of no use");
    let get = Map::from([
        ("id", Value::str("stays")),
        ("tgt", Value::str("*")),
        ("fun", Value::str("net")),
    ]);
    assert!(
        stays.asks("_mine_get", get).get("gone").is_none(),
        "its mine is empty"
    );
}

#[test]
fn keys_are_made_in_advance_printed_and_moved_by_hand() {
    let master = TestMaster::start_with("");
    let dir = master.path("made");
    let dir = dir.to_str().unwrap();
    master
        .run("key", &["--gen-accept", "seeded", "--gen-keys-dir", dir])
        .well();
    let pem = std::fs::read_to_string(master.path("made/seeded.pem")).unwrap();
    let mut minion = SimMinion::new("seeded", Version::V3, master.ports());
    minion.key = MasterKey::from_pem(&pem).unwrap().into();
    assert_eq!(minion.sign_in().unwrap(), SignIn::Accepted);
    let fingers = master.run("key", &["-F", "--out=json"]).well().json();
    assert!(fingers["local"]["master.pub"].is_string());
    let finger = fingers["minions"]["seeded"].as_str().unwrap();
    assert_eq!(finger, minion.key.fingerprint());
    let md5 = master.run(
        "key",
        &["-f", "seeded", "--finger-hash", "md5", "--out=json"],
    );
    assert_eq!(
        md5.well().json()["minions"]["seeded"]
            .as_str()
            .unwrap()
            .len(),
        47
    );
    let mut other = SimMinion::new("other", Version::V3, master.ports());
    assert_eq!(other.sign_in().unwrap(), SignIn::Pending);
    master
        .run("key", &["-y", "-a", &other.key.fingerprint()])
        .well();
    assert_eq!(
        other.sign_in().unwrap(),
        SignIn::Accepted,
        "by its fingerprint"
    );
    let pki = master.root().join("etc/salt/pki/master");
    wait::until("its key file", || {
        pki.join("minions/other").exists().then_some(())
    });
    std::fs::rename(
        pki.join("minions/other"),
        pki.join("minions_rejected/other"),
    )
    .unwrap();
    wait::until("the move to be noticed", || {
        (other.sign_in().unwrap() == SignIn::Refused).then_some(())
    });
    std::fs::remove_file(pki.join("minions_rejected/other")).unwrap();
    wait::until("the removal to be noticed", || {
        (other.sign_in().unwrap() == SignIn::Pending).then_some(())
    });
}
