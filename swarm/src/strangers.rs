//! Connections that misbehave while the minions work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minion_protocol::zmtp::GREETING;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock;
use crate::flags::{Flags, Mischief};

/// Between two bursts of one stranger.
const BURST: Duration = Duration::from_millis(20);

/// How long a stranger that stalls stays before it looks whether it was thrown out.
const STALL: Duration = Duration::from_secs(1);

/// Bytes of one burst of rubbish.
const RUBBISH_BYTES: usize = 4096;

/// The READY command of a REQ socket.
const READY: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ";

/// Strangers at work; dropping this ends them.
#[derive(Debug)]
pub(crate) struct Strangers {
    _tasks: JoinSet<()>,
    connections: Arc<AtomicU64>,
}

impl Strangers {
    /// Lets them loose on both ports.
    pub(crate) fn start(flags: &Flags) -> Self {
        let connections = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for index in 0..flags.strangers {
            let port = match index % 2 {
                0 => flags.ret_port,
                _ => flags.publish_port,
            };
            let address = SocketAddr::new(flags.master, port);
            let (mischief, connections) = (flags.mischief, Arc::clone(&connections));
            tasks.spawn(async move {
                loop {
                    if let Ok(stream) = TcpStream::connect(address).await {
                        connections.fetch_add(1, Ordering::Relaxed);
                        // Whatever the master does about it is what we are here to see.
                        let _ = misbehave(mischief, stream, index).await;
                    }
                    clock::pause(BURST).await;
                }
            });
        }
        Self {
            _tasks: tasks,
            connections,
        }
    }

    /// How many connections they have opened.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn misbehave(how: Mischief, mut stream: TcpStream, index: usize) -> std::io::Result<()> {
    match how {
        Mischief::Rubbish => {
            let mut rubbish = vec![0; RUBBISH_BYTES];
            openssl::rand::rand_bytes(&mut rubbish)?;
            // Every other one gets past the greeting.
            if index % 4 < 2 {
                stream.write_all(&GREETING).await?;
                stream.write_all(READY).await?;
            }
            stream.write_all(&rubbish).await
        }
        Mischief::Stall => {
            stream.write_all(&GREETING[..10]).await?;
            if index % 4 < 2 {
                stream.write_all(&GREETING[10..]).await?;
                stream.write_all(READY).await?;
                // A message of a megabyte of which nothing more comes.
                stream.write_all(b"\x02\0\0\0\0\0\x10\0\0half").await?;
            }
            loop {
                clock::pause(STALL).await;
                stream.writable().await?;
                if stream.peer_addr().is_err()
                    || stream.try_read(&mut [0; 256]).is_ok_and(|n| n == 0)
                {
                    return Ok(());
                }
            }
        }
        Mischief::Vanish => {
            stream.write_all(&GREETING).await?;
            stream.write_all(READY).await?;
            stream.write_all(b"\x01\0\x02\0\0\0\0\0\0\x10\0half").await
        }
    }
}
