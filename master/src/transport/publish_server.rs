//! The PUB on 4505: one body to many subscribers, none of whom can slow another down.
//!
//! What waits for a subscriber is bounded in messages and in bytes; beyond that it loses messages,
//! as with libzmq. A subscriber that gives no sign of life is disconnected.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use minion_protocol::zmtp::{Role, Subscriber, SubscriberEvent, encode_ping, publication_head};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, timeout_at};

use super::admission::{Admission, Limits};
use super::refusals::{Refusals, Refused};
use super::{
    READ_BYTES_OF_SUBSCRIBER, accept, count_end, count_handshake, greet, invalid, read_more,
};
use crate::limits::{PONG_BYTES_MAX, SUBSCRIBER_CHANGES_MAX};

/// Places for messages that a subscriber's empty queue keeps: what a burst took from thousands of
/// them is given back.
const PLACES_KEPT: usize = 4;

/// A subscriber came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberChange {
    /// It has subscribed to something: from now on it hears.
    Appeared(SocketAddr),
    /// Its connection ended.
    Disappeared(SocketAddr),
}

/// What became of one publication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Messages on their way.
    pub queued: usize,
    /// Messages lost because their subscriber is too slow.
    pub dropped: usize,
}

/// Serves 4505. Clones are handles of the same server; dropping the last ends it.
#[derive(Debug, Clone)]
pub struct PublishServer {
    shared: Arc<Shared>,
    // Dropped with the last handle, which the tasks notice.
    _stop: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct Shared {
    limits: Arc<Limits>,
    admission: Admission,
    subscribers: Mutex<HashMap<u64, Arc<Outbox>>>,
    changes: broadcast::Sender<SubscriberChange>,
    refusals: Arc<Refusals>,
}

impl PublishServer {
    /// Begins to serve.
    pub fn start(listener: TcpListener, limits: Limits, refusals: Arc<Refusals>) -> Self {
        let (stop, stopped) = watch::channel(());
        let limits = Arc::new(limits);
        let shared = Arc::new(Shared {
            admission: Admission::new(limits.clone()),
            limits,
            subscribers: Mutex::default(),
            changes: broadcast::channel(SUBSCRIBER_CHANGES_MAX).0,
            refusals,
        });
        tokio::spawn(shared.clone().accept_all(listener, stopped));
        Self {
            shared,
            _stop: Arc::new(stop),
        }
    }

    /// Sends `body` to whom it concerns; without topics to everybody who subscribed to its first
    /// bytes, else once per topic. Never waits. The order of calls is the order on each wire, so
    /// calls with rising serials must come from one owner.
    pub fn publish(&self, topics: &[String], body: &Bytes) -> Published {
        let message = |topic: Option<&String>| Message {
            head: publication_head(topic.map(String::as_bytes), body.len()),
            body: body.clone(),
        };
        let messages: Vec<(&[u8], Message)> = match topics {
            [] => vec![(&body[..], message(None))],
            topics => {
                let topics = topics.iter();
                topics
                    .map(|topic| (topic.as_bytes(), message(Some(topic))))
                    .collect()
            }
        };
        let mut published = Published::default();
        for outbox in lock(&self.shared.subscribers).values() {
            outbox.push_matching(&messages, &self.shared.limits, &mut published);
        }
        published
    }

    /// Gives the address of every connection that is subscribed to something.
    pub fn subscribers(&self) -> Vec<SocketAddr> {
        let subscribers = lock(&self.shared.subscribers);
        let listening = subscribers
            .values()
            .filter(|outbox| lock(&outbox.queue).has_subscribed);
        listening.map(|outbox| outbox.peer).collect()
    }

    /// Gives the comings and goings from now on.
    pub fn changes(&self) -> broadcast::Receiver<SubscriberChange> {
        self.shared.changes.subscribe()
    }
}

impl Shared {
    async fn accept_all(self: Arc<Self>, listener: TcpListener, mut stopped: watch::Receiver<()>) {
        for number in 0u64.. {
            let (stream, peer) = tokio::select! {
                accepted = accept(&listener) => accepted,
                _ = stopped.changed() => return,
            };
            let Some(place) = self.admission.admit(peer.ip()) else {
                self.refusals
                    .count(Refused::Connection, peer, &"no place for another");
                continue;
            };
            let (shared, mut stopped) = (self.clone(), stopped.clone());
            tokio::spawn(async move {
                let outbox = Arc::new(Outbox::new(peer));
                let ended = tokio::select! {
                    ended = shared.serve(stream, number, &outbox) => ended,
                    _ = stopped.changed() => Ok(()),
                };
                lock(&shared.subscribers).remove(&number);
                if lock(&outbox.queue).has_subscribed {
                    shared.announce(SubscriberChange::Disappeared(peer));
                }
                if let Err(error) = ended {
                    count_end(&error, peer, &shared.refusals);
                }
                drop(place);
            });
        }
    }

    async fn serve(
        &self,
        mut stream: TcpStream,
        number: u64,
        outbox: &Arc<Outbox>,
    ) -> io::Result<()> {
        let mut input = BytesMut::new();
        let greeted = greet(&mut stream, &mut input, Role::Publisher, &self.limits).await;
        greeted.map_err(|error| count_handshake(&error, outbox.peer, &self.refusals))?;
        let (reader, writer) = stream.into_split();
        lock(&self.subscribers).insert(number, outbox.clone());
        tokio::select! {
            ended = self.listen(reader, input, outbox) => ended,
            ended = outbox.drain(writer) => ended,
        }
    }

    /// Reads what a subscriber wants, and asks it for signs of life.
    async fn listen(
        &self,
        mut reader: OwnedReadHalf,
        mut input: BytesMut,
        outbox: &Outbox,
    ) -> io::Result<()> {
        let mut subscriber = Subscriber::new();
        let mut output = BytesMut::new();
        loop {
            while let Some(event) = subscriber.next(&mut input, &mut output).map_err(invalid)? {
                if event == SubscriberEvent::Subscriptions && outbox.subscribe(&subscriber) {
                    self.announce(SubscriberChange::Appeared(outbox.peer));
                }
            }
            outbox.push_pong(output.split())?;
            let ask_at = Instant::now() + self.limits.heartbeat_interval;
            let more = read_more(&mut reader, &mut input, READ_BYTES_OF_SUBSCRIBER);
            match timeout_at(ask_at, more).await {
                Ok(read) => {
                    read?;
                    outbox.show_life();
                }
                Err(_) if outbox.is_silent_since(self.limits.heartbeat_timeout) => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(_) => outbox.push_ping(),
            }
        }
    }

    fn announce(&self, change: SubscriberChange) {
        // The error says that nobody listens, which is allowed.
        drop(self.changes.send(change));
    }
}

/// One message on the wire: its own few bytes, and the body everybody shares.
#[derive(Debug, Clone, Default)]
struct Message {
    head: Bytes,
    body: Bytes,
}

impl Message {
    fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// What waits for one subscriber.
#[derive(Debug)]
struct Outbox {
    peer: SocketAddr,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    prefixes: Vec<Bytes>,
    has_subscribed: bool,
    is_asked: bool,
    pongs: BytesMut,
    alive_at: Instant,
}

impl Outbox {
    fn new(peer: SocketAddr) -> Self {
        let queue = Queue {
            messages: VecDeque::new(),
            bytes: 0,
            prefixes: Vec::new(),
            has_subscribed: false,
            is_asked: false,
            pongs: BytesMut::new(),
            alive_at: Instant::now(),
        };
        Self {
            peer,
            queue: Mutex::new(queue),
            filled: Notify::new(),
        }
    }

    /// Takes over the subscriptions; true the first time there are any.
    fn subscribe(&self, subscriber: &Subscriber) -> bool {
        let mut queue = lock(&self.queue);
        queue.prefixes = subscriber.prefixes().to_vec();
        let is_first = !queue.has_subscribed && !queue.prefixes.is_empty();
        queue.has_subscribed |= is_first;
        is_first
    }

    fn push_matching(
        &self,
        messages: &[(&[u8], Message)],
        limits: &Limits,
        published: &mut Published,
    ) {
        let mut queue = lock(&self.queue);
        for (first_frame, message) in messages {
            let is_wanted = |prefix: &Bytes| first_frame.starts_with(prefix);
            if !queue.prefixes.iter().any(is_wanted) {
                continue;
            }
            let is_full = queue.messages.len() >= limits.subscriber_messages_max
                || queue.bytes.saturating_add(message.len()) > limits.subscriber_bytes_max;
            if is_full && !queue.messages.is_empty() {
                published.dropped += 1;
                continue;
            }
            queue.bytes += message.len();
            queue.messages.push_back(message.clone());
            published.queued += 1;
        }
        drop(queue);
        self.filled.notify_one();
    }

    fn push_ping(&self) {
        lock(&self.queue).is_asked = true;
        self.filled.notify_one();
    }

    fn push_pong(&self, pong: BytesMut) -> io::Result<()> {
        if pong.is_empty() {
            return Ok(());
        }
        let mut queue = lock(&self.queue);
        if queue.pongs.len() + pong.len() > PONG_BYTES_MAX {
            return Err(io::Error::other("pings without reading the answers"));
        }
        queue.pongs.unsplit(pong);
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    fn show_life(&self) {
        lock(&self.queue).alive_at = Instant::now();
    }

    fn is_silent_since(&self, patience: std::time::Duration) -> bool {
        lock(&self.queue).alive_at.elapsed() >= patience
    }

    /// Writes what waits, for ever. A message that goes out piece by piece is a sign of life too:
    /// the peer takes it, on a thin line. One that goes out whole only shows that the kernel has
    /// room.
    async fn drain(&self, mut writer: OwnedWriteHalf) -> io::Result<()> {
        loop {
            let Some(mut message) = self.next() else {
                self.filled.notified().await;
                continue;
            };
            while message.len() > 0 {
                let mut whole = (&mut message.head).chain(&mut message.body);
                if writer.write_buf(&mut whole).await? == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                if message.len() > 0 {
                    self.show_life();
                }
            }
        }
    }

    /// Takes the next message; signs of life go first.
    fn next(&self) -> Option<Message> {
        let mut queue = lock(&self.queue);
        let mut head = queue.pongs.split();
        if std::mem::take(&mut queue.is_asked) {
            head.extend_from_slice(&encode_ping());
        }
        if !head.is_empty() {
            let head = head.freeze();
            return Some(Message {
                head,
                body: Bytes::new(),
            });
        }
        let message = queue.messages.pop_front()?;
        queue.bytes -= message.len();
        if queue.messages.is_empty() && queue.messages.capacity() > PLACES_KEPT {
            queue.messages = VecDeque::new();
        }
        Some(message)
    }
}

/// A lock that a panic elsewhere cannot take from us: what it guards is whole between statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_that_was_sent_leaves_no_memory_behind() {
        let outbox = Outbox::new(([127, 0, 0, 1], 1).into());
        lock(&outbox.queue).prefixes = vec![Bytes::new()];
        let message = Message {
            head: Bytes::from_static(b"head"),
            body: Bytes::from_static(b"body"),
        };
        let messages = vec![(&b"body"[..], message); 500];
        let mut published = Published::default();
        outbox.push_matching(&messages, &Limits::default(), &mut published);
        assert_eq!((published.queued, lock(&outbox.queue).bytes), (500, 4000));
        let sent = std::iter::from_fn(|| outbox.next()).count();
        let queue = lock(&outbox.queue);
        assert_eq!((sent, queue.bytes, queue.messages.capacity()), (500, 0, 0));
    }
}
