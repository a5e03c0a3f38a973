//! What an independent implementation wrote, for the tests; see `testdata/make_vectors.py`.

use std::sync::Arc;

use crate::crypt::{Crypticle, MasterKey, PublicKey};

/// Gives one vector's bytes.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let lines = include_str!("../testdata/vectors.txt").lines();
    let mut pairs = lines.filter_map(|line| line.split_once(' '));
    let (_, hex) = pairs
        .find(|(known, _)| *known == name)
        .expect("a known vector");
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digits).collect()
}

pub(crate) fn text(name: &str) -> String {
    String::from_utf8(vector(name)).expect("text")
}

pub(crate) fn master() -> MasterKey {
    MasterKey::from_pem(include_str!("../testdata/master.pem")).expect("a key")
}

/// The minion's private key; it signs and unwraps as a master's does.
pub(crate) fn minion() -> MasterKey {
    MasterKey::from_pem(include_str!("../testdata/minion.pem")).expect("a key")
}

pub(crate) fn minion_public() -> Arc<PublicKey> {
    Arc::new(minion().public_key().expect("a key"))
}

pub(crate) fn crypticle(seed: u8) -> Arc<Crypticle> {
    Arc::new(Crypticle::generate(&mut |bytes| bytes.fill(seed)))
}

/// Fills with bytes that differ from call to call, the same in every run.
pub(crate) fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0u8;
    move |bytes| {
        for byte in bytes {
            *byte = next;
            next = next.wrapping_add(1);
        }
    }
}
