//! Jobs as they go out: load, signature, topics.

use super::*;
use crate::testdata::{counting, crypticle, master};

fn publication() -> Publication {
    Publication {
        fun: Value::str("test.ping"),
        arg: Vec::new(),
        tgt: Value::str("*"),
        tgt_type: "glob".into(),
        jid: "20261121081655861002".parse().expect("a jid"),
        ret: String::new(),
        user: "root".into(),
        more: Map::new(),
    }
}

// Item 45.
#[test]
fn a_load_has_salts_fields_and_no_others() {
    let load = publication().load(7);
    let keys: Vec<_> = load.keys().filter_map(Value::as_str).collect();
    let expected = [
        "fun", "arg", "tgt", "jid", "ret", "tgt_type", "user", "serial",
    ];
    assert_eq!(keys, expected);
    assert_eq!(load.get("serial"), Some(&Value::Int(7)));
}

// Item 47.
#[test]
fn an_envelope_is_signed_over_the_sealed_bytes() {
    let (key, master) = (crypticle(1), master());
    let signer = (&master, SigAlgo::default());
    let body = publication()
        .seal(1, &key, signer, &mut counting())
        .expect("signs");
    let envelope = msgpack::decode(&body).expect("msgpack");
    let keys: Vec<_> = envelope.as_map().expect("a map").keys().cloned().collect();
    assert_eq!(keys, ["enc", "load", "sig_algo", "sig"].map(Value::str));
    let bytes = |field| {
        envelope
            .get(field)
            .and_then(Value::as_bytes)
            .expect("bytes")
    };
    assert_eq!(bytes("sig_algo"), b"PKCS1v15-SHA1");
    let public = master.public_key().expect("a key");
    assert!(public.verify(bytes("load"), bytes("sig"), SigAlgo::Pkcs1v15Sha1));
    let load = msgpack::decode(&key.open(bytes("load")).expect("opens")).expect("msgpack");
    assert_eq!(load, publication().load(1).into());
}

// Item 49.
#[test]
fn keywords_are_one_marked_map_at_the_end() {
    let keywords = Map::from([("__kwarg__", Value::Bool(true)), ("k", Value::str("v"))]);
    let arguments = arguments(vec![Value::str("a")], keywords);
    let [_, Value::Map(last)] = &arguments[..] else {
        panic!("two arguments")
    };
    let keys: Vec<_> = last.keys().cloned().collect();
    assert_eq!(keys, ["k", "__kwarg__"].map(Value::str));
    assert!(super::arguments(Vec::new(), Map::new()).is_empty());
}

// Item 10.
#[test]
fn a_minions_topic_is_the_sha1_of_its_id() {
    let id = "web01".parse().expect("an id");
    assert_eq!(topic(&id), "7f1f968061faac1f2881018c5bbb473f498af24a");
}
