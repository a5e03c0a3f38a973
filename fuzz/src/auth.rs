//! `_auth`, the one request that strangers may make: its load is what they like, and its answer is
//! sealed for the form that they ask for.

use std::sync::{Arc, OnceLock};

use minion_protocol::auth::{Accepted, Answer};
use minion_protocol::crypt::{Crypticle, MasterKey, PublicKey};
use minion_protocol::{KeyLookup, Reply, Request, msgpack, open};
use model::{Map, MinionId, Value};

/// Nobody is accepted.
struct Nobody(Arc<Crypticle>);

impl KeyLookup for Nobody {
    fn accepted(&self, _id: &MinionId) -> Option<Arc<PublicKey>> {
        None
    }
    fn session(&self, _id: &MinionId) -> Option<Arc<Crypticle>> {
        None
    }
    fn master_aes(&self) -> Arc<Crypticle> {
        Arc::clone(&self.0)
    }
    fn minimum_auth_version(&self) -> u8 {
        0
    }
}

fn master() -> &'static MasterKey {
    static KEY: OnceLock<MasterKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let pem = include_str!("../../minion-protocol/testdata/master.pem");
        MasterKey::from_pem(pem).expect("a key of the tests")
    })
}

/// Tries one input: the load as msgpack, without `cmd`.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Ok(Value::Map(mut load)) = msgpack::decode(input) else {
        return;
    };
    load.insert("cmd", "_auth");
    for version in [0_u64, 2, 3] {
        let envelope = Map::from([
            ("enc", Value::str("clear")),
            ("load", load.clone().into()),
            ("version", Value::from(version)),
        ]);
        let shared = Arc::new(Crypticle::generate(&mut |bytes: &mut [u8]| bytes.fill(7)));
        let nobody = Nobody(Arc::clone(&shared));
        let Ok(opened) = open(&msgpack::encode(&envelope.into()), &nobody) else {
            continue;
        };
        let Request::Auth(asked) = &opened.request else {
            continue;
        };
        let Ok(key) = PublicKey::from_pem(&asked.public_pem) else {
            continue;
        };
        let accepted = Accepted {
            minion_key: Arc::new(key),
            publish_port: 4505,
            master_aes: Arc::clone(&shared),
            session: shared,
            pub_sig: None,
        };
        let reply = Reply::Auth(Answer::Accepted(Box::new(accepted)));
        let mut random = |bytes: &mut [u8]| bytes.fill(9);
        let sealed = opened.seal.seal(&reply, master(), &mut random);
        assert!(!sealed.expect("OpenSSL signs").is_empty());
    }
}
