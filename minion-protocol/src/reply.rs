//! What is answered, and how each answer is sealed.
//!
//! A [`Seal`] is made when a request is opened and holds everything its answer needs, so that the
//! answer can come from anywhere, at any time. It never answers in another protocol's form.

use std::sync::Arc;

use bytes::Bytes;
use model::{Map, Value};

use crate::auth::{Answer, Terms};
use crate::crypt::{
    Crypticle, EncAlgo, Error, MasterKey, PublicKey, Random, SigAlgo, sealed_bytes,
};
use crate::msgpack;
use crate::payload::{Nonce, Version};

/// What msgpack puts before bytes: a marker and four bytes of length at most.
const RAW_HEAD_BYTES_MAX: usize = 5;

/// Bytes whose encryption takes about 30 microseconds.
const LITTLE_BYTES: usize = 16 * 1024;

/// An answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A value, sealed as the request was: clear or under its key. Never an empty text in the
    /// clear.
    Value(Value),
    /// A piece of a file.
    Piece(Piece),
    /// The pillar of the minion that asked, as [`Reply::pillar`] writes it, under a key of its own.
    Pillar(Arc<[u8]>),
    /// The answer to `_auth`.
    Auth(Answer),
    /// Something broke on our side. Minions try again later.
    Broken,
}

/// A piece of a file, as `_serve_file` answers it. Its bytes are copied once: to where they are
/// sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes; none at the end of the file.
    pub data: Bytes,
    /// The file's path below its root.
    pub dest: String,
    /// The level with which the bytes were compressed, if they were.
    pub gzip: Option<u32>,
}

impl Piece {
    /// Gives the msgpack before the bytes, and what stands behind them.
    fn around(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        msgpack::encode_map_head(2 + usize::from(self.gzip.is_some()), &mut before);
        msgpack::encode_onto(&Value::str("data"), &mut before);
        msgpack::encode_raw_head(self.data.len(), &mut before);
        let mut put = |value: &Value| msgpack::encode_onto(value, &mut behind);
        put(&Value::str("dest"));
        put(&Value::str(&self.dest));
        if let Some(level) = self.gzip {
            put(&Value::str("gzip"));
            put(&Value::from(level));
        }
        (before, behind)
    }
}

/// What stands beside a pillar: a wrapped key of 512 bytes at most, a nonce, three names.
const PILLAR_BYTES_BESIDE: usize = 640;

/// What sealing an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Less than giving it to another thread.
    Little,
    /// The encryption of much.
    Much,
    /// Operations with the private key.
    PrivateKey,
}

impl Reply {
    /// Says what sealing it takes.
    pub fn cost(&self) -> Cost {
        match self {
            Reply::Auth(_) | Reply::Pillar(_) => Cost::PrivateKey,
            Reply::Value(value) if take(value, LITTLE_BYTES).is_none() => Cost::Much,
            Reply::Piece(piece) if piece.data.len() > LITTLE_BYTES => Cost::Much,
            Reply::Value(_) | Reply::Piece(_) | Reply::Broken => Cost::Little,
        }
    }

    /// Writes a pillar once, for as many answers as it is good for.
    pub fn pillar(pillar: Map) -> Self {
        Reply::Pillar(msgpack::encode(&pillar.into()).into())
    }

    /// Gives the bytes of [`Reply::Broken`], the same for every request.
    pub fn broken() -> Vec<u8> {
        broken()
    }

    /// The answer to a command that does not exist, is malformed, or is not allowed: an empty map.
    pub fn empty() -> Self {
        Reply::Value(Value::Map(Map::new()))
    }
}

/// Takes about as many bytes as a value has from a budget; `None` as soon as it is used up.
fn take(value: &Value, budget: usize) -> Option<usize> {
    let budget = budget.checked_sub(1)?;
    match value {
        Value::Str(text) => budget.checked_sub(text.len()),
        Value::Bytes(bytes) | Value::Ext(_, bytes) => budget.checked_sub(bytes.len()),
        Value::List(list) => list.iter().try_fold(budget, |left, item| take(item, left)),
        Value::Map(map) => map
            .iter()
            .try_fold(budget, |left, (key, value)| take(value, take(key, left)?)),
        _ => Some(budget),
    }
}

/// How the answer to one request is sealed. Prints no key.
#[derive(Debug)]
pub struct Seal(Form);

#[derive(Debug)]
enum Form {
    Clear,
    Auth(Terms),
    Aes {
        version: Version,
        key: Arc<Crypticle>,
        nonce: Option<Nonce>,
        pillar: PillarTerms,
    },
}

/// What a pillar's answer needs besides.
#[derive(Debug)]
pub(crate) struct PillarTerms {
    pub(crate) minion_key: Option<Arc<PublicKey>>,
    pub(crate) enc_algo: EncAlgo,
    pub(crate) sig_algo: SigAlgo,
}

impl Seal {
    pub(crate) fn clear() -> Self {
        Self(Form::Clear)
    }

    pub(crate) fn auth(terms: Terms) -> Self {
        Self(Form::Auth(terms))
    }

    pub(crate) fn aes(
        version: Version,
        key: Arc<Crypticle>,
        nonce: Option<Nonce>,
        pillar: PillarTerms,
    ) -> Self {
        Self(Form::Aes {
            version,
            key,
            nonce,
            pillar,
        })
    }

    /// Gives the bytes of an answer. Costs up to three private RSA operations for `_auth`, one for
    /// a pillar, none for the rest.
    ///
    /// An answer that does not belong to the request (a pillar for a `ping`) becomes
    /// [`Reply::Broken`].
    ///
    /// # Errors
    /// OpenSSL could not sign.
    pub fn seal(
        &self,
        reply: &Reply,
        master: &MasterKey,
        random: Random<'_>,
    ) -> Result<Vec<u8>, Error> {
        match (reply, &self.0) {
            (Reply::Auth(answer), Form::Auth(terms)) => crate::auth::seal(answer, terms, master),
            (Reply::Value(value), Form::Clear) => Ok(msgpack::encode(value)),
            (Reply::Value(value), Form::Aes { .. }) => Ok(self.send(value, random)),
            (Reply::Piece(piece), Form::Aes { key, nonce, .. }) => {
                let (before, behind) = piece.around();
                let parts = [&before[..], &piece.data, &behind];
                Ok(seal_parts(key, &parts, *nonce, random))
            }
            (Reply::Pillar(pillar), Form::Aes { .. }) => self.private(pillar, master, random),
            _ => Ok(broken()),
        }
    }

    /// Seals a value under the key of the request.
    fn send(&self, value: &Value, random: Random<'_>) -> Vec<u8> {
        let Form::Aes {
            version,
            key,
            nonce,
            ..
        } = &self.0
        else {
            return broken();
        };
        match value {
            // Such a minion would take a top-level `serial` for the counter of publishes.
            Value::Map(map) if *version >= Version::V2 && map.contains_key("serial") => {
                let mut map = map.clone();
                map.remove("serial");
                seal_value(key, &map.into(), *nonce, random)
            }
            value => seal_value(key, value, *nonce, random),
        }
    }

    /// Seals a pillar under a one-time key, wrapped for the minion's accepted key.
    fn private(
        &self,
        pillar: &[u8],
        master: &MasterKey,
        random: Random<'_>,
    ) -> Result<Vec<u8>, Error> {
        let Form::Aes {
            version,
            nonce,
            pillar: terms,
            ..
        } = &self.0
        else {
            return Ok(broken());
        };
        let once = Crypticle::generate(random);
        let wrapped = terms.minion_key.as_ref().and_then(|key| {
            let wrapped = key.oaep_encrypt(once.key_string().as_bytes(), terms.enc_algo);
            wrapped.ok().map(Value::Bytes)
        });
        // A minion reads the empty map as "sign in again", which is right for a key we lost.
        let Some(wrapped) = wrapped else {
            return Ok(self.send(&Value::Map(Map::new()), random));
        };
        let inner = match (version, nonce) {
            (Version::V0, _) => pillar.to_vec(),
            (Version::V2 | Version::V3, None) => {
                let error = Map::from([("error", "Nonce not included in request")]);
                return Ok(msgpack::encode(&error.into()));
            }
            (Version::V2 | Version::V3, Some(nonce)) => {
                let mut data = Vec::with_capacity(pillar.len() + PILLAR_BYTES_BESIDE);
                msgpack::encode_map_head(3, &mut data);
                for value in [&Value::str("key"), &wrapped, &Value::str("pillar")] {
                    msgpack::encode_onto(value, &mut data);
                }
                data.extend_from_slice(pillar);
                for value in [Value::str("nonce"), nonce.to_value()] {
                    msgpack::encode_onto(&value, &mut data);
                }
                let sig = master.sign(&data, terms.sig_algo)?;
                let inner = [("data", Value::Bytes(data)), ("sig", Value::Bytes(sig))];
                msgpack::encode(&Map::from(inner).into())
            }
        };
        let sealed = once.seal(&inner, None, random);
        let outer = Map::from([("key", wrapped), ("pillar", Value::Bytes(sealed))]);
        Ok(msgpack::encode(&outer.into()))
    }
}

/// Writes a value, sealed, as the msgpack bytes that are the whole message: in one buffer, where it
/// is written once.
fn seal_value(key: &Crypticle, value: &Value, nonce: Option<Nonce>, random: Random<'_>) -> Vec<u8> {
    let write = |output: &mut Vec<u8>| msgpack::encode_onto(value, output);
    seal_written(key, msgpack::encoded_bytes(value), write, nonce, random)
}

/// As [`seal_value`], of the msgpack bytes that these parts make.
fn seal_parts(
    key: &Crypticle,
    parts: &[&[u8]],
    nonce: Option<Nonce>,
    random: Random<'_>,
) -> Vec<u8> {
    let write = |output: &mut Vec<u8>| parts.iter().for_each(|part| output.extend_from_slice(part));
    let payload_bytes = parts.iter().map(|part| part.len()).sum();
    seal_written(key, payload_bytes, write, nonce, random)
}

/// Seals as many bytes as `write` writes.
fn seal_written(
    key: &Crypticle,
    payload_bytes: usize,
    write: impl FnOnce(&mut Vec<u8>),
    nonce: Option<Nonce>,
    random: Random<'_>,
) -> Vec<u8> {
    let bytes = sealed_bytes(payload_bytes, nonce.is_some());
    let mut message = Vec::with_capacity(bytes + RAW_HEAD_BYTES_MAX);
    msgpack::encode_raw_head(bytes, &mut message);
    let nonce = nonce.as_ref().map(|nonce| &nonce.0);
    key.seal_onto(&mut message, nonce, write, random);
    message
}

/// The text of a Salt master whose worker raised. Longer than 31 characters on purpose: a minion
/// must not take our trouble for a key change.
fn broken() -> Vec<u8> {
    msgpack::encode(&Value::str("Some exception handling minion payload"))
}
