//! Where strangers disappear: one place in each kind of exchange, in turn.

use std::io;
use std::net::SocketAddr;

use minion_protocol::zmtp::GREETING;
use model::{Map, Value};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::clock;
use crate::minion::{Failure, Minion};
use crate::peer::SignIn;
use crate::wire::{Kind, Wire};

/// Bytes of the large request of which half is sent.
const REQUEST_BYTES: u64 = 2 * 1024 * 1024;

/// Bytes of an answer that are read before its reader disappears.
const ANSWER_BYTES: usize = 4096;

/// A place in an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// In the middle of the greeting.
    Greeting,
    /// Behind the greeting.
    Greeted,
    /// Behind the handshake.
    Handshake,
    /// In the middle of a frame.
    Frame,
    /// In the middle of a large request.
    Request,
    /// Behind a whole sign-in, whose answer is not read.
    SignIn,
    /// In the middle of an answer; its stranger has to be let in.
    Answer,
    /// Behind a subscription.
    Subscription,
}

/// All of them.
pub(crate) const POINTS: [Point; 8] = [
    Point::Greeting,
    Point::Greeted,
    Point::Handshake,
    Point::Frame,
    Point::Request,
    Point::SignIn,
    Point::Answer,
    Point::Subscription,
];

impl Point {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Point::Greeting => "in_greeting",
            Point::Greeted => "after_greeting",
            Point::Handshake => "after_handshake",
            Point::Frame => "in_frame",
            Point::Request => "in_request",
            Point::SignIn => "after_sign_in",
            Point::Answer => "in_answer",
            Point::Subscription => "after_subscription",
        }
    }
}

/// A stranger that disappears again and again.
#[derive(Debug)]
pub(crate) struct Vanisher {
    minion: Minion,
    path: String,
    turn: usize,
}

impl Vanisher {
    /// Makes one that begins at this turn; `path` is the file whose answer is left.
    pub(crate) fn new(minion: Minion, path: String, turn: usize) -> Self {
        Self { minion, path, turn }
    }

    /// Disappears once, where it is this one's turn; gives the index of the place, if it got there.
    /// `address` is the port for what both have in common.
    pub(crate) async fn vanish(&mut self, address: SocketAddr) -> Result<usize, Failure> {
        let place = self.turn % POINTS.len();
        // Every other round the connection is reset instead of closed.
        let is_reset = self.turn / POINTS.len() % 2 == 1;
        self.turn += 1;
        let wire = match POINTS[place] {
            Point::Greeting => return greet(address, 10, is_reset).await.map(|()| place),
            Point::Greeted => {
                let whole = GREETING.len();
                return greet(address, whole, is_reset).await.map(|()| place);
            }
            Point::Handshake => Wire::connect(address, Kind::Req).await?,
            Point::Frame => {
                let mut wire = Wire::connect(address, Kind::Req).await?;
                wire.write(b"\x01\0\x02\0\0\0\0\0\0\x10\0half").await?;
                wire
            }
            Point::Request => self.half_a_request().await?,
            Point::SignIn => {
                let body = self.minion.peer.sign_in(Map::new()).body;
                let mut wire = self.connect().await?;
                wire.send(&[b"", &body]).await?;
                wire
            }
            Point::Answer => self.half_an_answer().await?,
            Point::Subscription => self.minion.subscribe().await?,
        };
        if is_reset {
            wire.reset()?;
        }
        Ok(place)
    }

    async fn connect(&self) -> io::Result<Wire> {
        Wire::connect(self.minion.master().requests, Kind::Req).await
    }

    async fn half_a_request(&self) -> io::Result<Wire> {
        let mut wire = self.connect().await?;
        let mut half = b"\x01\0\x02".to_vec();
        half.extend_from_slice(&REQUEST_BYTES.to_be_bytes());
        half.resize(REQUEST_BYTES as usize / 2, 0);
        wire.write(&half).await?;
        Ok(wire)
    }

    async fn half_an_answer(&mut self) -> Result<Wire, Failure> {
        if !self.minion.peer.has_session() && self.minion.sign_in().await? != SignIn::Accepted {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
        }
        self.minion.hang_up();
        let load = Map::from([
            ("id", Value::str(&self.minion.peer.id)),
            ("path", Value::str(&self.path)),
            ("saltenv", Value::str("base")),
            ("loc", Value::from(0_u64)),
        ]);
        let now = clock::unix_seconds();
        let request = self.minion.peer.request("_serve_file", load, now)?;
        let mut wire = self.connect().await?;
        wire.send(&[b"", &request.body]).await?;
        wire.read(ANSWER_BYTES).await?;
        Ok(wire)
    }
}

/// Sends the first bytes of the greeting and disappears.
async fn greet(address: SocketAddr, bytes: usize, is_reset: bool) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&GREETING[..bytes]).await?;
    if is_reset {
        stream.set_zero_linger()?;
    }
    Ok(())
}
