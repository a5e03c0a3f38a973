//! The envelope: `enc`, `load`, and what says how to read them.
//!
//! Nothing is decrypted here and nobody is believed; see [`crate::opening`] for that.

use model::{Map, Value};

use crate::crypt::{EncAlgo, SigAlgo};
use crate::msgpack;
use crate::opening::{Doubt, Refusal};

/// Which of the three request protocols a peer speaks. It is fixed by its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// No version in the envelope: 2019.2 to 3004.0. A claimed 1 is read like this too.
    V0,
    /// Signed replies, nonces.
    V2,
    /// Session keys, a token in every request.
    V3,
}

impl Version {
    /// Reads the number of an envelope as Salt masters do: anything over 2 is the third protocol.
    pub fn from_number(number: u64) -> Self {
        match number {
            0 | 1 => Version::V0,
            2 => Version::V2,
            _ => Version::V3,
        }
    }

    /// Gives the number that peers send.
    pub fn number(self) -> u8 {
        match self {
            Version::V0 => 0,
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// What a v2 or v3 request must find again in its reply: 32 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
    /// Reads the `nonce` of a load.
    pub fn from_value(value: &Value) -> Option<Self> {
        Some(Self(value.as_bytes()?.try_into().ok()?))
    }

    /// Gives it as it is echoed in a map.
    pub fn to_value(self) -> Value {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Value::str(text),
            Err(_) => Value::Bytes(self.0.to_vec()),
        }
    }
}

/// Says whether a request looks as if it came in the clear: a sign-in, most likely. For choosing a
/// queue before anything is decoded; a wrong guess costs nothing but the place in it.
pub fn looks_clear(body: &[u8]) -> bool {
    let head = &body[..body.len().min(64)];
    head.windows(10).any(|window| window == b"\xa3enc\xa5clear")
}

/// A decoded envelope.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) version: Version,
    /// The envelope's `id`, which only v3 has.
    pub(crate) id: Option<Value>,
    pub(crate) enc_algo: EncAlgo,
    pub(crate) sig_algo: SigAlgo,
    pub(crate) load: Load,
}

/// The two kinds of load. Any other `enc` is refused.
#[derive(Debug)]
pub(crate) enum Load {
    /// Sealed under a key.
    Aes(Vec<u8>),
    /// Readable by all.
    Clear(Value),
}

impl Default for Load {
    fn default() -> Self {
        Load::Clear(Value::Nil)
    }
}

impl Envelope {
    /// Takes the steps of a master up to the choice of a key.
    pub(crate) fn decode(body: &[u8], minimum_version: u8) -> Result<Self, Refusal> {
        let refused = |doubt| Err(Refusal::BadLoad(doubt));
        let mut map = match msgpack::decode(body) {
            Ok(Value::Map(map)) => map,
            Ok(_) => return refused(Doubt::NoEnvelope),
            Err(error) => return refused(Doubt::Msgpack(error)),
        };
        let (Some(enc), Some(load)) = (map.remove("enc"), map.remove("load")) else {
            return refused(Doubt::NoEnvelope);
        };
        let number = number(map.get("version"));
        if number < u64::from(minimum_version) {
            return refused(Doubt::Version(number));
        }
        let load = match (enc.as_str(), load) {
            (Some("aes"), Value::Bytes(bytes)) => Load::Aes(bytes),
            (Some("aes"), Value::Str(text)) => Load::Aes(text.into_bytes()),
            (Some("clear"), load) => Load::Clear(load),
            _ => return refused(Doubt::Enc),
        };
        let (enc_algo, sig_algo) = match algos(&map) {
            (Some(enc_algo), Some(sig_algo)) => (enc_algo, sig_algo),
            _ => return refused(Doubt::Algo),
        };
        Ok(Self {
            version: Version::from_number(number),
            id: map.remove("id"),
            enc_algo,
            sig_algo,
            load,
        })
    }
}

/// Reads `version`; what cannot be read is 0.
fn number(version: Option<&Value>) -> u64 {
    match version {
        Some(Value::Str(text)) => text.trim().parse().unwrap_or(0),
        Some(Value::Bool(is_one)) => u64::from(*is_one),
        Some(other) => other.as_u64().unwrap_or(0),
        None => 0,
    }
}

/// Reads `enc_algo` and `sig_algo`: absent means SHA-1, unknown gives `None`.
pub(crate) fn algos(map: &Map) -> (Option<EncAlgo>, Option<SigAlgo>) {
    let name = |field| map.get(field).filter(|value| !value.is_nil());
    let enc_algo = match name("enc_algo") {
        None => Some(EncAlgo::default()),
        Some(name) => name.as_str().and_then(EncAlgo::from_name),
    };
    let sig_algo = match name("sig_algo") {
        None => Some(SigAlgo::default()),
        Some(name) => name.as_str().and_then(SigAlgo::from_name),
    };
    (enc_algo, sig_algo)
}
