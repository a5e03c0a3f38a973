//! Connections that misbehave while the minions work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minion_protocol::zmtp::GREETING;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock;
use crate::crowd::{self, CrowdError};
use crate::flags::{Flags, Mischief};
use crate::vanishing::{POINTS, Vanisher};

/// How long a stranger that stalls stays before it looks whether it was thrown out.
const STALL: Duration = Duration::from_secs(1);

/// Bytes of one burst of rubbish.
const RUBBISH_BYTES: usize = 4096;

/// What the ids of strangers begin with that show one.
const PREFIX: &str = "stranger-";

/// The READY command of a REQ socket.
const READY: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ";

/// Strangers at work; dropping this ends them.
#[derive(Debug)]
pub(crate) struct Strangers {
    _tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    vanished: [AtomicU64; POINTS.len()],
}

/// One of them.
struct Stranger {
    index: usize,
    how: Mischief,
    address: SocketAddr,
    vanisher: Vanisher,
}

impl Strangers {
    /// Lets them loose on both ports.
    pub(crate) fn start(flags: &Flags) -> Result<Self, CrowdError> {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        let minions = crowd::members(flags, PREFIX, flags.strangers)?;
        // All of them together keep to the rate, evenly.
        let between = Duration::try_from_secs_f64(1.0 / flags.stranger_rate);
        let between = between.unwrap_or(Duration::MAX);
        let count = u32::try_from(flags.strangers).unwrap_or(u32::MAX);
        for (index, minion) in minions.into_iter().enumerate() {
            let port = match index % 2 {
                0 => flags.ret_port,
                _ => flags.publish_port,
            };
            let stranger = Stranger {
                index,
                how: flags.mischief,
                address: SocketAddr::new(flags.master, port),
                vanisher: Vanisher::new(minion, flags.path.clone(), index),
            };
            let first = between.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
            let each = between.saturating_mul(count);
            tasks.spawn(stranger.live(first, each, Arc::clone(&counts)));
        }
        Ok(Self {
            _tasks: tasks,
            counts,
        })
    }

    /// How many connections they have opened.
    pub(crate) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How often they got as far as they meant to before they disappeared, by where that was.
    pub(crate) fn vanished(&self) -> Value {
        let counts = POINTS.iter().zip(&self.counts.vanished);
        let shown = counts.map(|(point, count)| {
            let count = count.load(Ordering::Relaxed);
            (point.name().to_owned(), json!(count))
        });
        Value::Object(shown.collect())
    }
}

impl Stranger {
    async fn live(mut self, first: Duration, each: Duration, counts: Arc<Counts>) {
        clock::pause(first).await;
        loop {
            let began = clock::now();
            counts.connections.fetch_add(1, Ordering::Relaxed);
            // Whatever the master does about it is what we are here to see.
            if self.how == Mischief::Vanish {
                if let Ok(point) = self.vanisher.vanish(self.address).await {
                    counts.vanished[point].fetch_add(1, Ordering::Relaxed);
                }
            } else if let Ok(stream) = TcpStream::connect(self.address).await {
                let _ = misbehave(self.how, stream, self.index).await;
            }
            clock::pause(each.saturating_sub(began.elapsed())).await;
        }
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
        // These disappear elsewhere.
        Mischief::Vanish => Ok(()),
    }
}
