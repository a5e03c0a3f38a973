//! The machine we run on: the only place of the master that asks the operating system for time,
//! chance and ports. Files are `storage::disk::RealDisk`.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use model::Timestamp;
use socket2::{Domain, Protocol, Socket, Type};
use storage::disk::RealDisk;
use tokio::net::{TcpListener, UnixListener};

use super::{Clock, Entropy, ListenError, Net, Sleep, World};
use crate::limits::BACKLOG;

/// Gives the real world.
pub fn world() -> World {
    World {
        clock: Arc::new(RealClock::new()),
        entropy: Arc::new(RealEntropy),
        net: Arc::new(RealNet),
        disk: Arc::new(RealDisk),
    }
}

/// The system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    began: Instant,
}

impl RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
    fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn steady(&self) -> Duration {
        self.began.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the home of waiting")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Holds this thread up for a moment, or until another one unparks it.
pub fn rest(duration: Duration) {
    std::thread::park_timeout(duration);
}

/// The system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct RealEntropy;

impl Entropy for RealEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        openssl::rand::rand_bytes(bytes).expect("a system without randomness must not make keys");
    }
}

/// The system's ports.
#[derive(Debug, Clone, Copy)]
pub struct RealNet;

impl Net for RealNet {
    fn listen(&self, address: SocketAddr) -> Result<TcpListener, ListenError> {
        bind(address)
            .and_then(TcpListener::from_std)
            .map_err(|source| refusal(address, source))
    }

    fn listen_at(&self, path: &Path, mode: u32) -> Result<UnixListener, ListenError> {
        let failed = |source| ListenError::Other {
            place: path.display().to_string(),
            source,
        };
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => {
                return Err(ListenError::SocketInUse {
                    path: path.to_owned(),
                });
            }
            // Left behind by a master that was killed.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                remove(path).map_err(failed)?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).map_err(failed)?;
        Ok(listener)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a socket file is a port, not a file"
)]
fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

fn bind(address: SocketAddr) -> io::Result<StdTcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restarted master must not wait for the connections of the one before to time out.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `interface: '::'` serves both families, as in Salt.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn refusal(address: SocketAddr, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::AddressInUse {
            address,
            option: "interface, publish_port or ret_port",
        },
        io::ErrorKind::AddrNotAvailable => ListenError::NotOurAddress { address },
        io::ErrorKind::PermissionDenied => ListenError::NotPermitted { address },
        _ => ListenError::Other {
            place: address.to_string(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_the_next_step() {
        // An address of its own: a port of 127.0.0.1 may be somebody's as soon as it is free.
        let first = RealNet.listen("127.77.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = RealNet.listen(address).unwrap_err();
        assert!(matches!(error, ListenError::AddressInUse { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&address.to_string()) && text.contains("publish_port"),
            "{text}"
        );
        drop(first);
        RealNet.listen(address).unwrap();
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // 192.0.2.0/24 is kept for documentation.
        let error = RealNet
            .listen("192.0.2.1:4505".parse().unwrap())
            .unwrap_err();
        assert!(
            matches!(error, ListenError::NotOurAddress { .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_socket_file_left_behind_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("api.sock");
        let listener = RealNet.listen_at(&path, 0o600).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = RealNet.listen_at(&path, 0o600).unwrap_err();
        assert!(matches!(error, ListenError::SocketInUse { .. }), "{error}");
        drop(listener);
        RealNet.listen_at(&path, 0o600).unwrap();
    }

    #[test]
    fn chance_is_not_all_zero() {
        let mut bytes = [0; 32];
        RealEntropy.fill(&mut bytes);
        assert_ne!(bytes, [0; 32]);
    }
}
