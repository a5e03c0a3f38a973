//! The answer to an `_auth`: what was decided, and the secrets an accepted minion is given.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Map, Value};

use super::{Terms, v0, v2, v3};
use crate::crypt::{Crypticle, Error, MasterKey, PublicKey, SigAlgo, Wrap};
use crate::payload::Version;

/// What was decided about a key.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Stored, waiting for an operator. The minion asks again.
    Pending,
    /// Rejected, denied, or malformed. A real minion *ends* at this: never for a passing trouble.
    Refused,
    /// `max_minions` is reached.
    Full,
    /// Accepted.
    Accepted(Box<Accepted>),
}

/// What an accepted minion is told.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The minion's key, for which all secrets are wrapped.
    pub minion_key: Arc<PublicKey>,
    /// Where it subscribes.
    pub publish_port: u16,
    /// The key that all minions share.
    pub master_aes: Arc<Crypticle>,
    /// Its session key: the current one, not a new one at each `_auth`. Sent to v3 only.
    pub session: Arc<Crypticle>,
    /// The signature of the master's public key (`master_sign_pubkey`).
    pub pub_sig: Option<Arc<PubSig>>,
}

/// The signature of the master's public key by the second key that minions know, as base64 with a
/// line end: one for each algorithm they may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubSig {
    sha1: String,
    sha224: String,
}

impl PubSig {
    /// Signs the text of the public key as it is sent.
    ///
    /// # Errors
    /// OpenSSL refused.
    pub fn sign(public_pem: &str, signer: &MasterKey) -> Result<Self, Error> {
        let sign = |algo| {
            let signature = signer.sign(public_pem.as_bytes(), algo)?;
            Ok::<_, Error>(format!("{}\n", STANDARD.encode(signature)))
        };
        Ok(Self {
            sha1: sign(SigAlgo::Pkcs1v15Sha1)?,
            sha224: sign(SigAlgo::Pkcs1v15Sha224)?,
        })
    }

    /// Takes a signature that was made elsewhere and is sent as it is
    /// (`master_use_pubkey_signature`).
    pub fn ready_made(text: &str) -> Self {
        let (sha1, sha224) = (text.to_owned(), text.to_owned());
        Self { sha1, sha224 }
    }

    fn text(&self, algo: SigAlgo) -> &str {
        match algo {
            SigAlgo::Pkcs1v15Sha1 => &self.sha1,
            SigAlgo::Pkcs1v15Sha224 => &self.sha224,
        }
    }
}

/// The inner map of an answer.
pub(super) enum Body {
    /// `ret` and nothing else.
    Ret(Map),
    /// The accepted minion's map.
    Accepted(Map),
}

/// Seals an answer for the peer that asked under `terms`.
pub(crate) fn seal(answer: &Answer, terms: &Terms, master: &MasterKey) -> Result<Vec<u8>, Error> {
    let body = match answer {
        Answer::Pending => ret(true),
        Answer::Refused => ret(false),
        Answer::Full => ret("full"),
        // A key that cannot wrap a key string is a corrupt one.
        Answer::Accepted(accepted) => match accepted_map(accepted, terms, master)? {
            Some(map) => Body::Accepted(map),
            None => ret(false),
        },
    };
    match terms.version {
        Version::V0 => Ok(v0::wrap(body)),
        Version::V2 | Version::V3 => v2::wrap(body, terms, master),
    }
}

fn ret(value: impl Into<Value>) -> Body {
    Body::Ret(Map::from([("ret", value)]))
}

fn accepted_map(
    accepted: &Accepted,
    terms: &Terms,
    master: &MasterKey,
) -> Result<Option<Map>, Error> {
    let wrap = |key, of| {
        let wrapped = accepted.minion_key.wrap(key, of, terms.enc_algo);
        wrapped.ok().map(Value::Bytes)
    };
    let Some(aes) = wrap(&accepted.master_aes, Wrap::Shared) else {
        return Ok(None);
    };
    let digest = accepted.master_aes.key_digest();
    let mut map = Map::from([
        ("enc", Value::str("pub")),
        ("pub_key", Value::str(master.public_pem())),
        ("publish_port", Value::from(accepted.publish_port)),
        ("aes", aes),
        (
            "sig",
            Value::Bytes(master.x931_sign_again(digest.as_bytes())?),
        ),
    ]);
    if let Some(token) = &terms.token
        && let Some(plain) = master.oaep_decrypt(token, terms.enc_algo)?
        && let Ok(echo) = accepted.minion_key.oaep_encrypt(&plain, terms.enc_algo)
    {
        map.insert("token", Value::Bytes(echo));
    }
    if v3::has_session(terms.version) {
        map.insert("session", wrap(&accepted.session, Wrap::Session));
    }
    if let Some(pub_sig) = &accepted.pub_sig {
        map.insert("pub_sig", pub_sig.text(terms.sig_algo));
    }
    Ok(Some(map))
}
