//! The two ports minions know: 4506 for requests, 4505 for publications. Bytes only.
//!
//! Here connections are admitted, bounded, kept alive and ended; what the bytes mean is
//! `minion-protocol`'s business. A peer can be wrong in any way it likes: it loses its own
//! connection and nobody else notices. Time is taken from the runtime's timers only.

mod admission;
mod outlet;
mod pace;
mod publish_server;
mod refusals;
mod request_server;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use minion_protocol::zmtp::{Handshake, Peer, Role, opening};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::limits::{BACKLOG, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_RETRIES};

pub use admission::Limits;
pub use pace::Pace;
pub use publish_server::{PublishServer, Published, SubscriberChange};
pub use refusals::{Refusals, Refused};
pub use request_server::{ConnectionId, Incoming, ReplyHandle, RequestServer};

/// Bytes read at once while a message is small, and at most while it is large.
const READ_BYTES: usize = 2 * 1024;
const READ_BYTES_LARGE: usize = 64 * 1024;

/// Bytes read at once from a subscriber, who has little to say: each has this room while it
/// listens.
const READ_BYTES_OF_SUBSCRIBER: usize = 128;

/// A port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody listens there already.
    #[error(
        "{address} is in use by another process; stop it (`ss -ltnp` names it) or change \
         `publish_port`, `ret_port` or `interface`"
    )]
    InUse {
        /// The address wanted.
        address: SocketAddr,
    },
    /// No network interface of this machine has the address.
    #[error("{address} is not an address of this machine; set `interface` to one that is")]
    NotOurs {
        /// The address wanted.
        address: SocketAddr,
    },
    /// The operating system refused otherwise.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address wanted.
        address: SocketAddr,
        /// What it said.
        source: io::Error,
    },
}

/// Opens a port for one of the two servers. An IPv6 wildcard serves IPv4 too.
///
/// # Errors
/// The address is in use, not ours, or otherwise refused.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address },
        io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
        _ => ListenError::Other { address, source },
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // After a restart the port must not wait for connections of before to be forgotten.
    socket.set_reuse_address(true)?;
    tune(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Waits for the next connection, for ever.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // Out of descriptors, most likely: those that exist must end before new ones can begin.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                pause(Duration::from_millis(50)).await;
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a full descriptor table gives no sign when it has room again"
)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Sets what all connections have in common, once: those that are accepted have it from the socket
/// that listens.
fn tune(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)
}

/// A handshake that did not come to its end.
enum Unshaken {
    /// The peer closed before its first byte.
    Silent(io::Error),
    /// It had said something, or let the time run out.
    Broken(io::Error),
}

/// Takes a connection through the handshake. What we have to say goes first: libzmq waits for it.
async fn greet(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    role: Role,
    limits: &Limits,
) -> Result<Peer, Unshaken> {
    let mut has_spoken = false;
    let shaken = async {
        stream.write_all_buf(&mut opening(role)).await?;
        let mut handshake = Handshake::new(role);
        loop {
            match handshake.advance(input).map_err(invalid)? {
                Some(peer) => return Ok(peer),
                None => read_more(stream, input, room_for(role)).await?,
            }
            has_spoken = true;
        }
    };
    match tokio::time::timeout(limits.handshake_timeout, shaken).await {
        Ok(Ok(peer)) => Ok(peer),
        Ok(Err(error)) if has_spoken => Err(Unshaken::Broken(error)),
        Ok(Err(error)) => Err(Unshaken::Silent(error)),
        Err(_) => Err(Unshaken::Broken(io::ErrorKind::TimedOut.into())),
    }
}

/// Gives how many bytes a peer of this socket usually has to say.
fn room_for(role: Role) -> usize {
    match role {
        Role::Router => READ_BYTES,
        Role::Publisher => READ_BYTES_OF_SUBSCRIBER,
    }
}

/// Reads what has arrived. Room is made for what there usually is, and for as much again as is
/// there, never for what a peer claims to send.
async fn read_more<R>(reader: &mut R, input: &mut BytesMut, usual: usize) -> io::Result<()>
where
    R: tokio::io::AsyncRead + Unpin,
{
    input.reserve(input.len().clamp(usual, READ_BYTES_LARGE));
    match reader.read_buf(input).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn invalid(error: minion_protocol::zmtp::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Counts a connection that ended badly. One that was merely cut off is nobody's fault.
fn count_end(error: &io::Error, peer: SocketAddr, refusals: &Refusals) {
    let what = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::Other => Refused::Frame,
        io::ErrorKind::TimedOut => Refused::Stall,
        _ => {
            tracing::debug!(%peer, %error, "connection ended");
            return;
        }
    };
    refusals.count(what, peer, error);
}

/// Counts a handshake that did not come to its end. Who closes without a word may be a minion that
/// tests whether a master listens (3006 and later do) or a scanner.
fn count_handshake(unshaken: &Unshaken, peer: SocketAddr, refusals: &Refusals) -> io::Error {
    let (what, error) = match unshaken {
        Unshaken::Silent(error) => (Refused::Knock, error),
        Unshaken::Broken(error) => (Refused::Handshake, error),
    };
    refusals.count(what, peer, error);
    io::ErrorKind::ConnectionAborted.into()
}

#[cfg(test)]
mod tests;
