//! The world as the master sees it: a clock, chance, ports and a disk, each behind a small trait.
//!
//! Built once in the main and handed down; [`real::world`] is the machine we run on, the simulator
//! brings its own. Whatever can take a value (`now`, a nonce) takes the value instead.

use std::fmt::Debug;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use storage::disk::Disk;
use tokio::net::{TcpListener, UnixListener};

pub mod real;

/// Everything outside the process, as handles.
#[derive(Debug, Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Ports.
    pub net: Arc<dyn Net>,
    /// Files.
    pub disk: Arc<dyn Disk>,
}

/// What waiting is: a future that ends when the time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and waits.
pub trait Clock: Send + Sync + Debug {
    /// Gives the wall clock's time; it may jump, also backwards.
    fn now(&self) -> Timestamp;

    /// Gives the time since some moment, by a clock that does not jump. What the two clocks differ
    /// in says by how much the wall clock did. The default is for wall clocks that never jump.
    fn steady(&self) -> Duration {
        Duration::from_micros(self.now().0)
    }

    /// Waits, by a clock that does not jump.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Gives randomness fit for keys.
pub trait Entropy: Send + Sync + Debug {
    /// Fills the bytes with chance.
    fn fill(&self, bytes: &mut [u8]);
}

/// Opens ports.
pub trait Net: Send + Sync + Debug {
    /// Listens on a TCP port. Must be called inside the runtime.
    fn listen(&self, address: SocketAddr) -> Result<TcpListener, ListenError>;

    /// Listens on a socket file with these permission bits, in place of one that nobody listens on
    /// any more. Must be called inside the runtime.
    fn listen_at(&self, path: &Path, mode: u32) -> Result<UnixListener, ListenError>;
}

/// A port or socket file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error(
        "{address} is in use by another program (often another master): stop that one, or change \
        {option} in the configuration; `ss -ltnp` shows who it is"
    )]
    AddressInUse {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// The options that move it.
        option: &'static str,
    },
    /// The address is not one of this machine's.
    #[error(
        "{address} is not an address of this machine: set interface to one that is, or 0.0.0.0"
    )]
    NotOurAddress {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// The port needs privileges.
    #[error(
        "no permission to listen on {address}: ports below 1024 need root; choose a higher one"
    )]
    NotPermitted {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// Somebody else listens on the socket file.
    #[error("{} is in use: another master runs with the same sock_dir; stop it, or change sock_dir",
        path.display())]
    SocketInUse {
        /// The socket file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot listen on {place}: {source}")]
    Other {
        /// Where we wanted to listen.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
}
