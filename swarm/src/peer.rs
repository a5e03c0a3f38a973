//! One minion's side of the three request protocols: bytes to send, and what an answer means.
//!
//! No socket and no waiting; the swarm's minions and those of the tests bring their own. It checks
//! what a real minion checks (nonces, signatures, seals), so that a master cannot look fast by
//! leaving things out.

use std::sync::Arc;

use minion_protocol::crypt::{Crypticle, EncAlgo, MasterKey, PublicKey, SigAlgo};
use minion_protocol::{Version, msgpack};
use model::{Map, Value};

/// What a sign-in gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// Accepted: requests can follow.
    Accepted,
    /// The key waits for an operator.
    Pending,
    /// Turned away.
    Refused,
    /// The master is full (`max_minions`).
    Full,
}

/// An answer that a real minion would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A word in the clear, such as `bad load`.
    #[error("the master answered '{0}' in the clear")]
    Word(String),
    /// What a real minion checks does not hold.
    #[error("the answer is not good: {0}")]
    Check(&'static str),
}

/// What an accepted sign-in leaves behind.
#[derive(Debug, Clone)]
pub struct Session {
    /// Publications come under it.
    pub shared: Arc<Crypticle>,
    /// Requests and their answers go under it; the shared one before protocol 3.
    pub own: Option<Arc<Crypticle>>,
    /// The master's key and its signature by another (`master_sign_pubkey`), as they came.
    pub signed_key: Option<(String, String)>,
    master: Arc<PublicKey>,
}

/// A minion's identity and session.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its id.
    pub id: String,
    /// The protocol it speaks.
    pub version: Version,
    /// Its key pair.
    pub key: Arc<MasterKey>,
    /// X9.31 of "salt": the same bytes each time, so it is made once.
    pub token: Arc<[u8]>,
    /// What the last sign-in gave.
    pub session: Option<Session>,
}

/// A request on its way, and what its answer has to bring back.
#[derive(Debug, Clone)]
pub struct Request {
    /// The body of the message.
    pub body: Vec<u8>,
    nonce: String,
    /// The challenge of a sign-in, which the master must give back.
    challenge: Option<Crypticle>,
}

impl Peer {
    /// Makes a minion that has not signed in.
    pub fn new(id: String, version: Version, key: Arc<MasterKey>, token: Arc<[u8]>) -> Self {
        Self {
            id,
            version,
            key,
            token,
            session: None,
        }
    }

    /// Says whether it has signed in.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Makes the request that signs in. Who knows the master's key from before has it prove itself,
    /// as a real minion does. `load` is what the request says besides, such as `autosign_grains`.
    pub fn sign_in(&self, mut load: Map) -> Request {
        load.insert("cmd", "_auth");
        load.insert("id", self.id.as_str());
        load.insert("pub", self.key.public_pem());
        let nonce = nonce();
        if self.version != Version::V0 {
            load.insert("nonce", nonce.as_str());
        }
        if self.version == Version::V3 {
            load.insert("enc_algo", "OAEP-SHA1");
            load.insert("sig_algo", "PKCS1v15-SHA1");
        }
        let challenge = self.session.as_ref().map(|session| {
            let token = Crypticle::generate(&mut random);
            let plain = token.key_string().as_bytes();
            let wrapped = session.master.oaep_encrypt(plain, EncAlgo::default());
            load.insert("token", Value::Bytes(wrapped.unwrap_or_default()));
            token
        });
        let mut envelope = Map::from([("enc", Value::str("clear")), ("load", load.into())]);
        self.put_version(&mut envelope);
        Request {
            body: msgpack::encode(&envelope.into()),
            nonce,
            challenge,
        }
    }

    /// Reads the answer to a sign-in.
    pub fn read_sign_in(&mut self, request: &Request, answer: &[u8]) -> Result<SignIn, Broken> {
        let answer = msgpack::decode(answer).map_err(|_| Broken::Check("no msgpack"))?;
        if answer.as_map().is_none() {
            return Err(Broken::Word(answer.to_text()));
        }
        let inner = match self.version {
            Version::V0 => answer.get("load").unwrap_or(&answer).clone(),
            Version::V2 | Version::V3 => signed_load(&answer, &request.nonce)?,
        };
        match inner.get("ret") {
            Some(Value::Bool(true)) => return Ok(SignIn::Pending),
            Some(Value::Bool(false)) => return Ok(SignIn::Refused),
            Some(Value::Str(word)) if word == "full" => return Ok(SignIn::Full),
            Some(other) => return Err(Broken::Word(other.to_text())),
            None => {}
        }
        if let Some(challenge) = &request.challenge
            && self.unwrap(bytes_of(&inner, "token")?)? != *challenge
        {
            return Err(Broken::Check("the master does not know the token"));
        }
        self.session = Some(self.read_session(&inner)?);
        Ok(SignIn::Accepted)
    }

    fn read_session(&self, inner: &Value) -> Result<Session, Broken> {
        let master = master_key(inner)?;
        let text = |field| inner.get(field).and_then(Value::as_str).map(str::to_owned);
        let shared = self.unwrap(bytes_of(inner, "aes")?)?;
        let proof = master.x931_recover(bytes_of(inner, "sig")?);
        if proof.as_deref() != Some(shared.key_digest().as_bytes()) {
            return Err(Broken::Check("the shared key is not signed by the master"));
        }
        let own = match self.version {
            Version::V3 => Some(Arc::new(self.unwrap(bytes_of(inner, "session")?)?)),
            Version::V0 | Version::V2 => None,
        };
        Ok(Session {
            shared: Arc::new(shared),
            own,
            signed_key: text("pub_key").zip(text("pub_sig")),
            master: Arc::new(master),
        })
    }

    /// Makes a sealed request, asked at this moment (`ts`, seconds since the epoch).
    pub fn request(&self, cmd: &str, mut load: Map, ts: u64) -> Result<Request, Broken> {
        load.insert("cmd", cmd);
        let nonce = nonce();
        let mut envelope = Map::from([("enc", "aes")]);
        self.put_version(&mut envelope);
        if self.version != Version::V0 {
            load.insert("nonce", nonce.as_str());
        }
        if self.version == Version::V3 {
            load.insert("id", self.id.as_str());
            load.insert("ts", ts);
            load.insert("tok", Value::Bytes(self.token.to_vec()));
            envelope.insert("id", self.id.as_str());
        }
        let sealed = self
            .own_key()?
            .seal(&msgpack::encode(&load.into()), None, &mut random);
        envelope.insert("load", Value::Bytes(sealed));
        Ok(Request {
            body: msgpack::encode(&envelope.into()),
            nonce,
            challenge: None,
        })
    }

    /// Reads the answer to a sealed request.
    pub fn read(&self, request: &Request, answer: &[u8]) -> Result<Value, Broken> {
        let answer = msgpack::decode(answer).map_err(|_| Broken::Check("no msgpack"))?;
        let Value::Bytes(sealed) = &answer else {
            return Err(Broken::Word(answer.to_text()));
        };
        let plain = self.own_key()?.open(sealed);
        let plain = plain.map_err(|_| Broken::Check("sealed under another key"))?;
        let plain = match self.version {
            Version::V0 => &plain[..],
            Version::V2 | Version::V3 => plain
                .strip_prefix(request.nonce.as_bytes())
                .ok_or(Broken::Check("another request's nonce"))?,
        };
        msgpack::decode(plain).map_err(|_| Broken::Check("no msgpack inside"))
    }

    /// Reads the answer to `_pillar`, which is sealed for the minion's own key pair.
    pub fn read_pillar(&self, request: &Request, answer: &[u8]) -> Result<Value, Broken> {
        let answer = msgpack::decode(answer).map_err(|_| Broken::Check("no msgpack"))?;
        if answer.as_map().is_none() {
            return Err(Broken::Word(answer.to_text()));
        }
        let once = self.unwrap(bytes_of(&answer, "key")?)?;
        let plain = once.open(bytes_of(&answer, "pillar")?);
        let plain = plain.map_err(|_| Broken::Check("sealed under another key"))?;
        let inner = msgpack::decode(&plain).map_err(|_| Broken::Check("no msgpack inside"))?;
        if self.version == Version::V0 {
            return Ok(inner);
        }
        let (data, sig) = (bytes_of(&inner, "data")?, bytes_of(&inner, "sig")?);
        if !self.session()?.master.verify(data, sig, SigAlgo::default()) {
            return Err(Broken::Check("a forged pillar"));
        }
        let data = msgpack::decode(data).map_err(|_| Broken::Check("no msgpack inside"))?;
        if data.get("nonce").and_then(Value::as_str) != Some(&request.nonce) {
            return Err(Broken::Check("another request's nonce"));
        }
        Ok(data.get("pillar").cloned().unwrap_or_default())
    }

    /// Opens a publication; `None` if it is sealed under a key this minion has not got.
    pub fn open_publication(&self, body: &[u8]) -> Result<Option<Map>, Broken> {
        let envelope = msgpack::decode(body).map_err(|_| Broken::Check("no msgpack"))?;
        let session = self.session()?;
        let sealed = bytes_of(&envelope, "load")?;
        let Ok(plain) = session.shared.open(sealed) else {
            return Ok(None);
        };
        // Absent when the master does not sign (sign_pub_messages: False).
        if let Ok(sig) = bytes_of(&envelope, "sig") {
            let algo = envelope.get("sig_algo").and_then(Value::as_str);
            let algo = algo.and_then(SigAlgo::from_name).unwrap_or_default();
            if !session.master.verify(sealed, sig, algo) {
                return Err(Broken::Check("a forged publication"));
            }
        }
        match msgpack::decode(&plain) {
            Ok(Value::Map(load)) => Ok(Some(load)),
            _ => Err(Broken::Check("a publication that is no job")),
        }
    }

    /// Gives the key under which publications come.
    pub fn shared_key(&self) -> Result<&Arc<Crypticle>, Broken> {
        Ok(&self.session()?.shared)
    }

    /// Gives it a session without a sign-in.
    #[cfg(test)]
    pub fn set_session(&mut self, shared: Crypticle, master: &MasterKey) {
        let master = PublicKey::from_pem(master.public_pem()).expect("it is a key");
        self.session = Some(Session {
            shared: Arc::new(shared),
            own: None,
            signed_key: None,
            master: Arc::new(master),
        });
    }

    /// Gives the proof of the private key that some loads carry.
    pub fn token(&self) -> Value {
        Value::Bytes(self.token.to_vec())
    }

    fn session(&self) -> Result<&Session, Broken> {
        self.session
            .as_ref()
            .ok_or(Broken::Check("no sign-in before"))
    }

    /// The key of requests and their answers.
    fn own_key(&self) -> Result<&Crypticle, Broken> {
        let session = self.session()?;
        Ok(session.own.as_ref().unwrap_or(&session.shared))
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<Crypticle, Broken> {
        let plain = self.key.oaep_decrypt(wrapped, EncAlgo::default());
        let plain = plain
            .ok()
            .flatten()
            .ok_or(Broken::Check("wrapped for another key"))?;
        let text = String::from_utf8(plain).map_err(|_| Broken::Check("a key that is no text"))?;
        Crypticle::from_key_string(&text).map_err(|_| Broken::Check("a key of a wrong size"))
    }

    fn put_version(&self, envelope: &mut Map) {
        if self.version != Version::V0 {
            envelope.insert("version", u64::from(self.version.number()));
        }
    }
}

/// Opens a signed answer and checks what a minion checks.
fn signed_load(answer: &Value, nonce: &str) -> Result<Value, Broken> {
    let (load, sig) = (bytes_of(answer, "load")?, bytes_of(answer, "sig")?);
    let inner = msgpack::decode(load).map_err(|_| Broken::Check("a signed load is no msgpack"))?;
    if inner.get("nonce").and_then(Value::as_str) != Some(nonce) {
        return Err(Broken::Check("another request's nonce"));
    }
    if inner.get("pub_key").is_some() && !master_key(&inner)?.verify(load, sig, SigAlgo::default())
    {
        return Err(Broken::Check("a wrong signature"));
    }
    Ok(inner)
}

fn master_key(inner: &Value) -> Result<PublicKey, Broken> {
    let pem = inner.get("pub_key").and_then(Value::as_str);
    pem.and_then(|pem| PublicKey::from_pem(pem).ok())
        .ok_or(Broken::Check("no key of the master"))
}

fn bytes_of<'a>(map: &'a Value, field: &str) -> Result<&'a [u8], Broken> {
    map.get(field)
        .and_then(Value::as_bytes)
        .ok_or(Broken::Check("a field is missing"))
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    random(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random(bytes: &mut [u8]) {
    openssl::rand::rand_bytes(bytes).expect("OpenSSL's generator is seeded by the system");
}
