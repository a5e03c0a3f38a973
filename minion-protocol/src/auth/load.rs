//! The load of an `_auth` request. Every field is a stranger's claim.

use model::{Map, MinionId, Value};

use crate::crypt::{EncAlgo, SigAlgo, normalise};
use crate::load::{Fields, LoadError};
use crate::opening::{Doubt, Refusal};
use crate::payload::{Nonce, Version, algos};

/// Who wants in, and with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthLoad {
    /// The id it claims.
    pub id: MinionId,
    /// Its public key as normalised PEM text. May be no key at all; parse it before accepting it.
    pub public_pem: String,
    /// Grains it claims, for autosign.
    pub autosign_grains: Map,
}

impl AuthLoad {
    pub(crate) fn read(load: Map) -> Result<Self, LoadError> {
        let mut fields = Fields::new(load);
        Ok(Self {
            id: fields.minion_id()?,
            public_pem: normalise(&fields.text("pub")?),
            autosign_grains: fields.map_or_empty("autosign_grains")?,
        })
    }
}

/// What the answer to an `_auth` depends on, besides the decision.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The protocol of the peer.
    pub version: Version,
    /// The nonce to echo; v2 and v3 always have one.
    pub nonce: Option<Nonce>,
    /// How secrets are wrapped for the peer.
    pub enc_algo: EncAlgo,
    /// How the answer is signed.
    pub sig_algo: SigAlgo,
    /// The challenge that proves we hold the master key the peer remembers.
    pub token: Option<Vec<u8>>,
}

impl Terms {
    pub(crate) fn read(load: &mut Map, version: Version) -> Result<Self, Refusal> {
        let (enc_algo, sig_algo) = match version {
            Version::V0 => (Some(EncAlgo::default()), Some(SigAlgo::default())),
            Version::V2 | Version::V3 => algos(load),
        };
        let nonce = load.remove("nonce");
        let nonce = match version {
            Version::V0 => None,
            Version::V2 | Version::V3 => {
                let nonce = nonce.as_ref().and_then(Nonce::from_value);
                Some(nonce.ok_or(Refusal::BadLoad(Doubt::Nonce))?)
            }
        };
        let token = load.remove("token");
        Ok(Self {
            version,
            nonce,
            sig_algo: sig_algo.ok_or(Refusal::SigAlgo)?,
            enc_algo: enc_algo.ok_or(Refusal::EncAlgo)?,
            token: token.as_ref().and_then(Value::as_bytes).map(<[u8]>::to_vec),
        })
    }
}
