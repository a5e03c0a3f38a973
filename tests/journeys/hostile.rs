//! Strangers: nonsense on both ports, and what others notice of it: nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use minion_protocol::Version;
use minion_protocol::zmtp::{GREETING, Role, opening};
use model::{Map, Value};
use tests::random::Random;
use tests::sim_minion::{SignIn, SimMinion};
use tests::test_master::TestMaster;
use tests::wait;
use tests::wire::{Kind, Wire};
use tests::worker::Worker;

#[test]
fn garbage_on_both_ports_leaves_others_undisturbed() {
    let mut master = TestMaster::start_with("auto_accept: True");
    let _minion = Worker::start("web", Version::V3, master.ports());
    let (publish_port, ret_port) = master.ports();
    let mut random = Random::new(1);
    let mut noise = vec![0; 4096];
    let mut held = Vec::new();
    for round in 0..20 {
        random.fill(&mut noise);
        let greeted = [&GREETING[..], &noise].concat();
        let bomb = [&GREETING[..], b"\x06\xff\xff\xff\xff\xff\xff\xff\xff"].concat();
        let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ".as_slice();
        let huge = [
            &GREETING[..],
            ready,
            b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff",
        ]
        .concat();
        let nonsense = [&GREETING[..], ready, b"\x01\0\0\x05hello"].concat();
        let http = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        for bytes in [
            &noise,
            &greeted,
            &bomb,
            &huge,
            &nonsense,
            &http,
            &GREETING[..10].to_vec(),
        ] {
            for port in [publish_port, ret_port] {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                // The master may close as soon as it has seen enough.
                let _ = stream.write_all(bytes);
                if round % 2 == 0 {
                    held.push(stream);
                }
            }
        }
    }
    let said = master
        .run("cmd", &["*", "test.ping", "--out=json", "--static"])
        .well()
        .json();
    assert_eq!(said, serde_json::json!({"web": true}));
    assert!(master.ended().is_none());
    drop(held);
}

#[test]
fn what_speaks_no_zmtp_is_hung_up_on() {
    let master = TestMaster::start_with("");
    let (publish_port, ret_port) = master.ports();
    for (port, role) in [(publish_port, Role::Publisher), (ret_port, Role::Router)] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut bytes = Vec::new();
        // What it says in any case may have gone out; then the end, by a close or a reset.
        match stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        assert!(opening(role).starts_with(&bytes), "{bytes:?}");
    }
}

#[test]
fn envelopes_of_nonsense_are_a_bad_load() {
    let master = TestMaster::start_with("auto_accept: True");
    let address = (std::net::Ipv4Addr::LOCALHOST, master.ports().1).into();
    let mut wire = Wire::connect(address, Kind::Req).unwrap();
    let bomb = vec![0x91; 100_000];
    for body in [
        &b""[..],
        b"\xc1",
        b"\xc0",
        b"\x80",
        b"\x93\x01\x02\x03",
        &bomb,
    ] {
        wire.send(&[b"", body]).unwrap();
        let parts = wire.receive().unwrap();
        assert_eq!(&parts[1][..], b"\xa8bad load", "on the same connection");
    }
}

#[test]
fn a_proof_of_another_is_no_proof() {
    let master = TestMaster::start_with("auto_accept: True");
    let mut honest = SimMinion::new("honest", Version::V3, master.ports());
    let mut liar = SimMinion::new("liar", Version::V3, master.ports());
    honest.sign_in_accepted();
    liar.sign_in_accepted();
    let jid = master.publish("honest", "test.ping", &[]).unwrap();
    // Its own session, and another's name outside and inside.
    liar.id = "honest".into();
    let answer = liar.returns(&jid, "test.ping", "forged");
    assert!(answer.is_err(), "{answer:?}");
    let job = master.api().get(&format!("/jobs/{jid}"));
    assert_eq!(job["returns"], serde_json::json!({}));
}

#[test]
fn commands_of_pythons_client_are_refused_in_words() {
    let master = TestMaster::start_with("auto_accept: True");
    let minion = SimMinion::new("web", Version::V3, master.ports());
    for cmd in ["publish", "runner", "wheel"] {
        let load = Map::from([
            ("cmd", cmd),
            ("fun", "test.ping"),
            ("tgt", "*"),
            ("key", "guessed"),
            ("tgt_type", "glob"),
            ("user", "root"),
        ]);
        let answer = minion.clear(load).unwrap();
        let name = answer.get("error").and_then(|error| error.get("name"));
        assert_eq!(
            name,
            Some(&Value::str("AuthenticationError")),
            "{cmd}: {answer:?}"
        );
    }
    assert_eq!(master.api().get("/jobs"), serde_json::json!([]));
}

/// Requests that are worked on at once (`REQUESTS_AT_WORK_MAX`), and pillars asked for: some wait.
const AT_WORK: usize = 256;
const PILLARS: usize = AT_WORK + 20;

#[test]
fn a_sign_in_has_its_turn_whatever_the_accepted_ask_for() {
    let mut master = TestMaster::prepare("");
    let (begun, gate) = (master.path("begun"), master.path("gate"));
    // Each pillar stands at the gate until it is opened.
    let command = format!("echo x >> {}; cat {}", begun.display(), gate.display());
    let config = std::fs::read_to_string(master.path("etc/master")).unwrap();
    let more = format!(
        "auto_accept: True\next_pillar_timeout: 3600\next_pillar:\n  - cmd_yaml: {command}\n"
    );
    master.write("etc/master", format!("{config}{more}"));
    let made = std::process::Command::new("mkfifo").arg(&gate).status();
    assert!(made.unwrap().success());
    master.start();
    let mut busy = SimMinion::new("busy", Version::V3, master.ports());
    busy.sign_in_accepted();
    let mut stranger = SimMinion::new("stranger", Version::V3, master.ports());
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PILLARS {
            scope.spawn(|| {
                let pillar = busy.pillar();
                answered.fetch_add(1, Ordering::Relaxed);
                assert!(pillar.is_ok(), "{pillar:?}");
            });
        }
        wait::until("every place to be taken", || {
            let begun = std::fs::read_to_string(&begun).unwrap_or_default();
            (begun.lines().count() >= AT_WORK).then_some(())
        });
        let signed_in = stranger.sign_in();
        let before_it = answered.load(Ordering::Relaxed);
        // Those who come to the gate from now on find it open; those at it are let through.
        master.write("open", "{}\n");
        let opened = std::fs::OpenOptions::new().write(true).open(&gate).unwrap();
        std::fs::rename(master.path("open"), &gate).unwrap();
        drop(opened);
        assert_eq!(signed_in.unwrap(), SignIn::Accepted);
        assert_eq!(before_it, 0, "it had to wait for others");
    });
}

#[test]
fn who_does_not_read_his_answers_delays_nobody() {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write("salt/large", vec![7; 4 << 20]);
    master.start();
    let mut greedy = SimMinion::new("greedy", Version::V3, master.ports());
    greedy.sign_in_accepted();
    let address = ([127, 0, 0, 1], master.ports().1).into();
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut wire = Wire::connect(address, Kind::Req).unwrap();
        // As many as one connection may have unanswered, of the largest piece each.
        for piece in 0..8 {
            let load = Map::from([
                ("path", Value::str("large")),
                ("saltenv", Value::str("base")),
                ("loc", Value::Int((piece % 4) << 20)),
            ]);
            let request = greedy.sealed("_serve_file", load).body;
            wire.send(&[b"", &request]).unwrap();
        }
        held.push(wire);
    }
    let mut honest = SimMinion::new("honest", Version::V2, master.ports());
    honest.sign_in_accepted();
    assert!(honest.pillar().is_ok());
    let load = Map::from([
        ("path", Value::str("large")),
        ("saltenv", Value::str("base")),
        ("loc", Value::Int(0)),
    ]);
    let piece = honest.asks("_serve_file", load);
    let bytes = piece.get("data").and_then(Value::as_bytes);
    assert_eq!(bytes.map(<[u8]>::len), Some(1 << 20));
    drop(held);
}
