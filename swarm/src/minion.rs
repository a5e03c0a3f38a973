//! One simulated minion with its connection: asks, waits as long as its patience lasts, connects
//! again after a loss.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use model::{Map, Value};

use crate::clock;
use crate::peer::{Broken, Peer, SignIn};
use crate::wire::{Kind, Wire};

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No answer within the patience.
    #[error("no answer in time")]
    TimedOut,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// An answer that a real minion would not take.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Where the master is, and how long an answer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Master {
    /// Requests go here.
    pub(crate) requests: SocketAddr,
    /// Publications come from here.
    pub(crate) publications: SocketAddr,
    /// One answer.
    pub(crate) patience: Duration,
}

/// A minion.
#[derive(Debug)]
pub(crate) struct Minion {
    /// Its identity and session.
    pub(crate) peer: Peer,
    master: Master,
    wire: Option<Wire>,
}

impl Minion {
    /// Makes one that is not connected.
    pub(crate) fn new(peer: Peer, master: Master) -> Self {
        Self {
            peer,
            master,
            wire: None,
        }
    }

    /// Where its master is.
    pub(crate) fn master(&self) -> Master {
        self.master
    }

    /// Signs in once.
    pub(crate) async fn sign_in(&mut self) -> Result<SignIn, Failure> {
        let request = self.peer.sign_in(Map::new());
        let answer = self.exchange(&request.body).await?;
        Ok(self.peer.read_sign_in(&request, &answer)?)
    }

    /// Asks under the session's key.
    pub(crate) async fn ask(&mut self, cmd: &str, load: Map) -> Result<Value, Failure> {
        let request = self.peer.request(cmd, load, clock::unix_seconds())?;
        let answer = self.exchange(&request.body).await?;
        Ok(self.peer.read(&request, &answer)?)
    }

    /// Fetches the pillar; `more` are grains beside the id.
    pub(crate) async fn pillar(&mut self, more: Map) -> Result<Value, Failure> {
        let mut grains = Map::from([("id", self.peer.id.as_str())]);
        grains.extend(more);
        let load = Map::from([
            ("id", Value::str(&self.peer.id)),
            ("grains", grains.into()),
            ("saltenv", Value::Nil),
            ("pillarenv", Value::Nil),
            ("pillar_override", Map::new().into()),
            ("extra_minion_data", Map::new().into()),
            ("ver", Value::str("2")),
        ]);
        let request = self.peer.request("_pillar", load, clock::unix_seconds())?;
        let answer = self.exchange(&request.body).await?;
        Ok(self.peer.read_pillar(&request, &answer)?)
    }

    /// Fires an event.
    pub(crate) async fn fire(&mut self, tag: &str, data: Map) -> Result<Value, Failure> {
        let load = Map::from([
            ("id", Value::str(&self.peer.id)),
            ("tok", self.peer.token()),
            ("tag", Value::str(tag)),
            ("data", data.into()),
            ("pretag", Value::Nil),
        ]);
        self.ask("_minion_event", load).await
    }

    /// Returns a job.
    pub(crate) async fn give_back(
        &mut self,
        jid: &str,
        fun: &str,
        value: impl Into<Value>,
    ) -> Result<Value, Failure> {
        let load = Map::from([
            ("id", Value::str(&self.peer.id)),
            ("jid", Value::str(jid)),
            ("fun", Value::str(fun)),
            ("fun_args", Value::List(Vec::new())),
            ("return", value.into()),
            ("retcode", Value::Int(0)),
            ("success", Value::Bool(true)),
        ]);
        self.ask("_return", load).await
    }

    /// Opens the connection on which jobs come.
    pub(crate) async fn subscribe(&self) -> Result<Wire, Failure> {
        let connecting = Wire::connect(self.master.publications, Kind::Sub);
        match tokio::time::timeout(self.master.patience, connecting).await {
            Ok(wire) => Ok(wire?),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    /// Drops the connection for requests; the next request opens another.
    pub(crate) fn hang_up(&mut self) {
        self.wire = None;
    }

    async fn exchange(&mut self, body: &[u8]) -> Result<Bytes, Failure> {
        let mut wire = self.wire.take();
        let address = self.master.requests;
        let exchange = async {
            let mut open = match wire.take() {
                Some(open) => open,
                None => Wire::connect(address, Kind::Req).await?,
            };
            let answer = open.ask(body).await?;
            Ok::<_, io::Error>((open, answer))
        };
        match tokio::time::timeout(self.master.patience, exchange).await {
            Ok(Ok((open, answer))) => {
                self.wire = Some(open);
                Ok(answer)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Failure::TimedOut),
        }
    }
}
