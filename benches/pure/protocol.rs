//! A request's way from bytes to meaning, and an answer's way back.

use std::sync::{Arc, LazyLock};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use minion_protocol::auth::{Accepted, Answer};
use minion_protocol::crypt::{Crypticle, MasterKey, PublicKey};
use minion_protocol::{KeyLookup, Opened, Reply, msgpack, open};
use model::{Map, MinionId, Value};

fn random(bytes: &mut [u8]) {
    openssl::rand::rand_bytes(bytes).unwrap();
}

static MASTER: LazyLock<MasterKey> = LazyLock::new(|| MasterKey::generate(2048).unwrap());
static MINION: LazyLock<MasterKey> = LazyLock::new(|| MasterKey::generate(2048).unwrap());
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    minion: Arc::new(MINION.public_key().unwrap()),
    aes: Arc::new(Crypticle::generate(&mut random)),
});

/// One accepted minion, whose session key is also the shared one.
struct Keys {
    minion: Arc<PublicKey>,
    aes: Arc<Crypticle>,
}

impl KeyLookup for Keys {
    fn accepted(&self, _: &MinionId) -> Option<Arc<PublicKey>> {
        Some(Arc::clone(&self.minion))
    }
    fn session(&self, _: &MinionId) -> Option<Arc<Crypticle>> {
        Some(Arc::clone(&self.aes))
    }
    fn master_aes(&self) -> Arc<Crypticle> {
        Arc::clone(&self.aes)
    }
    fn minimum_auth_version(&self) -> u8 {
        0
    }
}

/// A return with as many state results as asked for; one is about 300 bytes.
fn state_return(states: usize) -> Value {
    let result = |number: usize| {
        let result = Map::from([
            ("result", Value::Bool(true)),
            ("comment", Value::str("The file is in the correct state")),
            ("name", Value::Str(format!("/etc/service-{number}.conf"))),
            ("changes", Map::new().into()),
            ("__sls__", Value::str("services")),
            ("__run_num__", Value::from(number as u64)),
            ("duration", Value::Float(12.5)),
            ("start_time", Value::str("10:11:12.131415")),
        ]);
        let key = format!("file_|-service-{number}_|-/etc/service-{number}.conf_|-managed");
        (Value::Str(key), Value::Map(result))
    };
    Value::Map((0..states).map(result).collect())
}

fn return_load(states: usize) -> Map {
    Map::from([
        ("cmd", Value::str("_return")),
        ("id", Value::str("web1")),
        ("jid", Value::str("20261126120000000000")),
        ("fun", Value::str("state.apply")),
        ("fun_args", Value::List(Vec::new())),
        ("return", state_return(states)),
        ("retcode", Value::Int(0)),
        ("success", Value::Bool(true)),
    ])
}

/// A whole v3 request, as it comes from the socket.
fn request(states: usize) -> Vec<u8> {
    let mut load = return_load(states);
    load.insert("nonce", "0123456789abcdef0123456789abcdef");
    load.insert("ts", 1_800_000_000_u64);
    load.insert("tok", Value::Bytes(MINION.x931_sign(b"salt").unwrap()));
    let plain = msgpack::encode(&load.into());
    let envelope = Map::from([
        ("enc", Value::str("aes")),
        ("version", Value::from(3_u64)),
        ("id", Value::str("web1")),
        (
            "load",
            Value::Bytes(KEYS.aes.seal(&plain, None, &mut random)),
        ),
    ]);
    msgpack::encode(&envelope.into())
}

/// States in a return: none of them, an ordinary one (14 KB), a large one (300 KB).
const STATES: [usize; 3] = [0, 48, 1000];

#[divan::bench(args = STATES)]
fn msgpack_decode(bencher: Bencher<'_, '_>, states: usize) {
    let bytes = msgpack::encode(&return_load(states).into());
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench(|| msgpack::decode(black_box(&bytes)));
}

#[divan::bench(args = STATES)]
fn msgpack_encode(bencher: Bencher<'_, '_>, states: usize) {
    let value = Value::Map(return_load(states));
    bencher
        .counter(BytesCount::new(msgpack::encode(&value).len()))
        .bench(|| msgpack::encode(black_box(&value)));
}

#[divan::bench(args = [100, 16_384, 1_048_576])]
fn aes_seal(bencher: Bencher<'_, '_>, bytes: usize) {
    let plain = vec![7; bytes];
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| KEYS.aes.seal(black_box(&plain), None, &mut random));
}

#[divan::bench(args = [100, 16_384, 1_048_576])]
fn aes_open(bencher: Bencher<'_, '_>, bytes: usize) {
    let sealed = KEYS.aes.seal(&vec![7; bytes], None, &mut random);
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| KEYS.aes.open(black_box(&sealed)));
}

/// Envelope, decryption, token, typed request: all that a sealed request takes.
#[divan::bench(args = STATES)]
fn open_return(bencher: Bencher<'_, '_>, states: usize) {
    let body = request(states);
    open(&body, &*KEYS).unwrap();
    bencher.bench(|| open(black_box(&body), &*KEYS));
}

fn sign_in() -> Opened {
    let load = Map::from([
        ("cmd", Value::str("_auth")),
        ("id", Value::str("web1")),
        ("pub", Value::str(MINION.public_pem())),
        ("nonce", Value::str("0123456789abcdef0123456789abcdef")),
        ("enc_algo", Value::str("OAEP-SHA1")),
        ("sig_algo", Value::str("PKCS1v15-SHA1")),
    ]);
    let envelope = Map::from([
        ("enc", Value::str("clear")),
        ("version", Value::from(3_u64)),
        ("load", load.into()),
    ]);
    open(&msgpack::encode(&envelope.into()), &*KEYS).unwrap()
}

fn accepted() -> Reply {
    Reply::Auth(Answer::Accepted(Box::new(Accepted {
        minion_key: Arc::clone(&KEYS.minion),
        publish_port: 4505,
        master_aes: Arc::clone(&KEYS.aes),
        session: Arc::clone(&KEYS.aes),
        pub_sig: None,
    })))
}

/// The whole answer to an accepted minion.
#[divan::bench]
fn auth_reply(bencher: Bencher<'_, '_>) {
    let (opened, reply) = (sign_in(), accepted());
    bencher.bench(|| opened.seal.seal(black_box(&reply), &MASTER, &mut random));
}

/// One private RSA operation: the limit of the line above is two of them at most.
#[divan::bench]
fn rsa_private() -> Vec<u8> {
    MASTER.sign(black_box(b"text"), Default::default()).unwrap()
}
