//! Promises of the wire protocol that need a whole master: replays, sessions, serials, signatures,
//! slow readers and many connections.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::SystemTime;

use minion_protocol::Version;
use minion_protocol::crypt::{MasterKey, SigAlgo};
use model::{Map, Value};
use rustix::process::Resource;
use tests::sim_minion::{Failure, SignIn, SimMinion};
use tests::test_master::TestMaster;
use tests::wait;
use tests::wire::{Kind, Wire};
use tests::worker::Worker;

/// The answer from which minions recover by signing in again.
const BAD_LOAD: &[u8] = b"\xa8bad load";

fn accepted(master: &TestMaster, id: &str, version: Version) -> SimMinion {
    let mut minion = SimMinion::new(id, version, master.ports());
    minion.sign_in_accepted();
    minion
}

fn is_word(answer: &Result<Value, Failure>) -> bool {
    matches!(answer, Err(Failure::Word(word)) if word == "bad load")
}

// Item 23.
#[test]
fn the_same_bytes_are_obeyed_once() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = accepted(&master, "web", Version::V3);
    let event = Map::from([("tag", Value::str("once")), ("data", Value::str("x"))]);
    let bytes = minion.sealed("_minion_event", event).body;
    let before = master.head();
    assert_ne!(minion.sends(&bytes).unwrap(), BAD_LOAD);
    for _ in 0..3 {
        assert_eq!(minion.sends(&bytes).unwrap(), BAD_LOAD);
    }
    minion.fires("last", "x").unwrap();
    let is_last = |event: &serde_json::Value| event["tag"] == "last";
    let events = master.api().events_up_to(before, "*", is_last);
    let once = events.iter().filter(|event| event["tag"] == "once").count();
    assert_eq!(once, 1);
    assert_eq!(master.api().get("/health")["refused"]["replay"], 3);
}

// Item 23.
#[test]
fn an_older_protocols_bytes_are_obeyed_once_and_answered_again() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in [Version::V0, Version::V2] {
        let minion = accepted(&master, &format!("v{}", version.number()), version);
        let event = Map::from([
            ("id", Value::str(&minion.id)),
            ("tok", Value::Bytes(minion.token())),
            ("tag", Value::str("once")),
            ("data", Value::str("x")),
        ]);
        let bytes = minion.sealed("_minion_event", event).body;
        let before = master.head();
        let first = minion.sends(&bytes).unwrap();
        assert_ne!(first, BAD_LOAD);
        // As a minion does whose answer was late: it has to hear the same.
        for _ in 0..3 {
            let again = minion.sends(&bytes).unwrap();
            assert_eq!(again.len(), first.len(), "{again:?}");
        }
        // As somebody elsewhere does. Protocol 2 has a nonce, which gives him away.
        let elsewhere = minion.sends_from(Ipv4Addr::new(127, 0, 0, 2), &bytes);
        assert_eq!(elsewhere.unwrap() == BAD_LOAD, version == Version::V2);
        minion.fires("last", "x").unwrap();
        let is_last = |event: &serde_json::Value| event["tag"] == "last";
        let events = master.api().events_up_to(before, "*", is_last);
        let once = events.iter().filter(|event| event["tag"] == "once").count();
        assert_eq!(once, 1, "{version:?}");
    }
    let refused = &master.api().get("/health")["refused"];
    assert_eq!(refused["repeat"], 7, "{refused}");
    assert_eq!(refused["replay"], 1, "{refused}");
}

// Item 23.
#[test]
fn an_old_request_is_refused_where_a_limit_is_set() {
    let master = TestMaster::start_with("auto_accept: True\nrequest_server_ttl: 600");
    let mut minion = accepted(&master, "web", Version::V3);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    minion.ts = now;
    assert!(minion.request("_file_envs", Map::new()).is_ok());
    minion.ts = now - 3600;
    assert!(is_word(&minion.request("_file_envs", Map::new())));
}

// Item 40.
#[test]
fn the_masters_key_is_signed_by_a_second_one_where_that_is_set() {
    let plain = TestMaster::start_with("auto_accept: True");
    assert_eq!(accepted(&plain, "web", Version::V3).signed_key(), None);
    let master = TestMaster::start_with("auto_accept: True\nmaster_sign_pubkey: True");
    let pem = master.root().join("etc/salt/pki/master/master_sign.pem");
    let signer = MasterKey::from_pem(&std::fs::read_to_string(pem).unwrap()).unwrap();
    let public = signer.public_key().unwrap();
    for version in [Version::V0, Version::V2, Version::V3] {
        let id = format!("v{}", version.number());
        let (key, sig) = accepted(&master, &id, version)
            .signed_key()
            .expect("signed");
        assert!(sig.ends_with('\n'));
        let sig = decode_base64(sig.trim_end());
        assert!(public.verify(key.as_bytes(), &sig, SigAlgo::Pkcs1v15Sha1));
    }
}

// Item 40.
#[test]
fn a_signature_from_a_file_is_sent_as_it_is() {
    let config = "auto_accept: True\nmaster_sign_pubkey: True\nmaster_use_pubkey_signature: True";
    let mut master = TestMaster::prepare(config);
    master.write("root/etc/salt/pki/master/master_pubkey_signature", "c2ln\n");
    master.start();
    let (_, sig) = accepted(&master, "web", Version::V3)
        .signed_key()
        .expect("signed");
    assert_eq!(sig, "c2ln\n");
}

fn decode_base64(text: &str) -> Vec<u8> {
    let mut child = std::process::Command::new("base64")
        .arg("-d")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("base64 runs");
    let mut input = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, text.as_bytes()).expect("the program reads its input");
    drop(input);
    child.wait_with_output().expect("it ends").stdout
}

// Item 41.
#[test]
fn ten_sign_ins_at_once_get_one_session() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = accepted(&master, "web", Version::V3);
    let first = minion.session_key();
    let again = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..10)
            .map(|_| {
                let mut same = minion.clone();
                scope.spawn(move || {
                    assert_eq!(same.sign_in().unwrap(), SignIn::Accepted);
                    same.session_key()
                })
            })
            .collect();
        let join = |each: std::thread::ScopedJoinHandle<'_, _>| each.join().unwrap();
        tries.into_iter().map(join).collect::<Vec<_>>()
    });
    assert!(again.iter().all(|session| *session == first));
}

#[test]
fn an_old_session_ends_in_a_bad_load_and_the_next_sign_in_has_a_new_one() {
    let master = TestMaster::start_with("auto_accept: True\npublish_session: 1");
    let mut minion = accepted(&master, "web", Version::V3);
    let first = minion.session_key();
    wait::until("the session to end", || {
        is_word(&minion.request("_file_envs", Map::new())).then_some(())
    });
    // The new one ends as soon; a busy machine may need more than one to ask in time.
    wait::until("an answer under a new session", || {
        minion.sign_in_accepted();
        assert_ne!(minion.session_key(), first);
        minion.request("_file_envs", Map::new()).ok()
    });
}

/// Waits for the first job under a key that the minion does not have yet, and takes it as minions
/// do: what is on its way is still answered, one sign-in later the job is read.
fn take_rotation(minion: &mut SimMinion, wire: &mut Wire) {
    loop {
        let parts = wire.receive().expect("the ping of the rotation");
        if minion.open_publication(&parts).is_some() {
            continue;
        }
        let answer = minion.request("_file_envs", Map::new());
        assert!(answer.is_ok(), "under the key of before: {answer:?}");
        minion.sign_in_accepted();
        assert!(minion.open_publication(&parts).is_some());
        return;
    }
}

#[test]
fn a_rotation_by_age_costs_each_minion_one_sign_in() {
    let config = "auto_accept: True\nboot_ids: False\npublish_session: 12\nping_on_rotate: True";
    let master = TestMaster::start_with(config);
    let before = master.head();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let version = [Version::V0, Version::V2][number % 2];
            let mut minion = accepted(&master, &format!("m{number}"), version);
            let mut wire = minion.subscribe().unwrap();
            scope.spawn(move || take_rotation(&mut minion, &mut wire));
        }
    });
    let last = accepted(&master, "last", Version::V2);
    last.fires("test/end", Map::new()).unwrap();
    let is_end = |event: &serde_json::Value| event["tag"] == "test/end";
    let events = master.api().events_up_to(before, "*", is_end);
    let of_m = |event: &&serde_json::Value| {
        let id = event["data"]["id"].as_str().unwrap_or_default();
        event["tag"] == "salt/auth" && id.starts_with('m')
    };
    assert_eq!(events.iter().filter(of_m).count(), 16, "{events:?}");
}

// Item 46.
#[test]
fn serials_rise_in_the_order_of_the_wire() {
    let mut master = TestMaster::start_with("auto_accept: True");
    let mut minion = accepted(&master, "web", Version::V3);
    // Fewer after the restart, which shows only where the count begins.
    for jobs in [1000, 40] {
        minion.sign_in_accepted();
        let mut wire = minion.subscribe().unwrap();
        let first = wire.hear_first(|| {
            master.publish("web", "test.ping", &[]).unwrap();
        });
        let serial = |parts: &[bytes::Bytes]| {
            let load = minion.open_publication(parts).expect("our key");
            load.get("serial")
                .and_then(Value::as_u64)
                .expect("a serial")
        };
        let mut last = serial(&first);
        assert!(last < 100, "a new key begins anew: {last}");
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for _ in 0..jobs / 20 {
                        master.publish("web", "test.ping", &[]).unwrap();
                    }
                });
            }
            let mut heard = 0;
            while heard < jobs {
                let next = serial(&wire.receive().unwrap());
                assert!(next > last, "{next} after {last}");
                last = next;
                heard += 1;
            }
        });
        master.restart();
    }
}

// Item 55.
#[test]
fn a_return_for_a_resource_is_still_its_senders() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = accepted(&master, "web", Version::V3);
    accepted(&master, "db", Version::V3);
    let jid = master.publish("*", "test.ping", &[]).unwrap();
    let load = Map::from([
        ("jid", Value::str(&jid)),
        ("fun", Value::str("test.ping")),
        ("return", Value::str("forged")),
        ("resource_id", Value::str("db")),
    ]);
    let _ = minion.request("_return", load);
    let returns = &master.api().get(&format!("/jobs/{jid}"))["returns"];
    assert!(returns["db"].is_null(), "{returns}");
}

// Item 66.
#[test]
fn a_job_is_on_the_bus_before_its_returns() {
    let master = TestMaster::start_with("auto_accept: True");
    let _workers = [Version::V0, Version::V3]
        .map(|version| Worker::start(&format!("v{}", version.number()), version, master.ports()));
    let before = master.head();
    let mut last = String::new();
    for _ in 0..20 {
        last = master.publish("*", "test.ping", &[]).unwrap();
        let tag = format!("salt/job/{last}/ret/v3");
        let is_returned = |event: &serde_json::Value| event["tag"] == tag.as_str();
        let events = master.api().events_up_to(before, "salt/job/*", is_returned);
        let new = format!("salt/job/{last}/new");
        let place = |tag: &str| events.iter().position(|event| event["tag"] == tag);
        let published = place(&new).expect("the job");
        let first_return = events.iter().position(|event| {
            event["tag"]
                .as_str()
                .is_some_and(|tag| tag.starts_with(&format!("salt/job/{last}/ret/")))
        });
        assert!(Some(published) < first_return, "{events:#?}");
    }
    assert!(!last.is_empty());
}

// Item 11.
#[test]
fn a_subscriber_that_does_not_read_delays_nobody() {
    let master = TestMaster::start_with("auto_accept: True");
    let stalled = accepted(&master, "stalled", Version::V3);
    let _never_read = stalled.subscribe().unwrap();
    let _worker = Worker::start("web", Version::V3, master.ports());
    // Far more than a connection's buffers hold.
    let large = "x".repeat(1 << 20);
    for _ in 0..40 {
        master.publish("stalled", "test.arg", &[&large]).unwrap();
    }
    let words = ["web", "test.ping", "--out=json", "--static", "-t", "60"];
    let said = master.run("cmd", &words).well().json();
    assert_eq!(said, serde_json::json!({"web": true}));
}

// Item 12.
#[test]
fn a_thousand_connections_at_once_all_shake_hands() {
    let mut limits = rustix::process::getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    rustix::process::setrlimit(Resource::Nofile, limits).unwrap();
    let master = TestMaster::start_with("auto_accept: True");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, master.ports().1));
    let streams: Vec<_> = (0..1000)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for mut stream in &streams {
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        let mut greeting = [0; 64];
        stream.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting[0], 0xff);
    }
    assert!(Wire::connect(address, Kind::Req).is_ok());
}

// Item 59.
#[test]
fn jobs_and_runners_for_peers_are_refused() {
    let master = TestMaster::start_with("auto_accept: True");
    for version in [Version::V0, Version::V2, Version::V3] {
        let minion = accepted(&master, &format!("v{}", version.number()), version);
        for (cmd, fun) in [
            ("minion_pub", "test.ping"),
            ("minion_publish", "publish.publish"),
            ("minion_runner", "manage.up"),
        ] {
            let load = Map::from([
                ("id", Value::str(&minion.id)),
                ("fun", Value::str(fun)),
                ("arg", Value::List(Vec::new())),
                ("tgt", Value::str("*")),
                ("tgt_type", Value::str("glob")),
                ("ret", Value::str("")),
                ("tmo", Value::Int(5)),
                ("tok", Value::Bytes(minion.token())),
            ]);
            assert_eq!(minion.asks(cmd, load), Value::Map(Map::new()), "{cmd}");
        }
    }
    assert_eq!(master.api().get("/jobs"), serde_json::json!([]));
}
