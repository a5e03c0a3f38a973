//! What real minions and Salt's own masters said: every decoder reads it, and every encoder writes
//! the same. The recordings are made by `testdata/record.py`.

#![expect(
    unreachable_pub,
    dead_code,
    reason = "the recordings are read by a module of the fuzzers' library, and by this test"
)]

#[path = "../../fuzz/src/captured.rs"]
mod captured;

use std::sync::Arc;

use bytes::BytesMut;
use captured::{MASTER_PEM, MINION_PEM, Talk, bytes, signed_in, talks};
use minion_protocol::auth::{Accepted, Answer};
use minion_protocol::crypt::{Crypticle, EncAlgo, MasterKey, SigAlgo};
use minion_protocol::publication::Publication;
use minion_protocol::zmtp::{Handshake, Requester, Role, Subscriber};
use minion_protocol::{KeyLookup, Opened, Principal, Reply, Request, Version, msgpack, open};
use model::{Map, Value};

fn master() -> MasterKey {
    MasterKey::from_pem(MASTER_PEM).expect("a key")
}

fn minion() -> MasterKey {
    MasterKey::from_pem(MINION_PEM).expect("a key")
}

/// Opens a request of a recording.
fn opened(talk: &Talk, request: &[u8]) -> Opened {
    open(request, &talk.keys).unwrap_or_else(|error| panic!("{}: {error}", talk.release))
}

/// The first bytes of a sealed payload: what its sealer drew.
fn drawn(sealed: &[u8]) -> impl FnMut(&mut [u8]) {
    let iv = sealed[..16].to_vec();
    move |room: &mut [u8]| room.copy_from_slice(&iv)
}

fn map(bytes: &[u8]) -> Map {
    match msgpack::decode(bytes).expect("msgpack") {
        Value::Map(map) => map,
        other => panic!("no map: {other:?}"),
    }
}

#[test]
fn connections_begin_as_recorded() {
    for talk in talks() {
        let mut input = BytesMut::from(&talk.req[..]);
        let peer = Handshake::new(Role::Router).advance(&mut input);
        assert!(peer.expect("ZMTP").is_some(), "{}", talk.release);
        let rest = Requester::new(1000).next(&mut input, &mut BytesMut::new());
        assert!(rest.expect("frames").is_none(), "a request begins");

        let mut input = BytesMut::from(&talk.sub[..]);
        let peer = Handshake::new(Role::Publisher).advance(&mut input);
        assert!(peer.expect("ZMTP").is_some(), "{}", talk.release);
        let mut subscriber = Subscriber::new();
        let event = subscriber.next(&mut input, &mut BytesMut::new());
        assert!(event.expect("frames").is_some(), "{}", talk.release);
        assert_eq!(subscriber.prefixes(), [&b""[..]], "{}", talk.release);
    }
}

#[test]
fn every_payload_is_written_as_it_was_read() {
    let mut payloads = 0;
    for talk in talks() {
        let mut all: Vec<Vec<u8>> = talk.sealed_loads().collect();
        let exchanged = talk.exchanges.iter().cloned();
        all.extend(exchanged.flat_map(|(request, reply)| [request, reply]));
        all.extend(talk.publications.iter().cloned());
        for payload in all {
            let value = msgpack::decode(&payload).expect("msgpack");
            assert_eq!(msgpack::encode(&value), payload, "{}", talk.release);
            payloads += 1;
        }
    }
    assert!(payloads > 500, "{payloads}");
}

#[test]
fn every_request_is_known_and_its_senders() {
    let commands = [
        "_auth",
        "_pillar",
        "_minion_event",
        "_return",
        "_master_opts",
        "_file_list",
        "_file_hash",
        "_serve_file",
        "_mine",
        "_mine_get",
    ];
    for talk in talks() {
        let mut said = Vec::new();
        for (request, _) in &talk.exchanges {
            let opened = opened(&talk, request);
            assert_eq!(opened.version, talk.version, "{}", talk.release);
            let is_known = !matches!(
                opened.request,
                Request::Unknown(_) | Request::Malformed { .. } | Request::BadAuth(_)
            );
            assert!(is_known, "{}: {:?}", talk.release, opened.request);
            let is_right = match opened.principal {
                Principal::Proven(id) => id.as_str() == "captured",
                Principal::Clear => matches!(opened.request, Request::Auth(_)),
                Principal::Claimed(_) | Principal::Unnamed => talk.version < Version::V3,
            };
            assert!(is_right, "{}: {:?}", talk.release, opened.request);
        }
        for load in talk.sealed_loads().map(|load| map(&load)) {
            said.extend(load.get("cmd").and_then(Value::as_str).map(str::to_owned));
        }
        said.push("_auth".to_owned());
        for cmd in commands {
            assert!(
                said.iter().any(|known| known == cmd),
                "{}: no {cmd}",
                talk.release
            );
        }
    }
}

#[test]
fn answers_are_sealed_to_the_byte_as_salts_master_did() {
    for talk in talks() {
        let mut sealed = 0;
        for (request, reply) in &talk.exchanges {
            let Value::Bytes(theirs) = msgpack::decode(reply).expect("msgpack") else {
                continue;
            };
            let opened = opened(&talk, request);
            let key = match talk.version {
                Version::V3 => talk.keys.session(&"captured".parse().expect("an id")),
                _ => Some(talk.keys.master_aes()),
            };
            let plain = key
                .expect("a key")
                .open(&theirs)
                .expect("the recording's key");
            let nonce = opened.nonce.as_ref().map_or(&[][..], |nonce| &nonce.0);
            let value = plain.strip_prefix(nonce).expect("the nonce of the request");
            let value = msgpack::decode(value).expect("msgpack");
            let ours = opened
                .seal
                .seal(&Reply::Value(value), &master(), &mut drawn(&theirs));
            assert_eq!(
                ours.expect("sealed"),
                *reply,
                "{}: {:?}",
                talk.release,
                opened.request
            );
            sealed += 1;
        }
        assert!(sealed > 10, "{}: {sealed}", talk.release);
    }
}

#[test]
fn a_waiting_minion_is_answered_to_the_byte_as_by_salts_master() {
    for talk in talks() {
        let mut waited = 0;
        for (request, reply) in &talk.exchanges {
            let opened = opened(&talk, request);
            if !matches!(opened.request, Request::Auth(_)) || signed_in(reply).is_some() {
                continue;
            }
            let ours = opened
                .seal
                .seal(&Reply::Auth(Answer::Pending), &master(), &mut |_| {});
            assert_eq!(ours.expect("signed"), *reply, "{}", talk.release);
            waited += 1;
        }
        assert!(waited > 0, "{}", talk.release);
    }
}

/// Fields under OAEP, which draws anew each time.
const WRAPPED: [&str; 3] = ["aes", "session", "token"];

#[test]
fn an_accepted_minion_is_told_what_salts_master_tells() {
    for talk in talks() {
        let id = "captured".parse().expect("an id");
        let exchange = talk
            .exchanges
            .iter()
            .find(|(_, reply)| signed_in(reply).is_some());
        let (request, reply) = exchange.expect("a sign-in");
        let opened = opened(&talk, request);
        let theirs = signed_in(reply).expect("accepted");
        let publish_port = theirs.get("publish_port").and_then(Value::as_u64);
        let accepted = Accepted {
            minion_key: talk.keys.accepted(&id).expect("a key"),
            publish_port: u16::try_from(publish_port.expect("a port")).expect("a port"),
            master_aes: talk.keys.master_aes(),
            session: talk.keys.session(&id).unwrap_or(talk.keys.master_aes()),
            pub_sig: None,
        };
        let told = Reply::Auth(Answer::Accepted(Box::new(accepted)));
        let ours = opened
            .seal
            .seal(&told, &master(), &mut |_| {})
            .expect("sealed");
        let ours = signed_in(&ours).expect("accepted");
        for (field, value) in theirs.as_map().expect("a map").iter() {
            let field = field.as_str().expect("a name");
            let mine = ours
                .get(field)
                .unwrap_or_else(|| panic!("{}: no {field}", talk.release));
            if WRAPPED.contains(&field) {
                assert_eq!(
                    unwrapped(&ours, field),
                    unwrapped(&theirs, field),
                    "{field}"
                );
            } else if field == "pub_key" {
                // Old masters sent the file as it was.
                let text = |value: &Value| value.as_str().expect("a key").trim_end().to_owned();
                assert_eq!(text(mine), text(value), "{}", talk.release);
            } else {
                assert_eq!(mine, value, "{}: {field}", talk.release);
            }
        }
        if talk.version > Version::V0 {
            let outer = msgpack::decode(reply).expect("msgpack");
            let sig = master().sign(&bytes(&outer, "load"), SigAlgo::default());
            assert_eq!(
                sig.expect("signs"),
                bytes(&outer, "sig"),
                "{}",
                talk.release
            );
        }
    }
}

fn unwrapped(map: &Value, field: &str) -> Vec<u8> {
    let plain = minion().oaep_decrypt(&bytes(map, field), EncAlgo::default());
    plain.expect("OpenSSL tries").expect("for this minion")
}

/// Gives the pillar of an answer, and under v2 and v3 checks its signature and its binding.
fn pillar(talk: &Talk, opened: &Opened, reply: &[u8]) -> Value {
    let outer = msgpack::decode(reply).expect("msgpack");
    let once = String::from_utf8(unwrapped(&outer, "key")).expect("a key string");
    let once = Crypticle::from_key_string(&once).expect("a key string");
    let plain = once.open(&bytes(&outer, "pillar")).expect("its own key");
    let inner = msgpack::decode(&plain).expect("msgpack");
    if talk.version == Version::V0 {
        return inner;
    }
    let data = bytes(&inner, "data");
    let sig = master().sign(&data, SigAlgo::default()).expect("signs");
    assert_eq!(sig, bytes(&inner, "sig"), "{}", talk.release);
    let data = msgpack::decode(&data).expect("msgpack");
    assert_eq!(data.get("key"), outer.get("key"), "{}", talk.release);
    let nonce = opened.nonce.map(minion_protocol::Nonce::to_value);
    assert_eq!(data.get("nonce"), nonce.as_ref(), "{}", talk.release);
    data.get("pillar").expect("a pillar").clone()
}

#[test]
fn pillars_are_wrapped_as_salts_master_does() {
    for talk in talks() {
        let mut pillars = 0;
        for (request, reply) in &talk.exchanges {
            let opened = opened(&talk, request);
            if !matches!(opened.request, Request::Pillar(_)) {
                continue;
            }
            let theirs = pillar(&talk, &opened, reply);
            assert_eq!(
                theirs.get("who"),
                Some(&Value::str("captured")),
                "{}",
                talk.release
            );
            let Value::Map(map) = &theirs else {
                panic!("a pillar is a map");
            };
            let mut next = 0_u8;
            let mut random = |room: &mut [u8]| {
                next += 1;
                room.fill(next);
            };
            let ours = opened
                .seal
                .seal(&Reply::pillar(map.clone()), &master(), &mut random);
            assert_eq!(pillar(&talk, &opened, &ours.expect("sealed")), theirs);
            pillars += 1;
        }
        assert!(pillars > 0, "{}", talk.release);
    }
}

#[test]
fn jobs_are_published_as_salts_master_does() {
    for talk in talks() {
        assert!(talk.publications.len() > 4, "{}", talk.release);
        for body in &talk.publications {
            let theirs = msgpack::decode(body).expect("msgpack");
            let sealed = bytes(&theirs, "load");
            let aes: Arc<Crypticle> = talk.keys.master_aes();
            let load = map(&aes.open(&sealed).expect("the shared key"));
            let text = |field: &str| load.get(field).and_then(Value::as_str).expect("a text");
            let job = Publication {
                fun: load.get("fun").cloned().expect("a function"),
                arg: load
                    .get("arg")
                    .and_then(Value::as_list)
                    .expect("a list")
                    .to_vec(),
                tgt: load.get("tgt").cloned().expect("a target"),
                tgt_type: text("tgt_type").to_owned(),
                jid: text("jid").parse().expect("a jid"),
                ret: text("ret").to_owned(),
                user: text("user").to_owned(),
                more: Map::new(),
            };
            let serial = load.get("serial").and_then(Value::as_u64);
            let mut ours = job.load(serial.unwrap_or_default());
            if serial.is_none() {
                ours.remove("serial");
            }
            // The order of a map has no meaning here.
            assert_eq!(ours.len(), load.len(), "{}: {load:?}", talk.release);
            for (field, value) in load.iter() {
                let field = field.as_str().expect("a name");
                assert_eq!(ours.get(field), Some(value), "{}: {field}", talk.release);
            }
            let signature = master().sign(&sealed, SigAlgo::default()).expect("signs");
            assert_eq!(signature, bytes(&theirs, "sig"), "{}", talk.release);
            let plain = msgpack::encode(&load.into());
            assert_eq!(aes.seal(&plain, None, &mut drawn(&sealed)), sealed);
        }
    }
}
