//! The ROUTER on 4506: requests in, each answered once, in order, on the connection it came from.
//!
//! Nothing is routed by identity. A reply whose connection has ended is dropped. Whoever takes the
//! requests slows the senders down by not taking them: no queue here grows without end.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use minion_protocol::Reply;
use minion_protocol::zmtp::{Requester, RequesterEvent, ReturnPath, Role};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::admission::{Admission, ByteBudget, Held, Limits, Place};
use super::outlet::{Answer, Outlet};
use super::refusals::{Refusals, Refused};
use super::{
    READ_BYTES, READ_BYTES_LARGE, accept, count_end, count_handshake, greet, invalid, read_more,
};
use crate::limits::INCOMING_MAX;

/// Requests up to this size are copied out of what was read, and the next one is read where they
/// were: a copy is cheaper than another buffer.
const COPIED_REQUEST_BYTES: usize = 1024;

/// Answers up to this size are copied behind their head and written as one piece.
const COPIED_BYTES: usize = 8 * 1024;

/// One connection's number; never used twice while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A request that wants an answer.
#[derive(Debug)]
pub struct Incoming {
    /// Where it came from.
    pub peer: SocketAddr,
    /// The connection it came on.
    pub connection: ConnectionId,
    /// The envelope's bytes.
    pub body: Bytes,
    /// The way to answer.
    pub reply: ReplyHandle,
}

/// The way to answer past the connection's task: for a peer that has one request at a time, since
/// nothing else can be due before its answer.
#[derive(Debug)]
struct Direct {
    outlet: Weak<Outlet>,
    turn: u64,
    path: ReturnPath,
}

/// The right to answer one request. Dropped unused, it answers with the text of a master in
/// trouble, so that no peer waits for its timeout.
#[derive(Debug)]
pub struct ReplyHandle {
    sender: oneshot::Sender<Answer>,
    direct: Option<Direct>,
    since: Instant,
    _held: Held,
    _permits: [OwnedSemaphorePermit; 2],
}

impl ReplyHandle {
    /// Answers. Does nothing if the connection has ended.
    pub fn send(self, reply: Vec<u8>) {
        let Some(direct) = self.direct else {
            // The error is the answer itself: nobody is there to read it.
            drop(self.sender.send(Answer::Whole(reply, None)));
            return;
        };
        if let Some(outlet) = direct.outlet.upgrade() {
            outlet.answer(direct.turn, encoded(&direct.path, reply), self.sender);
        }
    }

    /// Answers, and says whether the whole answer was given to the connection's socket.
    pub async fn send_and_wait(self, reply: Vec<u8>) -> bool {
        let (written, is_written) = oneshot::channel();
        let answer = Answer::Whole(reply, Some(written));
        self.sender.send(answer).is_ok() && is_written.await.is_ok()
    }

    /// Says whether nobody waits for the answer, so that work on it is lost: the connection has
    /// ended, or its peer takes one answer at a time and has asked again.
    pub fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }

    /// As [`ReplyHandle::is_abandoned`]; and whether the request has waited for its turn as long as
    /// nobody waits for an answer.
    pub fn is_given_up(&self, patience: Duration) -> bool {
        self.is_abandoned() || self.since.elapsed() >= patience
    }
}

/// Gives the parts of an answer as they go on the wire; a small one is one part.
fn encoded(path: &ReturnPath, reply: Vec<u8>) -> impl Iterator<Item = Bytes> + use<> {
    let (head, body) = if reply.len() <= COPIED_BYTES {
        (path.encode_reply(&reply), None)
    } else {
        let mut head = BytesMut::new();
        path.encode_head(reply.len(), &mut head);
        (head, Some(Bytes::from(reply)))
    };
    std::iter::once(head.freeze()).chain(body)
}

/// Serves 4506.
#[derive(Debug)]
pub struct RequestServer {
    limits: Arc<Limits>,
    admission: Admission,
    budget: ByteBudget,
    outstanding: Arc<Semaphore>,
    incoming: mpsc::Sender<Incoming>,
    refusals: Arc<Refusals>,
}

impl RequestServer {
    /// Begins to serve. Dropping the receiver ends the server and its connections.
    pub fn start(
        listener: TcpListener,
        limits: Limits,
        refusals: Arc<Refusals>,
    ) -> mpsc::Receiver<Incoming> {
        let (incoming, receiver) = mpsc::channel(INCOMING_MAX);
        let limits = Arc::new(limits);
        let server = Arc::new(Self {
            admission: Admission::new(limits.clone()),
            budget: ByteBudget::new(limits.large_requests_bytes_max),
            outstanding: Arc::new(Semaphore::new(limits.outstanding_max)),
            limits,
            incoming,
            refusals,
        });
        tokio::spawn(server.accept_all(listener));
        receiver
    }

    async fn accept_all(self: Arc<Self>, listener: TcpListener) {
        for number in 0u64.. {
            let (stream, peer) = tokio::select! {
                accepted = accept(&listener) => accepted,
                () = self.incoming.closed() => return,
            };
            let Some(place) = self.admission.admit(peer.ip()) else {
                self.refusals
                    .count(Refused::Connection, peer, &"no place for another");
                continue;
            };
            let server = self.clone();
            tokio::spawn(async move {
                let ended = tokio::select! {
                    ended = server.serve(stream, peer, ConnectionId(number), &place) => ended,
                    () = server.incoming.closed() => return,
                };
                if let Err(error) = ended {
                    count_end(&error, peer, &server.refusals);
                }
                drop(place);
            });
        }
    }

    async fn serve(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        id: ConnectionId,
        place: &Place,
    ) -> io::Result<()> {
        let mut input = BytesMut::new();
        let greeted = greet(&mut stream, &mut input, Role::Router, &self.limits).await;
        let greeted = greeted.map_err(|error| count_handshake(&error, peer, &self.refusals))?;
        let (reader, writer) = stream.into_split();
        let outlet = Arc::new(Outlet::new(writer));
        let connection = Connection {
            server: self,
            place,
            peer,
            outlet: Arc::clone(&outlet),
            is_req: greeted.is_req,
            id,
            requester: Requester::new(self.limits.request_bytes_max),
            input,
            held: self.budget.hold_nothing(),
            unanswered: VecDeque::new(),
            told: Vec::new(),
        };
        let ended = connection.run(reader).await;
        if let Some(outlet) = Arc::into_inner(outlet) {
            outlet.end();
        }
        ended
    }
}

struct Connection<'a> {
    server: &'a RequestServer,
    place: &'a Place,
    peer: SocketAddr,
    outlet: Arc<Outlet>,
    /// Whether an answer counts only if it is to the last request.
    is_req: bool,
    id: ConnectionId,
    requester: Requester,
    input: BytesMut,
    /// What the unfinished request at the end of `input` takes of the budget.
    held: Held,
    unanswered: VecDeque<(ReturnPath, oneshot::Receiver<Answer>)>,
    /// Who is told when what waits to be written is written.
    told: Vec<oneshot::Sender<()>>,
}

impl Connection<'_> {
    async fn run(mut self, mut reader: OwnedReadHalf) -> io::Result<()> {
        let stall = self.server.limits.stall_timeout;
        let mut output = BytesMut::new();
        loop {
            self.take_requests(&mut output).await?;
            let signs_of_life = (!output.is_empty()).then(|| output.split().freeze());
            self.outlet.send(signs_of_life, stall).await?;
            for written in self.told.drain(..) {
                // Whoever asked may be gone.
                let _ = written.send(());
            }
            let may_read = self.may_read();
            let is_partial = !self.input.is_empty();
            let read = async {
                let more = read_more(&mut reader, &mut self.input, READ_BYTES);
                match is_partial {
                    true => timeout(stall, more).await.map_err(io::Error::from)?,
                    false => more.await,
                }
            };
            tokio::select! {
                answer = first(&mut self.unanswered) => self.take_answer(answer.ok()),
                read = read, if may_read => {
                    read?;
                    if !self.held.resize(self.input.len()) {
                        return Err(io::Error::other("too many large requests at once"));
                    }
                }
            }
        }
    }

    /// Puts the answer that is due in line; it is written at the next round. Without one the peer
    /// hears of a master in trouble.
    fn take_answer(&mut self, answer: Option<Answer>) {
        let Some((path, _)) = self.unanswered.pop_front() else {
            return;
        };
        match answer.unwrap_or_else(|| Answer::Whole(Reply::broken(), None)) {
            // It stands there already.
            Answer::Begun => {}
            Answer::Whole(reply, written) => {
                self.outlet.put(encoded(&path, reply));
                self.told.extend(written);
            }
        }
    }

    /// A peer that asks on without hearing the answers waits; one that takes the last answer alone
    /// has no more than one request.
    fn may_read(&self) -> bool {
        self.is_req || self.unanswered.len() < self.server.limits.outstanding_per_connection_max
    }

    async fn take_requests(&mut self, output: &mut BytesMut) -> io::Result<()> {
        while self.may_read() {
            match self
                .requester
                .next(&mut self.input, output)
                .map_err(invalid)?
            {
                Some(RequesterEvent::Request { path, body }) => {
                    self.submit(path, on_its_own(body)).await?;
                }
                Some(RequesterEvent::Alive) => {}
                None => break,
            }
        }
        if self.input.is_empty() && self.input.capacity() > READ_BYTES_LARGE {
            // The room of a large request is not kept for the small ones that follow.
            self.input = BytesMut::new();
        }
        Ok(())
    }

    async fn submit(&mut self, path: ReturnPath, body: Bytes) -> io::Result<()> {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        // The address first: who waits for its own turn holds nothing that others need.
        let of_address = self.place.outstanding().clone();
        let of_address = of_address.acquire_owned().await.map_err(|_| closed())?;
        let of_all = self.server.outstanding.clone();
        let of_all = of_all.acquire_owned().await.map_err(|_| closed())?;
        let (sender, receiver) = oneshot::channel();
        let direct = self.is_req.then(|| Direct {
            outlet: Arc::downgrade(&self.outlet),
            turn: self.outlet.next_turn(),
            path: path.clone(),
        });
        let reply = ReplyHandle {
            sender,
            direct,
            since: Instant::now(),
            _held: self.held.split(),
            _permits: [of_address, of_all],
        };
        let incoming = Incoming {
            peer: self.peer,
            connection: self.id,
            body,
            reply,
        };
        let sent = self.server.incoming.send(incoming).await;
        sent.map_err(|_| closed())?;
        if self.is_req {
            // Nobody reads the answers to what was asked before.
            self.unanswered.clear();
        }
        self.unanswered.push_back((path, receiver));
        Ok(())
    }
}

/// Gives a small request memory of its own: the next one is read where it was.
fn on_its_own(body: Bytes) -> Bytes {
    if body.len() <= COPIED_REQUEST_BYTES {
        Bytes::copy_from_slice(&body)
    } else {
        body
    }
}

/// Waits for the answer that is due next; for ever if none is.
async fn first(
    unanswered: &mut VecDeque<(ReturnPath, oneshot::Receiver<Answer>)>,
) -> Result<Answer, oneshot::error::RecvError> {
    match unanswered.front_mut() {
        Some((_, receiver)) => receiver.await,
        None => pending().await,
    }
}
