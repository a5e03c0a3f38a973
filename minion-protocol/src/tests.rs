//! Whole conversations, without a socket: what is opened, what is refused, how answers are sealed.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{Map, MinionId, Value};
use proptest::prelude::*;

use crate::auth::{Accepted, Answer};
use crate::crypt::{Crypticle, EncAlgo, PublicKey, SigAlgo};
use crate::testdata::{counting, crypticle, master, minion, minion_public, vector};
use crate::{
    Doubt, KeyLookup, Opened, Piece, Principal, Refusal, Reply, Request, Version, msgpack, open,
};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

struct Keys {
    accepted: HashMap<MinionId, Arc<PublicKey>>,
    sessions: HashMap<MinionId, Arc<Crypticle>>,
    floor: u8,
}

impl KeyLookup for Keys {
    fn accepted(&self, id: &MinionId) -> Option<Arc<PublicKey>> {
        self.accepted.get(id).cloned()
    }
    fn session(&self, id: &MinionId) -> Option<Arc<Crypticle>> {
        self.sessions.get(id).cloned()
    }
    fn master_aes(&self) -> Arc<Crypticle> {
        crypticle(1)
    }
    fn minimum_auth_version(&self) -> u8 {
        self.floor
    }
}

fn id(text: &str) -> MinionId {
    text.parse().expect("an id")
}

fn keys() -> Keys {
    let sessions = [(id("web01"), crypticle(2)), (id("gone"), crypticle(2))];
    Keys {
        accepted: [(id("web01"), minion_public())].into(),
        sessions: sessions.into(),
        floor: 0,
    }
}

fn load(pairs: &[(&str, Value)]) -> Map {
    pairs.iter().cloned().collect()
}

fn envelope(version: u64, enc: &str, load: impl Into<Value>, id: Option<&str>) -> Vec<u8> {
    let mut map = Map::from([("enc", Value::str(enc)), ("load", load.into())]);
    if version > 0 {
        map.insert("version", version);
    }
    if let Some(id) = id {
        map.insert("id", id);
    }
    msgpack::encode(&map.into())
}

fn sealed(version: u64, key: &Crypticle, load: Map, id: Option<&str>) -> Vec<u8> {
    let bytes = key.seal(&msgpack::encode(&load.into()), None, &mut counting());
    envelope(version, "aes", bytes, id)
}

fn v3_load() -> Map {
    load(&[
        ("cmd", Value::str("_master_opts")),
        ("id", Value::str("web01")),
        ("nonce", Value::str(NONCE)),
        ("ts", Value::Int(1_795_249_015)),
        ("tok", Value::Bytes(vector("tok"))),
    ])
}

fn v3(load: Map) -> Result<Opened, Refusal> {
    open(&sealed(3, &crypticle(2), load, Some("web01")), &keys())
}

fn auth(version: u64, more: &[(&str, Value)]) -> Opened {
    let mut load = load(&[
        ("cmd", Value::str("_auth")),
        ("id", Value::str("web01")),
        ("pub", Value::str(minion().public_pem())),
    ]);
    if version > 1 {
        load.insert("nonce", NONCE);
    }
    load.extend(more.iter().cloned());
    open(&envelope(version, "clear", load, None), &keys()).expect("opens")
}

fn answer(opened: &Opened, reply: &Reply) -> Value {
    let bytes = opened.seal.seal(reply, &master(), &mut counting());
    msgpack::decode(&bytes.expect("signs")).expect("msgpack")
}

fn accepted() -> Reply {
    Reply::Auth(Answer::Accepted(Box::new(Accepted {
        minion_key: minion_public(),
        publish_port: 4505,
        master_aes: crypticle(1),
        session: crypticle(2),
        pub_sig: None,
    })))
}

fn bytes<'a>(value: &'a Value, field: &str) -> &'a [u8] {
    value.get(field).and_then(Value::as_bytes).expect("bytes")
}

/// Opens the signed wrapper as a minion does.
fn unwrap_signed(wrapper: &Value, algo: SigAlgo) -> Value {
    let public = master().public_key().expect("a key");
    assert!(public.verify(bytes(wrapper, "load"), bytes(wrapper, "sig"), algo));
    let inner = msgpack::decode(bytes(wrapper, "load")).expect("msgpack");
    assert_eq!(inner.get("nonce"), Some(&Value::str(NONCE)));
    inner
}

fn unwrap_secret(map: &Value, field: &str, algo: EncAlgo) -> Vec<u8> {
    let plain = minion().oaep_decrypt(bytes(map, field), algo);
    plain.expect("tries").expect("unwraps")
}

// Item 19.
#[test]
fn what_is_no_envelope_is_a_bad_load() {
    let no_load = msgpack::encode(&Map::from([("enc", "aes")]).into());
    for body in [
        &b""[..],
        b"\xc1",
        b"\xc0",
        b"\x80",
        b"\x93\x01\x02\x03",
        &no_load,
    ] {
        let refusal = open(body, &keys()).expect_err("nonsense");
        assert_eq!(refusal.reply(), b"\xa8bad load");
    }
}

// Items 18 and 19.
#[test]
fn a_depth_bomb_is_a_bad_load() {
    let refusal = open(&[0x91; 100_000], &keys()).expect_err("a bomb");
    assert_eq!(refusal.reply(), b"\xa8bad load");
}

// Item 20.
#[test]
fn what_does_not_decrypt_is_a_bad_load() {
    for body in [
        envelope(0, "aes", vec![0xff; 96], None),
        sealed(0, &crypticle(2), v3_load(), None),
        sealed(3, &crypticle(1), v3_load(), Some("web01")),
    ] {
        let refusal = open(&body, &keys()).expect_err("a wrong key");
        assert_eq!(refusal, Refusal::BadLoad(Doubt::Undecryptable));
    }
}

// Item 21.
#[test]
fn the_floor_refuses_lower_versions_whatever_they_ask() {
    let ping = Map::from([("cmd", "ping")]);
    for (version, is_served) in [(0, false), (2, false), (3, true)] {
        let body = envelope(version, "clear", ping.clone(), None);
        let floor_3 = Keys { floor: 3, ..keys() };
        assert_eq!(open(&body, &floor_3).is_ok(), is_served);
        assert!(open(&body, &keys()).is_ok());
    }
}

// Item 22.
#[test]
fn a_v3_request_is_its_senders_or_nobodys() {
    assert_eq!(
        v3(v3_load()).expect("opens").principal,
        Principal::Proven(id("web01"))
    );
    let changed = |field: &str, value: Option<Value>| {
        let mut load = v3_load();
        load.remove(field);
        if let Some(value) = value {
            load.insert(field, value);
        }
        v3(load).expect_err("not its own").reply()
    };
    let refused = [
        changed("tok", None),
        changed("tok", Some(Value::Bytes(vector("tok_of_master")))),
        changed("tok", Some(Value::str("salt"))),
        changed("id", None),
        changed("id", Some(Value::str("gone"))),
        changed("id", Some(Value::str("../web01"))),
    ];
    for reply in refused {
        assert_eq!(reply, b"\xa8bad load");
    }
    for envelope_id in [None, Some("gone"), Some("../x"), Some("unknown")] {
        let body = sealed(3, &crypticle(2), v3_load(), envelope_id);
        assert!(open(&body, &keys()).is_err(), "{envelope_id:?}");
    }
    // A key that is no longer accepted, though its session is still there.
    let mut gone = v3_load();
    gone.insert("id", "gone");
    let body = sealed(3, &crypticle(2), gone, Some("gone"));
    let refusal = open(&body, &keys()).expect_err("deleted");
    assert_eq!(refusal, Refusal::BadLoad(Doubt::Unknown(id("gone"))));
}

#[test]
fn an_older_minion_is_believed_as_far_as_it_proves() {
    let ask = |pairs: &[(&str, Value)]| {
        let mut load = load(pairs);
        load.insert("cmd", "_file_envs");
        open(&sealed(2, &crypticle(1), load, None), &keys()).map(|opened| opened.principal)
    };
    let web01 = ("id", Value::str("web01"));
    let tok = ("tok", Value::Bytes(vector("tok")));
    assert_eq!(ask(&[]), Ok(Principal::Unnamed));
    assert_eq!(
        ask(std::slice::from_ref(&web01)),
        Ok(Principal::Claimed(id("web01")))
    );
    assert_eq!(
        ask(&[web01.clone(), tok]),
        Ok(Principal::Proven(id("web01")))
    );
    assert!(ask(&[web01, ("tok", Value::str("x"))]).is_err());
    assert!(ask(&[("id", Value::str("unknown"))]).is_err());
}

#[test]
fn the_token_and_the_nonce_are_not_in_the_load() {
    let mut load = v3_load();
    load.insert("cmd", "_return");
    load.insert("jid", "20261121081655861002");
    load.insert("fun", "test.ping");
    load.insert("return", true);
    let opened = v3(load).expect("opens");
    let Request::Return(load) = opened.request else {
        panic!("not a return")
    };
    assert!(!load.load.contains_key("tok") && !load.load.contains_key("nonce"));
    assert!(load.load.contains_key("ts"));
    assert_eq!(opened.ts, Some(1_795_249_015));
    assert_eq!(
        opened.nonce.map(|nonce| nonce.0),
        NONCE.as_bytes().try_into().ok()
    );
}

#[test]
fn loads_that_are_no_maps_and_ids_that_are_no_text_have_their_own_words() {
    let list = open(
        &envelope(0, "clear", Value::List(Vec::new()), None),
        &keys(),
    );
    assert_eq!(list.expect_err("a list"), Refusal::LoadNotMap);
    let nul = load(&[("cmd", Value::str("ping")), ("id", Value::str("a\0"))]);
    let nul = open(&envelope(0, "clear", nul, None), &keys());
    assert_eq!(nul.expect_err("a nul"), Refusal::IdNul);
    let number = load(&[("cmd", Value::str("ping")), ("id", Value::Int(5))]);
    let number = open(&envelope(0, "clear", number, None), &keys()).expect_err("a number");
    let reply = msgpack::decode(&number.reply()).expect("msgpack");
    assert_eq!(reply, Value::str("bad load: id 5 is not a string"));
}

// Items 24 and 25.
#[test]
fn replies_have_the_key_and_the_nonce_of_their_version() {
    for (version, key, prefix) in [(0, 1, ""), (2, 1, NONCE), (3, 2, NONCE)] {
        let envelope_id = (version == 3).then_some("web01");
        let body = sealed(version, &crypticle(key), v3_load(), envelope_id);
        let opened = open(&body, &keys()).expect("opens");
        let reply = answer(&opened, &Reply::Value(Value::Bool(true)));
        let reply = reply.as_bytes().expect("bytes");
        let plain = crypticle(key).open(reply).expect("opens");
        assert_eq!(plain, [prefix.as_bytes(), b"\xc3"].concat(), "v{version}");
        assert!(crypticle(3 - key).open(reply).is_err());
    }
}

#[test]
fn a_top_level_serial_does_not_reach_newer_minions() {
    let opened = v3(v3_load()).expect("opens");
    let value = Map::from([("serial", 1), ("web01", 2)]);
    let reply = answer(&opened, &Reply::Value(value.into()));
    let plain = crypticle(2)
        .open(reply.as_bytes().expect("bytes"))
        .expect("opens");
    let value = msgpack::decode(&plain[32..]).expect("msgpack");
    assert_eq!(value, Map::from([("web01", 2)]).into());
}

// Item 26.
#[test]
fn unknown_commands_and_unknown_encs_do_nothing() {
    let mut unknown = v3_load();
    unknown.insert("cmd", "_prep_auth_info");
    assert!(matches!(
        v3(unknown).expect("opens").request,
        Request::Unknown(_)
    ));
    let clear = Map::from([("cmd", "_send_pub")]);
    let opened = open(&envelope(0, "clear", clear, None), &keys()).expect("opens");
    assert!(matches!(opened.request, Request::Unknown(_)));
    assert_eq!(answer(&opened, &Reply::empty()), Value::Map(Map::new()));
    for enc in ["pub", "AES", ""] {
        let refusal = open(&envelope(3, enc, v3_load(), None), &keys());
        assert_eq!(refusal.expect_err(enc), Refusal::BadLoad(Doubt::Enc));
    }
}

// Item 27.
#[test]
fn v0_pending_is_clear_and_unsigned() {
    let opened = auth(0, &[]);
    let reply = opened
        .seal
        .seal(&Reply::Auth(Answer::Pending), &master(), &mut counting());
    assert_eq!(
        reply.expect("seals"),
        b"\x82\xa3enc\xa5clear\xa4load\x81\xa3ret\xc3"
    );
}

// Item 28.
#[test]
fn newer_answers_are_signed_and_carry_the_nonce() {
    for (given, expected) in [
        (Answer::Pending, Value::Bool(true)),
        (Answer::Refused, Value::Bool(false)),
        (Answer::Full, Value::str("full")),
    ] {
        let wrapper = answer(&auth(2, &[]), &Reply::Auth(given));
        let inner = unwrap_signed(&wrapper, SigAlgo::default());
        assert_eq!(inner.get("ret"), Some(&expected));
    }
}

// Items 29 and 30.
#[test]
fn an_accepted_minion_is_told_what_its_version_needs() {
    for version in [0, 2, 3] {
        let token = master().public_key().expect("a key");
        let token = token
            .oaep_encrypt(b"challenge", EncAlgo::default())
            .expect("fits");
        for token in [None, Some(Value::Bytes(token))] {
            let more: Vec<_> = token.iter().map(|token| ("token", token.clone())).collect();
            let reply = answer(&auth(version, &more), &accepted());
            let body = match version {
                0 => reply,
                _ => unwrap_signed(&reply, SigAlgo::default()),
            };
            assert_eq!(body.get("enc"), Some(&Value::str("pub")));
            assert_eq!(body.get("publish_port"), Some(&Value::Int(4505)));
            assert_eq!(bytes(&body, "pub_key"), master().public_pem().as_bytes());
            let aes = unwrap_secret(&body, "aes", EncAlgo::default());
            assert_eq!(aes, crypticle(1).key_string().as_bytes());
            assert_eq!(aes.len(), 76);
            let public = master().public_key().expect("a key");
            let digest = public.x931_recover(bytes(&body, "sig")).expect("recovers");
            assert_eq!(digest, crypticle(1).key_digest().as_bytes());
            assert_eq!(body.get("token").is_some(), token.is_some());
            assert_eq!(body.get("session").is_some(), version == 3);
            if token.is_some() {
                let echo = unwrap_secret(&body, "token", EncAlgo::default());
                assert_eq!(echo, b"challenge");
            }
        }
    }
}

// Item 31.
#[test]
fn algorithms_asked_for_are_used_or_named_as_unknown() {
    let sha224 = [
        ("enc_algo", Value::str("OAEP-SHA224")),
        ("sig_algo", Value::str("PKCS1v15-SHA224")),
    ];
    let wrapper = answer(&auth(3, &sha224), &accepted());
    let body = unwrap_signed(&wrapper, SigAlgo::Pkcs1v15Sha224);
    let session = unwrap_secret(&body, "session", EncAlgo::OaepSha224);
    assert_eq!(session, crypticle(2).key_string().as_bytes());
    for (field, text) in [("enc_algo", "bad enc algo"), ("sig_algo", "bad sig algo")] {
        let mut load = load(&[("cmd", Value::str("_auth")), ("nonce", Value::str(NONCE))]);
        load.insert(field, "ROT13");
        let refusal = open(&envelope(3, "clear", load, None), &keys()).expect_err("unknown");
        let reply = msgpack::decode(&refusal.reply()).expect("msgpack");
        let ret = reply.get("load").and_then(|load| load.get("ret"));
        assert_eq!(ret, Some(&Value::str(text)));
        assert!(reply.get("sig").is_none());
    }
}

// Item 32.
#[test]
fn a_token_that_does_not_unwrap_is_left_out() {
    let reply = answer(
        &auth(0, &[("token", Value::Bytes(vec![0xff; 256]))]),
        &accepted(),
    );
    assert!(reply.get("aes").is_some() && reply.get("token").is_none());
}

// Item 39. A NUL and an id that is no text are refused earlier, in words of their own.
#[test]
fn an_auth_with_a_path_for_an_id_is_no_auth() {
    for bad in ["", ".", "..", "a/b", "../../etc/cron.d/x", "a\\b"] {
        let opened = auth(3, &[("id", Value::str(bad))]);
        assert!(matches!(opened.request, Request::BadAuth(_)), "{bad:?}");
        let wrapper = answer(&opened, &Reply::Auth(Answer::Refused));
        let inner = unwrap_signed(&wrapper, SigAlgo::default());
        assert_eq!(inner.get("ret"), Some(&Value::Bool(false)));
    }
}

// Item 40.
#[test]
fn the_signature_of_the_masters_key_is_passed_on() {
    let Reply::Auth(Answer::Accepted(mut told)) = accepted() else {
        panic!("not accepted")
    };
    let ready = crate::auth::PubSig::ready_made("c2ln\n");
    told.pub_sig = Some(Arc::new(ready));
    let reply = answer(&auth(0, &[]), &Reply::Auth(Answer::Accepted(told)));
    assert_eq!(bytes(&reply, "pub_sig"), b"c2ln\n");
}

// Item 51.
#[test]
fn a_pillar_is_plain_for_v0_and_signed_for_the_rest() {
    let pillar = Map::from([("secret", "s3")]);
    for (version, key) in [(0, 1), (2, 1), (3, 2)] {
        let mut load = v3_load();
        load.insert("cmd", "_pillar");
        let envelope_id = (version == 3).then_some("web01");
        let body = sealed(version, &crypticle(key), load, envelope_id);
        let opened = open(&body, &keys()).expect("opens");
        assert!(matches!(opened.request, Request::Pillar(_)));
        let outer = answer(&opened, &Reply::pillar(pillar.clone()));
        let once = unwrap_secret(&outer, "key", EncAlgo::default());
        let once = String::from_utf8(once).expect("text");
        let once = Crypticle::from_key_string(&once).expect("a key string");
        let plain = once.open(bytes(&outer, "pillar")).expect("opens");
        let plain = msgpack::decode(&plain).expect("msgpack");
        if opened.version == Version::V0 {
            assert_eq!(plain, pillar.clone().into());
            continue;
        }
        let data = bytes(&plain, "data");
        let public = master().public_key().expect("a key");
        assert!(public.verify(data, bytes(&plain, "sig"), SigAlgo::default()));
        let data = msgpack::decode(data).expect("msgpack");
        assert_eq!(data.get("key"), outer.get("key"));
        assert_eq!(data.get("nonce"), Some(&Value::str(NONCE)));
        assert_eq!(data.get("pillar"), Some(&pillar.clone().into()));
    }
}

#[test]
fn a_piece_of_a_file_is_the_map_it_stands_for() {
    let random: Vec<u8> = (0..70_000_u32)
        .map(|number| (number * 7919) as u8)
        .collect();
    let cases = [(&b""[..], None), (&b"text"[..], Some(9)), (&random, None)];
    for (data, gzip) in cases {
        let piece = Piece {
            data: Bytes::copy_from_slice(data),
            dest: "a/file".to_owned(),
            gzip,
        };
        let mut map = Map::from([("dest", "a/file")]);
        map.insert("data", msgpack_of(data));
        if let Some(level) = gzip {
            map.insert("gzip", level);
        }
        let cost = Reply::Piece(piece.clone()).cost();
        assert_eq!(cost, Reply::Value(map.clone().into()).cost());
        for version in [0, 2, 3] {
            let key = if version == 3 { 2 } else { 1 };
            let envelope_id = (version == 3).then_some("web01");
            let body = sealed(version, &crypticle(key), v3_load(), envelope_id);
            let opened = open(&body, &keys()).expect("opens");
            let sealed = answer(&opened, &Reply::Piece(piece.clone()));
            let plain = crypticle(key).open(sealed.as_bytes().expect("bytes"));
            let plain = plain.expect("opens");
            let nonce_bytes = if version == 0 { 0 } else { NONCE.len() };
            let told = msgpack::decode(&plain[nonce_bytes..]).expect("msgpack");
            assert_eq!(told, map.clone().into(), "{version}");
        }
    }
}

/// What a reader of msgpack takes bytes for: text, if they can be.
fn msgpack_of(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::str(text),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

#[test]
fn a_newer_pillar_without_a_nonce_is_an_error_in_the_clear() {
    let mut load = v3_load();
    load.insert("cmd", "_pillar");
    load.remove("nonce");
    let reply = answer(&v3(load).expect("opens"), &Reply::pillar(Map::new()));
    assert_eq!(
        reply.get("error"),
        Some(&Value::str("Nonce not included in request"))
    );
}

#[test]
fn an_answer_that_does_not_fit_its_question_tells_nothing() {
    let ping = Map::from([("cmd", "ping")]);
    let opened = open(&envelope(0, "clear", ping, None), &keys()).expect("opens");
    let reply = answer(&opened, &accepted());
    assert_eq!(reply, Value::str("Some exception handling minion payload"));
}

// Item 43, through the whole of opening.
#[test]
fn a_bit_flipped_in_the_sealed_load_is_a_bad_load() {
    let body = sealed(3, &crypticle(2), v3_load(), Some("web01"));
    let load_begins = body
        .windows(5)
        .position(|window| window == b"\xa4load")
        .expect("a load");
    for place in (load_begins + 8..load_begins + 400).step_by(7) {
        let mut flipped = body.clone();
        flipped[place] ^= 0x10;
        let refusal = open(&flipped, &keys()).expect_err("flipped");
        assert_eq!(refusal.reply(), b"\xa8bad load");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes, &keys()).is_err());
    }

    #[test]
    fn no_clear_load_makes_it_panic(
        cmd in "(_auth|publish|runner|wheel|mk_token|ping|x)",
        field in "(id|pub|nonce|token|fun|tgt|kwargs|key|arg)",
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        version in 0u64..5,
    ) {
        if let Ok(value) = msgpack::decode(&bytes) {
            let load = Map::from([("cmd", Value::str(cmd)), (field.as_str(), value)]);
            let _ = open(&envelope(version, "clear", load, None), &keys());
        }
    }
}
