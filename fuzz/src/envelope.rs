//! Requests: as they come, and as the load of an envelope that was properly sealed by an accepted
//! minion. Whatever is inside, there is a request or a refusal with an answer.

use std::sync::{Arc, OnceLock};

use minion_protocol::crypt::{Crypticle, MasterKey, PublicKey};
use minion_protocol::{KeyLookup, Principal, msgpack, open};
use model::{Map, MinionId, Value};

/// The one accepted minion.
const MINION: &str = "web01";

struct Keys {
    id: MinionId,
    minion: Arc<PublicKey>,
    shared: Arc<Crypticle>,
    token: Vec<u8>,
}

impl KeyLookup for Keys {
    fn accepted(&self, id: &MinionId) -> Option<Arc<PublicKey>> {
        (*id == self.id).then(|| Arc::clone(&self.minion))
    }
    fn session(&self, id: &MinionId) -> Option<Arc<Crypticle>> {
        (*id == self.id).then(|| Arc::clone(&self.shared))
    }
    fn master_aes(&self) -> Arc<Crypticle> {
        Arc::clone(&self.shared)
    }
    fn minimum_auth_version(&self) -> u8 {
        0
    }
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pem = include_str!("../../minion-protocol/testdata/minion.pem");
        let minion = MasterKey::from_pem(pem).expect("a key of the tests");
        Keys {
            id: MINION.parse().expect("an id"),
            minion: Arc::new(minion.public_key().expect("a key")),
            shared: Arc::new(Crypticle::generate(&mut |bytes: &mut [u8]| bytes.fill(7))),
            token: minion.x931_sign(b"salt").expect("a token"),
        }
    })
}

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let keys = keys();
    answer(input, keys);
    for version in [0, 2, 3] {
        answer(&sealed(input.to_vec(), version, keys), keys);
        // And with what a minion of that version adds to every load.
        if let Ok(Value::Map(mut load)) = msgpack::decode(input) {
            load.insert("id", MINION);
            load.insert("tok", Value::Bytes(keys.token.clone()));
            load.insert("nonce", "0123456789abcdef0123456789abcdef");
            answer(&sealed(msgpack::encode(&load.into()), version, keys), keys);
        }
    }
}

fn sealed(plain: Vec<u8>, version: u64, keys: &Keys) -> Vec<u8> {
    let sealed = keys
        .shared
        .seal(&plain, None, &mut |bytes: &mut [u8]| bytes.fill(9));
    let mut envelope = Map::from([("enc", Value::str("aes")), ("load", Value::Bytes(sealed))]);
    if version > 0 {
        envelope.insert("version", version);
    }
    if version > 2 {
        envelope.insert("id", MINION);
    }
    msgpack::encode(&envelope.into())
}

fn answer(body: &[u8], keys: &Keys) {
    match open(body, keys) {
        Ok(opened) => {
            if let Principal::Proven(id) | Principal::Claimed(id) = &opened.principal {
                assert_eq!(*id, keys.id, "somebody else was believed");
            }
        }
        Err(refusal) => {
            assert!(!refusal.reply().is_empty(), "a refusal without an answer");
        }
    }
}
