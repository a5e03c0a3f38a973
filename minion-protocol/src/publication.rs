//! A job as it goes out on 4505: the load, the envelope, the topics.
//!
//! The serial must rise in wire order, so it is given by whoever queues the bytes, under one owner.

use model::{Jid, Map, MinionId, Value};
use sha1::{Digest, Sha1};

use crate::crypt::{Crypticle, Error, MasterKey, Random, SigAlgo};
use crate::msgpack;

/// What minions are asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// A function name, or a list of them.
    pub fun: Value,
    /// The arguments; for a list of functions, one list each.
    pub arg: Vec<Value>,
    /// Whom it is for: text, or a list for the type `list`.
    pub tgt: Value,
    /// How `tgt` is read, such as `glob`.
    pub tgt_type: String,
    /// The job.
    pub jid: Jid,
    /// Returners, comma separated; usually empty.
    pub ret: String,
    /// Who asked.
    pub user: String,
    /// Further fields by Salt's names (`id`, `to`, `delimiter`, `master_id`, `metadata`, ...). Each
    /// becomes a keyword `__pub_...` of functions, so none may be invented.
    pub more: Map,
}

impl Publication {
    /// Gives the load that minions decrypt.
    pub fn load(&self, serial: u64) -> Map {
        let mut load = Map::from([
            ("fun", self.fun.clone()),
            ("arg", Value::List(self.arg.clone())),
            ("tgt", self.tgt.clone()),
            ("jid", Value::str(self.jid.as_str())),
            ("ret", Value::str(&self.ret)),
            ("tgt_type", Value::str(&self.tgt_type)),
            ("user", Value::str(&self.user)),
        ]);
        load.extend(self.more.clone());
        load.insert("serial", serial);
        load
    }

    /// Gives the body to send, sealed under the shared key and signed.
    ///
    /// # Errors
    /// OpenSSL could not sign.
    pub fn seal(
        &self,
        serial: u64,
        aes: &Crypticle,
        signer: (&MasterKey, SigAlgo),
        random: Random<'_>,
    ) -> Result<Vec<u8>, Error> {
        let (master, algo) = signer;
        let load = aes.seal(&msgpack::encode(&self.load(serial).into()), None, random);
        let sig = master.sign(&load, algo)?;
        let envelope = Map::from([
            ("enc", Value::str("aes")),
            ("load", Value::Bytes(load)),
            ("sig_algo", Value::str(algo.name())),
            ("sig", Value::Bytes(sig)),
        ]);
        Ok(msgpack::encode(&envelope.into()))
    }
}

/// Puts keyword arguments behind the positional ones: one map, marked `__kwarg__`.
pub fn arguments(mut positional: Vec<Value>, keywords: Map) -> Vec<Value> {
    if !keywords.is_empty() {
        let mut keywords = keywords;
        keywords.remove("__kwarg__");
        keywords.insert("__kwarg__", true);
        positional.push(keywords.into());
    }
    positional
}

/// The topic of everything that is not addressed to named minions.
pub const BROADCAST: &str = "broadcast";

/// The topic of syndics.
pub const SYNDIC: &str = "syndic";

/// Gives a minion's topic under `zmq_filtering`: the SHA-1 of its id in hex.
pub fn topic(id: &MinionId) -> String {
    let digest = Sha1::digest(id.as_str().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
