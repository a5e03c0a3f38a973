//! A simulated minion: the three request protocols over a plain socket, without a python in sight.
//!
//! It does what it is told, one request at a time, so that tests can also do what no honest minion
//! does; what a minion checks of an answer is [`swarm::peer`]'s. See [`crate::worker`] for one that
//! lives on its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minion_protocol::crypt::MasterKey;
use minion_protocol::{Version, msgpack};
use model::{Map, Value};
use swarm::peer::{Broken, Peer, Request, Session};

pub use swarm::peer::SignIn;

use crate::wire::{Kind, Wire};

/// Bits of the keys; small ones are made faster.
const KEY_BITS: u32 = 1024;

/// Starts that minions of this process told.
static STARTS: AtomicU64 = AtomicU64::new(0);

/// Why a request has no answer that can be read.
#[derive(Debug)]
pub enum Failure {
    /// The connection failed.
    Io(io::Error),
    /// A word in the clear instead of a sealed answer, such as `bad load`.
    Word(String),
    /// The answer is not what a real minion would take.
    Check(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Word(word) => Failure::Word(word),
            Broken::Check(what) => Failure::Check(what),
        }
    }
}

/// A minion.
#[derive(Debug, Clone)]
pub struct SimMinion {
    /// Its id; a test may well claim a wrong one.
    pub id: String,
    /// The protocol it speaks.
    pub version: Version,
    /// Its key pair.
    pub key: Arc<MasterKey>,
    /// Its grains.
    pub grains: Map,
    /// Grains for autosign.
    pub autosign_grains: Map,
    /// When it says it asks, in seconds since the epoch.
    pub ts: u64,
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
        let key = Arc::new(MasterKey::generate(KEY_BITS).expect("a key"));
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
            ret_port,
            publish_port,
            session: None,
        }
    }

    /// This minion as the protocols see it, at this moment: tests change what it is between two
    /// requests.
    fn peer(&self) -> Peer {
        Peer {
            id: self.id.clone(),
            version: self.version,
            key: Arc::clone(&self.key),
            token: self.token().into(),
            session: self.session.clone(),
        }
    }

    /// Signs in with a new connection.
    ///
    /// # Errors
    /// The master does not answer, or with a word such as `bad load`.
    ///
    /// # Panics
    /// The answer breaks the protocol.
    pub fn sign_in(&mut self) -> Result<SignIn, Failure> {
        let mut load = Map::new();
        if !self.autosign_grains.is_empty() {
            load.insert("autosign_grains", self.autosign_grains.clone());
        }
        let mut peer = self.peer();
        let request = peer.sign_in(load);
        let answer = self.sends(&request.body)?;
        match peer.read_sign_in(&request, &answer) {
            Err(Broken::Check(what)) => panic!("{}: {what}", self.id),
            read => {
                self.session = peer.session;
                Ok(read?)
            }
        }
    }

    /// Gives the key string that all minions share, as it was at the last sign-in.
    pub fn master_aes(&self) -> Option<String> {
        self.session
            .as_ref()
            .map(|session| session.shared.key_string().to_owned())
    }

    /// Gives the session key string of the last sign-in.
    pub fn session_key(&self) -> Option<String> {
        let own = self.session.as_ref()?.own.as_ref()?;
        Some(own.key_string().to_owned())
    }

    /// Gives the master's key and its signature that the last sign-in gave
    /// (`master_sign_pubkey`).
    pub fn signed_key(&self) -> Option<(String, String)> {
        self.session.as_ref()?.signed_key.clone()
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
        if self.version != Version::V0 {
            envelope.insert("version", u64::from(self.version.number()));
        }
        let answer = self.sends(&msgpack::encode(&envelope.into()))?;
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
        let request = self.sealed(cmd, load.into());
        let answer = self.sends(&request.body)?;
        Ok(self.peer().read(&request, &answer)?)
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

    /// Makes one sealed request.
    ///
    /// # Panics
    /// The minion has not signed in.
    pub fn sealed(&self, cmd: &str, load: Map) -> Request {
        let request = self.peer().request(cmd, load, self.ts);
        request.expect("it signed in")
    }

    /// Sends bytes as one request; gives the answer as it came.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn sends(&self, body: &[u8]) -> io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ret_port));
        let mut wire = Wire::connect(address, Kind::Req)?;
        wire.send(&[b"", body])?;
        body_of(&mut wire)
    }

    /// As [`SimMinion::sends`], from another address: what somebody does who recorded them.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn sends_from(&self, from: Ipv4Addr, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut wire = Wire::connect_from(from, self.ret_port)?;
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
    /// The minion has not signed in.
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
        let request = self.sealed("_pillar", load);
        let answer = self.sends(&request.body)?;
        Ok(self.peer().read_pillar(&request, &answer)?)
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
    pub fn subscribe(&self) -> io::Result<Wire> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.publish_port));
        Wire::connect(address, Kind::Sub)
    }

    /// Opens a publication: its load, or `None` if it is under another key.
    ///
    /// # Panics
    /// The signature is not the master's, or what is inside is no job.
    pub fn open_publication(&self, parts: &[bytes::Bytes]) -> Option<Map> {
        let body = parts.last().expect("a message has a part");
        let opened = self.peer().open_publication(body);
        opened.expect("a publication of the master")
    }
}

fn body_of(wire: &mut Wire) -> io::Result<Vec<u8>> {
    let parts = wire.receive()?;
    match &parts[..] {
        [delimiter, body] if delimiter.is_empty() => Ok(body.to_vec()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
