//! A simulated minion: the three request protocols over a plain socket, without a python in sight.
//!
//! It does what it is told, one request at a time, so that tests can also do what no honest minion
//! does. See [`crate::worker`] for one that lives on its own.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minion_protocol::crypt::{Crypticle, EncAlgo, MasterKey, PublicKey, SigAlgo};
use minion_protocol::{Version, msgpack};
use model::{Map, Value};

use crate::wire::{Kind, Wire};

/// Bits of the keys; small ones are made faster.
const KEY_BITS: u32 = 1024;

/// Starts that minions of this process told.
static STARTS: AtomicU64 = AtomicU64::new(0);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a sign-in gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Accepted.
    Accepted,
    /// Waits for an operator.
    Pending,
    /// Turned away.
    Refused,
    /// Something else.
    Other(String),
}

/// Why a request has no answer that can be read.
#[derive(Debug)]
pub enum Failure {
    /// The connection failed.
    Io(io::Error),
    /// A word in the clear instead of a sealed answer, such as `bad load`.
    Word(String),
    /// The answer is not sealed as this version's must be.
    Sealed(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

#[derive(Debug, Clone)]
struct Session {
    master_aes: Arc<Crypticle>,
    own: Option<Arc<Crypticle>>,
    master: Arc<PublicKey>,
}

/// A minion.
#[derive(Debug, Clone)]
pub struct SimMinion {
    /// Its id; a test may well claim a wrong one.
    pub id: String,
    /// The protocol it speaks.
    pub version: Version,
    /// Its key pair.
    pub key: MasterKey,
    /// Its grains.
    pub grains: Map,
    /// Grains for autosign.
    pub autosign_grains: Map,
    /// When it says it asks, in seconds since the epoch.
    pub ts: i64,
    /// The signature of the master's key that the last sign-in gave (`master_sign_pubkey`).
    pub pub_sig: Option<(String, String)>,
    ret_port: u16,
    publish_port: u16,
    session: Option<Session>,
}

impl SimMinion {
    /// Makes a minion with a key of its own.
    ///
    /// # Panics
    /// The system cannot make keys.
    pub fn new(id: &str, version: Version, ports: (u16, u16)) -> Self {
        let (publish_port, ret_port) = ports;
        let key = MasterKey::generate(KEY_BITS).expect("a key");
        let autosign_grains = Map::new();
        let grains = Map::from([("id", id), ("os", "Simulated")]);
        let id = id.to_owned();
        Self {
            id,
            version,
            key,
            autosign_grains,
            grains,
            ts: 1_795_249_015,
            pub_sig: None,
            ret_port,
            publish_port,
            session: None,
        }
    }

    /// Signs in with a new connection.
    ///
    /// # Errors
    /// The master does not answer.
    ///
    /// # Panics
    /// The answer breaks the protocol.
    pub fn sign_in(&mut self) -> io::Result<SignIn> {
        let mut load = Map::from([
            ("cmd", Value::str("_auth")),
            ("id", Value::str(&self.id)),
            ("pub", Value::str(self.key.public_pem())),
        ]);
        if !self.autosign_grains.is_empty() {
            load.insert("autosign_grains", self.autosign_grains.clone());
        }
        let nonce = nonce();
        if self.version != Version::V0 {
            load.insert("nonce", nonce.as_str());
        }
        if self.version == Version::V3 {
            load.insert("enc_algo", "OAEP-SHA1");
            load.insert("sig_algo", "PKCS1v15-SHA1");
        }
        let answer = self.clear(load)?;
        let Some(map) = answer.as_map() else {
            return Ok(SignIn::Other(answer.to_text()));
        };
        let inner = if self.version == Version::V0 {
            match map.get("load") {
                Some(load) => load.clone(),
                None => answer.clone(),
            }
        } else {
            let inner = bytes_of(&answer, "load");
            let inner = msgpack::decode(&inner).expect("a signed load is msgpack");
            assert_eq!(
                inner.get("nonce"),
                Some(&Value::str(nonce)),
                "a foreign nonce"
            );
            if let Some(pem) = inner.get("pub_key").and_then(Value::as_str) {
                let master = PublicKey::from_pem(pem).expect("a master's key");
                let (load, sig) = (bytes_of(&answer, "load"), bytes_of(&answer, "sig"));
                assert!(
                    master.verify(&load, &sig, SigAlgo::default()),
                    "a wrong signature"
                );
            }
            inner
        };
        Ok(self.take(&inner))
    }

    fn take(&mut self, inner: &Value) -> SignIn {
        match inner.get("ret") {
            Some(Value::Bool(true)) => return SignIn::Pending,
            Some(Value::Bool(false)) => return SignIn::Refused,
            Some(other) => return SignIn::Other(other.to_text()),
            None => {}
        }
        let pem = inner
            .get("pub_key")
            .and_then(Value::as_str)
            .expect("the master's key");
        let text = |field| inner.get(field).and_then(Value::as_str).map(str::to_owned);
        self.pub_sig = text("pub_key").zip(text("pub_sig"));
        let master = PublicKey::from_pem(pem).expect("the master's key");
        let master_aes = self.unwrap(&bytes_of(inner, "aes"));
        let proof = master.x931_recover(&bytes_of(inner, "sig"));
        let digest = master_aes.key_digest();
        assert_eq!(
            proof.as_deref(),
            Some(digest.as_bytes()),
            "the key is not the master's word"
        );
        let own = (self.version == Version::V3)
            .then(|| Arc::new(self.unwrap(&bytes_of(inner, "session"))));
        let (master_aes, master) = (Arc::new(master_aes), Arc::new(master));
        self.session = Some(Session {
            master_aes,
            own,
            master,
        });
        SignIn::Accepted
    }

    fn unwrap(&self, wrapped: &[u8]) -> Crypticle {
        let plain = self.key.oaep_decrypt(wrapped, EncAlgo::default());
        let plain = plain
            .expect("OpenSSL tries")
            .expect("it is wrapped for this minion");
        let text = String::from_utf8(plain).expect("a key string is text");
        Crypticle::from_key_string(&text).expect("a key string")
    }

    /// Gives the key string that all minions share, as it was at the last sign-in.
    pub fn master_aes(&self) -> Option<String> {
        self.session
            .as_ref()
            .map(|session| session.master_aes.key_string().to_owned())
    }

    /// Gives the session key string of the last sign-in.
    pub fn session_key(&self) -> Option<String> {
        let own = self.session.as_ref()?.own.as_ref()?;
        Some(own.key_string().to_owned())
    }

    /// Signs in until it is accepted.
    ///
    /// # Panics
    /// It is refused, or nobody accepts it.
    pub fn sign_in_accepted(&mut self) {
        crate::wait::until("a sign-in that is accepted", || match self.sign_in() {
            Ok(SignIn::Accepted) => Some(()),
            Ok(SignIn::Pending) | Err(_) => None,
            Ok(other) => panic!("{}: {other:?}", self.id),
        });
    }

    /// Asks something in the clear.
    ///
    /// # Errors
    /// The master does not answer.
    ///
    /// # Panics
    /// The answer is not msgpack.
    pub fn clear(&self, load: Map) -> io::Result<Value> {
        let mut envelope = Map::from([("enc", Value::str("clear")), ("load", load.into())]);
        self.put_version(&mut envelope);
        let answer = self.ask(&msgpack::encode(&envelope.into()))?;
        Ok(msgpack::decode(&answer).expect("an answer in msgpack"))
    }

    /// Asks something under the minion's keys, and checks that the answer is sealed for it.
    ///
    /// # Errors
    /// There is no readable answer.
    ///
    /// # Panics
    /// The minion has not signed in.
    pub fn request(&self, cmd: &str, load: impl Into<Map>) -> Result<Value, Failure> {
        let mut wire = self.connect(Kind::Req)?;
        self.request_on(&mut wire, cmd, load.into())
    }

    /// As [`SimMinion::request`], and the answer must come.
    ///
    /// # Panics
    /// It does not.
    pub fn asks(&self, cmd: &str, load: impl Into<Map>) -> Value {
        match self.request(cmd, load) {
            Ok(answer) => answer,
            Err(failure) => panic!("{cmd} of {}: {failure:?}", self.id),
        }
    }

    fn request_on(&self, wire: &mut Wire, cmd: &str, load: Map) -> Result<Value, Failure> {
        let (answer, nonce) = self.exchange(wire, cmd, load)?;
        let Value::Bytes(sealed) = &answer else {
            return Err(Failure::Word(answer.to_text()));
        };
        let plain = self
            .own_key()
            .open(sealed)
            .map_err(|_| Failure::Sealed("another key"))?;
        let plain = match self.version {
            Version::V0 => &plain[..],
            _ => plain
                .strip_prefix(nonce.as_bytes())
                .ok_or(Failure::Sealed("no nonce"))?,
        };
        msgpack::decode(plain).map_err(|_| Failure::Sealed("no msgpack inside"))
    }

    /// The key of requests and their answers.
    fn own_key(&self) -> &Crypticle {
        let session = self.session.as_ref().expect("it signed in");
        session.own.as_ref().unwrap_or(&session.master_aes)
    }

    /// Sends one sealed request; gives the answer as it came, and the nonce of the request.
    fn exchange(&self, wire: &mut Wire, cmd: &str, load: Map) -> Result<(Value, String), Failure> {
        let (envelope, nonce) = self.sealed(cmd, load);
        wire.send(&[b"", &envelope])?;
        let answer = body_of(wire)?;
        let answer = msgpack::decode(&answer).map_err(|_| Failure::Sealed("no msgpack"))?;
        Ok((answer, nonce))
    }

    /// Gives the bytes of one sealed request, and its nonce.
    ///
    /// # Panics
    /// The minion has not signed in.
    pub fn sealed(&self, cmd: &str, load: Map) -> (Vec<u8>, String) {
        let mut load = load;
        load.insert("cmd", cmd);
        let nonce = nonce();
        let mut envelope = Map::from([("enc", "aes")]);
        self.put_version(&mut envelope);
        if self.version != Version::V0 {
            load.insert("nonce", nonce.as_str());
        }
        if self.version == Version::V3 {
            load.insert("id", self.id.as_str());
            load.insert("ts", self.ts);
            load.insert("tok", Value::Bytes(self.token()));
            envelope.insert("id", self.id.as_str());
        }
        let sealed = self
            .own_key()
            .seal(&msgpack::encode(&load.into()), None, &mut random());
        envelope.insert("load", Value::Bytes(sealed));
        (msgpack::encode(&envelope.into()), nonce)
    }

    /// Sends bytes as one request; gives the answer as it came.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn sends(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        self.ask(body)
    }

    /// As [`SimMinion::sends`], from another address: what somebody does who recorded them.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn sends_from(&self, from: Ipv4Addr, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut wire = Wire::connect_from(from, self.ret_port, PATIENCE)?;
        wire.send(&[b"", body])?;
        body_of(&mut wire)
    }

    /// Gives the proof that the minion has its private key.
    ///
    /// # Panics
    /// OpenSSL cannot sign.
    pub fn token(&self) -> Vec<u8> {
        self.key.x931_sign(b"salt").expect("a token")
    }

    /// Fetches the pillar: the one answer of another form.
    ///
    /// # Errors
    /// There is no readable answer.
    ///
    /// # Panics
    /// The minion has not signed in, or the answer breaks the protocol.
    pub fn pillar(&self) -> Result<Value, Failure> {
        let load = Map::from([
            ("id", Value::str(&self.id)),
            ("grains", self.grains.clone().into()),
            ("saltenv", Value::Nil),
            ("pillarenv", Value::Nil),
            ("pillar_override", Map::new().into()),
            ("extra_minion_data", Map::new().into()),
            ("ver", Value::str("2")),
        ]);
        let mut wire = self.connect(Kind::Req)?;
        let (answer, nonce) = self.exchange(&mut wire, "_pillar", load)?;
        if answer.as_map().is_none() {
            return Err(Failure::Word(answer.to_text()));
        }
        let once = self.unwrap(&bytes_of(&answer, "key"));
        let plain = once.open(&bytes_of(&answer, "pillar"));
        let plain = plain.map_err(|_| Failure::Sealed("another key"))?;
        let inner = msgpack::decode(&plain).map_err(|_| Failure::Sealed("no msgpack inside"))?;
        if self.version == Version::V0 {
            return Ok(inner);
        }
        let (data, sig) = (bytes_of(&inner, "data"), bytes_of(&inner, "sig"));
        let master = &self.session.as_ref().expect("it signed in").master;
        assert!(
            master.verify(&data, &sig, SigAlgo::default()),
            "a forged pillar"
        );
        let data = msgpack::decode(&data).map_err(|_| Failure::Sealed("no msgpack inside"))?;
        assert_eq!(
            data.get("nonce"),
            Some(&Value::str(nonce)),
            "a foreign nonce"
        );
        Ok(data.get("pillar").cloned().unwrap_or_default())
    }

    /// Sends a return, as the three versions do.
    ///
    /// # Errors
    /// There is no readable answer.
    pub fn returns(&self, jid: &str, fun: &str, value: impl Into<Value>) -> Result<Value, Failure> {
        let load = Map::from([
            ("id", Value::str(&self.id)),
            ("jid", Value::str(jid)),
            ("fun", Value::str(fun)),
            ("fun_args", Value::List(Vec::new())),
            ("return", value.into()),
            ("retcode", Value::Int(0)),
            ("success", Value::Bool(true)),
        ]);
        self.request("_return", load)
    }

    /// Fires an event.
    ///
    /// # Errors
    /// There is no readable answer.
    pub fn fires(&self, tag: &str, data: impl Into<Value>) -> Result<Value, Failure> {
        let load = Map::from([
            ("id", Value::str(&self.id)),
            ("tok", Value::Bytes(self.token())),
            ("tag", Value::str(tag)),
            ("data", data.into()),
            ("pretag", Value::Nil),
        ]);
        self.request("_minion_event", load)
    }

    /// Fires both events of a start, as every release does.
    ///
    /// # Errors
    /// There is no readable answer.
    pub fn fires_start(&self) -> Result<(), Failure> {
        // Each start says another moment; the same text would be the same start, told twice.
        let moment = STARTS.fetch_add(1, Ordering::Relaxed);
        let said = format!("Minion {} started at moment {moment} of a test", self.id);
        self.fires("minion_start", said.as_str())?;
        self.fires(&format!("salt/minion/{}/start", self.id), said)?;
        Ok(())
    }

    /// Listens on the publish port.
    ///
    /// # Errors
    /// Nobody answers there.
    pub fn subscribe(&self, patience: Duration) -> io::Result<Wire> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.publish_port));
        Wire::connect(address, Kind::Sub, patience)
    }

    /// Opens a publication: its load, or `None` if it is under another key.
    ///
    /// # Panics
    /// The signature is not the master's, or what is inside is no job.
    pub fn open_publication(&self, parts: &[bytes::Bytes]) -> Option<Map> {
        let session = self.session.as_ref().expect("it signed in");
        let body = parts.last().expect("a message has a part");
        let envelope = msgpack::decode(body).expect("a publication in msgpack");
        let sealed = bytes_of(&envelope, "load");
        let plain = session.master_aes.open(&sealed).ok()?;
        let sig = bytes_of(&envelope, "sig");
        assert!(
            session.master.verify(&sealed, &sig, SigAlgo::default()),
            "a forged publication"
        );
        match msgpack::decode(&plain).expect("a job in msgpack") {
            Value::Map(load) => Some(load),
            other => panic!("a job is a map, not {other:?}"),
        }
    }

    fn put_version(&self, envelope: &mut Map) {
        if self.version != Version::V0 {
            envelope.insert("version", u64::from(self.version.number()));
        }
    }

    fn connect(&self, kind: Kind) -> io::Result<Wire> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ret_port));
        Wire::connect(address, kind, PATIENCE)
    }

    fn ask(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut wire = self.connect(Kind::Req)?;
        wire.send(&[b"", body])?;
        body_of(&mut wire)
    }
}

fn body_of(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let parts = wire.receive()?;
    match &parts[..] {
        [delimiter, body] if delimiter.is_empty() => Ok(body.to_vec()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn bytes_of(map: &Value, field: &str) -> Vec<u8> {
    match map.get(field) {
        Some(Value::Bytes(bytes)) => bytes.clone(),
        Some(Value::Str(text)) => text.clone().into_bytes(),
        other => panic!("field {field} is {other:?}"),
    }
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    random_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random() -> impl FnMut(&mut [u8]) {
    random_bytes
}

fn random_bytes(bytes: &mut [u8]) {
    let source = std::fs::File::open("/dev/urandom");
    source
        .and_then(|mut source| source.read_exact(bytes))
        .expect("a system has randomness");
}
