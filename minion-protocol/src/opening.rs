//! Opens a request: from bytes to a typed [`Request`], who asks, and how to seal the answer.
//!
//! The steps and their order are those of a Salt master; every refusal is an *answer*, never
//! silence, because minions recover from `bad load` by signing in again. The replay window (`ts`,
//! `nonce`) is not judged here: the clock and the memory of nonces belong to the caller.

use std::ops::Range;
use std::sync::Arc;

use model::{Map, MinionId, Value};

use crate::auth::Terms;
use crate::crypt::{Crypticle, PublicKey};
use crate::limits::ECHO_CHARS_MAX;
use crate::msgpack;
use crate::payload::{Envelope, Load, Nonce, Version};
use crate::reply::Seal;
use crate::request::Request;

/// What the master knows of keys. Look-ups must not block.
pub trait KeyLookup {
    /// Gives the *accepted* key of a minion; any other state of it is `None`.
    fn accepted(&self, id: &MinionId) -> Option<Arc<PublicKey>>;
    /// Gives the session key of a minion, if one was issued. Never makes one.
    fn session(&self, id: &MinionId) -> Option<Arc<Crypticle>>;
    /// Gives the key that all minions share.
    fn master_aes(&self) -> Arc<Crypticle>;
    /// Gives the key that all minions shared before, for as long as requests under it may still be
    /// on their way. None after a key was revoked: its owner knows it.
    fn previous_aes(&self) -> Option<Arc<Crypticle>> {
        None
    }
    /// Gives the lowest envelope version that is served (`minimum_auth_version`).
    fn minimum_auth_version(&self) -> u8;
    /// Gives the lowest version that a minion may still speak, because its key has spoken it; for
    /// somebody who names no id, the lowest of all minions.
    fn version_floor(&self, _id: Option<&MinionId>) -> u8 {
        0
    }
}

/// Who asks, and how far that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An accepted minion, proven by its token (and under v3 by its session key).
    Proven(MinionId),
    /// A v0 or v2 minion that names an accepted id without a token: it holds the shared key, no
    /// more is known. Returns, pillar and file requests of those releases come like this.
    Claimed(MinionId),
    /// Some holder of the shared key that names no id (v0 and v2 file requests).
    Unnamed,
    /// Anybody: the request came in the clear.
    Clear,
}

impl Principal {
    /// Gives the id, proven or claimed.
    pub fn minion_id(&self) -> Option<&MinionId> {
        match self {
            Principal::Proven(id) | Principal::Claimed(id) => Some(id),
            Principal::Unnamed | Principal::Clear => None,
        }
    }
}

/// An opened request.
#[derive(Debug)]
pub struct Opened {
    /// What is asked.
    pub request: Request,
    /// Who asks.
    pub principal: Principal,
    /// How the answer is sealed. Holds all keys it needs, so it may be used much later.
    pub seal: Seal,
    /// The protocol the peer speaks.
    pub version: Version,
    /// When a v3 minion says it asked, in seconds since the epoch.
    pub ts: Option<u64>,
    /// The nonce of a v2 or v3 request.
    pub nonce: Option<Nonce>,
    /// The MAC of a sealed request. Under v3 the same bytes come twice only from somebody who
    /// recorded them; older minions repeat their own.
    pub mark: Option<[u8; 32]>,
}

/// Why a request is refused before anybody decides anything. [`Refusal::reply`] is what the peer
/// gets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Answered `bad load`, from which a minion recovers by signing in again.
    #[error("bad load: {0}")]
    BadLoad(Doubt),
    /// The load is no map.
    #[error("the load is not a map")]
    LoadNotMap,
    /// The id in the load holds a NUL.
    #[error("the id contains a null byte")]
    IdNul,
    /// The id in the load is not text; holds what it is, shortened.
    #[error("the id {0} is not a string")]
    IdNotText(String),
    /// An `_auth` asks for a signature algorithm we do not know.
    #[error("unknown signature algorithm in _auth")]
    SigAlgo,
    /// An `_auth` asks for an encryption algorithm we do not know.
    #[error("unknown encryption algorithm in _auth")]
    EncAlgo,
}

/// What was wrong with a bad load; for logs, never for the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Not msgpack within the limits.
    #[error(transparent)]
    Msgpack(#[from] msgpack::Error),
    /// Not a map with `enc` and `load`.
    #[error("not an envelope")]
    NoEnvelope,
    /// `enc` is neither `aes` nor `clear`, or does not fit its load.
    #[error("unknown enc")]
    Enc,
    /// The protocol version is below the floor.
    #[error("protocol version {0} is below minimum_auth_version")]
    Version(u64),
    /// The envelope asks for an algorithm we do not know.
    #[error("unknown algorithm")]
    Algo,
    /// The id is missing, malformed, or not the one of the envelope.
    #[error("the id is missing, malformed or not the envelope's")]
    Id,
    /// The id has no accepted key, or no session key.
    #[error("no accepted key or session for {0}")]
    Unknown(MinionId),
    /// The load does not decrypt.
    #[error("the load does not decrypt")]
    Undecryptable,
    /// The nonce is not 32 bytes long, or an `_auth` that needs one has none.
    #[error("malformed nonce")]
    Nonce,
    /// It came before.
    #[error("the same request came before, from another address")]
    Replay,
    /// It is older than it may be.
    #[error("the request is older than others of this minion, or than request_server_ttl")]
    Stale,
    /// The key of this minion (of all minions, if it names none) has spoken a newer protocol.
    #[error("protocol version {0} is older than the key of {1:?} has spoken")]
    Downgrade(u8, Option<MinionId>),
    /// The token is missing or not the minion's.
    #[error("the token is missing or not this minion's")]
    Token,
}

impl Refusal {
    /// Gives the bytes to answer with.
    pub fn reply(&self) -> Vec<u8> {
        let text = match self {
            // Under 32 characters: the one answer after which minions sign in again and retry.
            Refusal::BadLoad(_) => "bad load".to_owned(),
            Refusal::LoadNotMap => "payload and load must be a dict".to_owned(),
            Refusal::IdNul => "bad load: id contains a null byte".to_owned(),
            Refusal::IdNotText(id) => format!("bad load: id {id} is not a string"),
            Refusal::SigAlgo => return unsigned("bad sig algo"),
            Refusal::EncAlgo => return unsigned("bad enc algo"),
        };
        msgpack::encode(&Value::Str(text))
    }
}

fn unsigned(ret: &str) -> Vec<u8> {
    let load = Map::from([("ret", ret)]);
    let reply = Map::from([("enc", Value::str("clear")), ("load", load.into())]);
    msgpack::encode(&reply.into())
}

/// Opens the body of one request.
///
/// # Errors
/// The peer is to be answered with [`Refusal::reply`]; nothing else happens.
pub fn open(body: &[u8], keys: &dyn KeyLookup) -> Result<Opened, Refusal> {
    let mut envelope = Envelope::decode(body, keys.minimum_auth_version())?;
    let mut load = match std::mem::take(&mut envelope.load) {
        Load::Aes(sealed) => return open_aes(sealed, &envelope, keys),
        Load::Clear(Value::Map(load)) => load,
        Load::Clear(_) => return Err(Refusal::LoadNotMap),
    };
    check_id(&load)?;
    let version = envelope.version;
    if load.get("cmd").and_then(Value::as_str) == Some("_auth") {
        let terms = Terms::read(&mut load, version)?;
        return Ok(Opened {
            request: Request::auth(load),
            principal: Principal::Clear,
            version,
            ts: None,
            nonce: terms.nonce,
            mark: None,
            seal: Seal::auth(terms),
        });
    }
    Ok(Opened {
        request: Request::clear(load),
        principal: Principal::Clear,
        seal: Seal::clear(),
        version,
        ts: None,
        nonce: None,
        mark: None,
    })
}

fn open_aes(
    mut sealed: Vec<u8>,
    envelope: &Envelope,
    keys: &dyn KeyLookup,
) -> Result<Opened, Refusal> {
    let version = envelope.version;
    let (key, envelope_id) = match version {
        Version::V0 | Version::V2 => (keys.master_aes(), None),
        Version::V3 => {
            let id = minion_id(envelope.id.as_ref()).ok_or(bad(Doubt::Id))?;
            let key = keys.session(&id).ok_or(bad(Doubt::Unknown(id.clone())))?;
            (key, Some(id))
        }
    };
    // The MAC, which opening leaves alone.
    let mark = sealed.last_chunk().copied();
    let (plain, key) = unseal(&mut sealed, key, version, keys)?;
    let mut load = match msgpack::decode(&sealed[plain]).map_err(|error| bad(error.into()))? {
        Value::Map(load) => load,
        _ => return Err(Refusal::LoadNotMap),
    };
    check_id(&load)?;
    let nonce = match load.remove("nonce").filter(|_| version >= Version::V2) {
        None | Some(Value::Nil) => None,
        Some(nonce) => Some(Nonce::from_value(&nonce).ok_or(bad(Doubt::Nonce))?),
    };
    let ts = load.get("ts").and_then(Value::as_u64);
    let (principal, minion_key) = identify(&mut load, envelope_id, keys)?;
    if version.number() < keys.version_floor(principal.minion_id()) {
        let who = principal.minion_id().cloned();
        return Err(bad(Doubt::Downgrade(version.number(), who)));
    }
    let terms = crate::reply::PillarTerms {
        minion_key,
        enc_algo: envelope.enc_algo,
        sig_algo: envelope.sig_algo,
    };
    Ok(Opened {
        request: Request::aes(load, principal.minion_id()),
        seal: Seal::aes(version, key, nonce, terms),
        principal,
        version,
        ts,
        nonce,
        mark,
    })
}

/// Opens the sealed load. Under the shared key that may be the one of before a rotation; the answer
/// is then sealed with that one too, which is the one its minion has.
fn unseal(
    sealed: &mut [u8],
    key: Arc<Crypticle>,
    version: Version,
    keys: &dyn KeyLookup,
) -> Result<(Range<usize>, Arc<Crypticle>), Refusal> {
    if let Ok(plain) = key.open_in_place(sealed) {
        return Ok((plain, key));
    }
    let previous = keys.previous_aes().filter(|_| version != Version::V3);
    let opened = previous.and_then(|key| Some((key.open_in_place(sealed).ok()?, key)));
    opened.ok_or(bad(Doubt::Undecryptable))
}

/// Says who asks. Takes the token out of the load, which nobody may see later.
fn identify(
    load: &mut Map,
    envelope_id: Option<MinionId>,
    keys: &dyn KeyLookup,
) -> Result<(Principal, Option<Arc<PublicKey>>), Refusal> {
    let tok = load.remove("tok").filter(|tok| !tok.is_nil());
    let id = match load.get("id") {
        None | Some(Value::Nil) if envelope_id.is_none() => {
            return Ok((Principal::Unnamed, None));
        }
        id => minion_id(id).ok_or(bad(Doubt::Id))?,
    };
    let is_v3 = envelope_id.is_some();
    if envelope_id.is_some_and(|envelope_id| envelope_id != id) {
        return Err(bad(Doubt::Id));
    }
    // Only the accepted set counts, so that deleting or rejecting a key revokes at once.
    let key = keys.accepted(&id).ok_or(bad(Doubt::Unknown(id.clone())))?;
    let principal = match tok.as_ref().map(Value::as_bytes) {
        Some(Some(tok)) if key.accepts_token(tok) => Principal::Proven(id),
        None if !is_v3 => Principal::Claimed(id),
        _ => return Err(bad(Doubt::Token)),
    };
    Ok((principal, Some(key)))
}

fn check_id(load: &Map) -> Result<(), Refusal> {
    match load.get("id") {
        None | Some(Value::Nil) => Ok(()),
        Some(Value::Str(id)) if id.contains('\0') => Err(Refusal::IdNul),
        Some(Value::Str(_)) => Ok(()),
        Some(other) => {
            let echo = other.repr().chars().take(ECHO_CHARS_MAX).collect();
            Err(Refusal::IdNotText(echo))
        }
    }
}

fn minion_id(value: Option<&Value>) -> Option<MinionId> {
    value?.as_str()?.parse().ok()
}

fn bad(doubt: Doubt) -> Refusal {
    Refusal::BadLoad(doubt)
}
