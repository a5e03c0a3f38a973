//! Where the fuzzers of the wire begin: what real minions said, and what they did not, written down
//! here.

use minion_protocol::msgpack;
use model::{Map, Value};

use super::captured;

const PUB: &str = include_str!("../../minion-protocol/testdata/minion.pub");

/// Connections: a first byte for the cut, then frames.
pub fn frames() -> Vec<Vec<u8>> {
    let mut seeds = written_frames();
    for talk in captured::talks() {
        for begun in [talk.req, talk.sub] {
            // The first byte says where the rest is cut in two.
            seeds.push([&[70], &begun[..]].concat());
        }
    }
    seeds
}

fn written_frames() -> Vec<Vec<u8>> {
    let greeting = [&b"\x07\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL"[..], &[0; 48]].concat();
    [
        greeting.clone(),
        [
            &greeting[..],
            b"\x04\x26\x05READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity\0\0\0\0",
        ]
        .concat(),
        b"\x01\x01\0\0\x03ask\x01\0\0\x04more".to_vec(),
        b"\x02\x01\x02id\x01\0\x02\0\0\0\0\0\0\0\x05hello".to_vec(),
        b"\x03\x00\x01\x01\x04\x0a\x09SUBSCRIBE\x04\x08\x06CANCELx".to_vec(),
        b"\x05\x04\x09\x04PING\0\0ab\x04\x05\x04PONG".to_vec(),
    ]
    .into()
}

/// Values.
pub fn msgpack() -> Vec<Vec<u8>> {
    let mut seeds = envelope();
    for talk in captured::talks() {
        let exchanged = talk.exchanges.into_iter();
        seeds.extend(exchanged.flat_map(|(request, reply)| [request, reply]));
        seeds.extend(talk.publications);
    }
    seeds.push(b"\x84\xa1z\x01\x05\x02\xc0\x03\xc3\x04".to_vec());
    seeds.push(b"\x93\xcb\x3f\xf0\0\0\0\0\0\0\xd6\x4e2026\xc7\x03\x4fabc".to_vec());
    seeds.push(b"\xda\0\x03\xff\0a".to_vec());
    seeds.push(b"\xde\0\x01\xd9\x01a\xc4\x02\xff\xfe".to_vec());
    seeds
}

/// Loads and envelopes.
pub fn envelope() -> Vec<Vec<u8>> {
    let commands = [
        "_pillar",
        "_return",
        "_minion_event",
        "_mine",
        "_mine_get",
        "_mine_delete",
        "_mine_flush",
        "_master_opts",
        "_master_tops",
        "_ext_nodes",
        "_file_envs",
        "_file_list",
        "_dir_list",
        "_file_hash",
        "_file_find",
        "_serve_file",
        "_file_recv",
        "minion_pub",
        "pub_ret",
        "minion_runner",
        "revoke_auth",
        "_register_resources",
        "_syndic_return",
    ];
    let load = |cmd: &&str| {
        let load = Map::from([
            ("cmd", Value::str(*cmd)),
            ("id", Value::str("web01")),
            ("jid", Value::str("20261121081655861002")),
            ("fun", Value::str("test.ping")),
            ("return", Value::Bool(true)),
            ("data", Map::from([("a", 1)]).into()),
            ("tag", Value::str("a/b")),
            ("path", Value::str("top.sls")),
            ("saltenv", Value::str("base")),
            ("loc", Value::Int(0)),
            ("tgt", Value::str("*")),
            ("arg", Value::List(Vec::new())),
            ("grains", Map::new().into()),
        ]);
        msgpack::encode(&load.into())
    };
    let talks = captured::talks();
    let recorded = talks.iter().flat_map(captured::Talk::sealed_loads);
    commands.iter().map(load).chain(recorded).collect()
}

/// Loads of `_auth`.
pub fn auth() -> Vec<Vec<u8>> {
    let plain = Map::from([("id", "web01"), ("pub", PUB)]);
    let mut newer = plain.clone();
    newer.insert("nonce", "0123456789abcdef0123456789abcdef");
    newer.insert("enc_algo", "OAEP-SHA224");
    newer.insert("sig_algo", "PKCS1v15-SHA224");
    newer.insert("token", Value::Bytes(vec![0xff; 256]));
    newer.insert("autosign_grains", Map::from([("uuid", "x")]));
    let mut short = newer.clone();
    short.remove("token");
    let nothing = Map::from([("id", "web01"), ("pub", "-----BEGIN PUBLIC KEY-----\n")]);
    let talks = captured::talks();
    let recorded = talks.iter().flat_map(captured::Talk::clear_loads);
    let written = [plain, newer, short, nothing].map(Value::from);
    written
        .into_iter()
        .chain(recorded)
        .map(|load| msgpack::encode(&load))
        .collect()
}

/// Expressions; the first byte chooses the type.
pub fn target() -> Vec<Vec<u8>> {
    [
        &b"\0G@os:SUSE and ( web* or E@db[0-9]+ ) and not L@a,b"[..],
        b"\0not S@10.0.0.0/8 or I@role:x:y and N@group",
        b"\0G%@os%SUSE",
        b"\x01web[0-9]*?",
        b"\x02^(a|b)+$",
        b"\x03a, b,c",
        b"\x04os:Su*",
        b"\x05os:S(use)?",
        b"\x07192.168.0.0/16",
    ]
    .map(<[u8]>::to_vec)
    .into()
}
