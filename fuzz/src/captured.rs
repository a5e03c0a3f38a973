//! What real minions and Salt's own master of their release said to each other, recorded by
//! `minion-protocol/testdata/record.py`; and the keys that open it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minion_protocol::crypt::{Crypticle, EncAlgo, MasterKey, PublicKey};
use minion_protocol::{KeyLookup, Version, msgpack};
use model::{MinionId, Value};

/// The private key of every recorded minion.
pub const MINION_PEM: &str = include_str!("../../minion-protocol/testdata/minion.pem");

/// The private key of every recorded master.
pub const MASTER_PEM: &str = include_str!("../../minion-protocol/testdata/master.pem");

/// Release, its protocol, and the recording.
const RECORDINGS: [(&str, Version, &str); 9] = [
    (
        "2019.2.8",
        Version::V0,
        include_str!("../../minion-protocol/testdata/captured/2019.2.8.txt"),
    ),
    (
        "3000.9",
        Version::V0,
        include_str!("../../minion-protocol/testdata/captured/3000.9.txt"),
    ),
    (
        "3002.9",
        Version::V2,
        include_str!("../../minion-protocol/testdata/captured/3002.9.txt"),
    ),
    (
        "3004.2",
        Version::V2,
        include_str!("../../minion-protocol/testdata/captured/3004.2.txt"),
    ),
    (
        "3005.5",
        Version::V2,
        include_str!("../../minion-protocol/testdata/captured/3005.5.txt"),
    ),
    (
        "3006.9",
        Version::V2,
        include_str!("../../minion-protocol/testdata/captured/3006.9.txt"),
    ),
    (
        "3006.30",
        Version::V3,
        include_str!("../../minion-protocol/testdata/captured/3006.30.txt"),
    ),
    (
        "3007.17",
        Version::V3,
        include_str!("../../minion-protocol/testdata/captured/3007.17.txt"),
    ),
    (
        "3008.5",
        Version::V3,
        include_str!("../../minion-protocol/testdata/captured/3008.5.txt"),
    ),
];

/// One minion's recording.
pub struct Talk {
    /// The release of both sides.
    pub release: &'static str,
    /// The protocol it speaks.
    pub version: Version,
    /// How a connection to the port of returns begins, up to its first request.
    pub req: Vec<u8>,
    /// How one to the port of jobs begins, with its subscription.
    pub sub: Vec<u8>,
    /// Requests and their answers.
    pub exchanges: Vec<(Vec<u8>, Vec<u8>)>,
    /// Jobs.
    pub publications: Vec<Vec<u8>>,
    /// What the sign-in gave.
    pub keys: Keys,
}

/// The keys of a recording, as its master knew them.
pub struct Keys {
    minion: Arc<PublicKey>,
    session: Option<Arc<Crypticle>>,
    shared: Arc<Crypticle>,
}

impl KeyLookup for Keys {
    fn accepted(&self, id: &MinionId) -> Option<Arc<PublicKey>> {
        (id.as_str() == "captured").then(|| Arc::clone(&self.minion))
    }
    fn session(&self, id: &MinionId) -> Option<Arc<Crypticle>> {
        self.session.clone().filter(|_| id.as_str() == "captured")
    }
    fn master_aes(&self) -> Arc<Crypticle> {
        Arc::clone(&self.shared)
    }
    fn minimum_auth_version(&self) -> u8 {
        0
    }
}

impl Talk {
    /// The loads of all sealed requests, as msgpack.
    pub fn sealed_loads(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let shared = self.keys.session.as_ref().unwrap_or(&self.keys.shared);
        let sealed = self.exchanges.iter().filter_map(|(request, _)| {
            let envelope = msgpack::decode(request).expect("an envelope");
            (envelope.get("enc") == Some(&Value::str("aes"))).then(|| bytes(&envelope, "load"))
        });
        sealed.map(|load| shared.open(&load).expect("the recording's key"))
    }

    /// The loads of all requests in the clear.
    pub fn clear_loads(&self) -> impl Iterator<Item = Value> + '_ {
        self.exchanges.iter().filter_map(|(request, _)| {
            let envelope = msgpack::decode(request).expect("an envelope");
            let is_clear = envelope.get("enc") == Some(&Value::str("clear"));
            envelope.get("load").filter(|_| is_clear).cloned()
        })
    }
}

/// Gives every recording.
///
/// # Panics
/// One is damaged.
pub fn talks() -> Vec<Talk> {
    RECORDINGS.into_iter().map(read).collect()
}

fn read((release, version, text): (&'static str, Version, &str)) -> Talk {
    let decoded = |word: &str| STANDARD.decode(word).expect("base64");
    let (mut req, mut sub) = (Vec::new(), Vec::new());
    let (mut exchanges, mut publications) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["req", bytes] => req = decoded(bytes),
            ["sub", bytes] => sub = decoded(bytes),
            ["exchange", request, reply] => exchanges.push((decoded(request), decoded(reply))),
            ["publication", bytes] => publications.push(decoded(bytes)),
            _ => panic!("{release}: a line that is none: {line}"),
        }
    }
    let keys = keys(&exchanges);
    Talk {
        release,
        version,
        req,
        sub,
        exchanges,
        publications,
        keys,
    }
}

/// Finds the answer that let the minion in, and opens it as the minion did.
fn keys(exchanges: &[(Vec<u8>, Vec<u8>)]) -> Keys {
    let minion = MasterKey::from_pem(MINION_PEM).expect("a key of the tests");
    let mut accepted = exchanges.iter().filter_map(|(_, reply)| signed_in(reply));
    let inner = accepted.next_back().expect("a sign-in that was accepted");
    let unwrap = |field: &str| {
        let plain = minion.oaep_decrypt(&bytes(&inner, field), EncAlgo::default());
        let plain = plain.expect("OpenSSL tries").expect("for this minion");
        let text = String::from_utf8(plain).expect("a key string");
        Arc::new(Crypticle::from_key_string(&text).expect("a key string"))
    };
    Keys {
        session: inner.get("session").map(|_| unwrap("session")),
        shared: unwrap("aes"),
        minion: Arc::new(minion.public_key().expect("a key")),
    }
}

/// Gives the map that lets a minion in, if an answer is one.
pub fn signed_in(reply: &[u8]) -> Option<Value> {
    let reply = msgpack::decode(reply).ok()?;
    let inner = match reply.get("sig").zip(reply.get("load")) {
        Some((_, load)) => msgpack::decode(load.as_bytes()?).ok()?,
        None => reply,
    };
    inner.get("aes").is_some().then_some(inner)
}

/// Gives a field that holds bytes.
///
/// # Panics
/// It does not.
pub fn bytes(map: &Value, field: &str) -> Vec<u8> {
    let bytes = map.get(field).and_then(Value::as_bytes);
    bytes
        .unwrap_or_else(|| panic!("no bytes in {field}"))
        .to_vec()
}
