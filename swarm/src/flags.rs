//! The swarm's flags; each doc comment is its manual.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use minion_protocol::Version;
use model::{Grains, Map};

/// Grains of a minion, where none are given.
const GRAINS: &str = r#"{"os": "Simulated"}"#;

/// Plays many minions against any Salt master and measures what it does.
///
/// The minions have real keys and check every answer as real minions do. Point it only at a master
/// of your own: it is a load.
#[derive(Debug, Clone, Parser)]
#[command(name = "brine swarm", disable_version_flag = true)]
pub(crate) struct Flags {
    /// What the minions do.
    #[arg(long, value_enum, default_value_t = Mode::Auth)]
    pub(crate) mode: Mode,
    /// How many minions there are.
    #[arg(long, short = 'n', default_value_t = 100)]
    pub(crate) minions: usize,
    /// How many of them work at the same moment.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) at_once: usize,
    /// How often each minion does it.
    #[arg(long, default_value_t = 10)]
    pub(crate) count: u64,
    /// Goes on this many seconds instead of counting; `idle` and `ping` need it.
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<f64>,
    /// All minions together do no more than this many a second.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// The request protocol the minions speak.
    #[arg(long, value_enum, default_value_t = Protocol::V3)]
    pub(crate) protocol: Protocol,
    /// The master's address.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) master: IpAddr,
    /// The master's publish_port.
    #[arg(long, default_value_t = 4505)]
    pub(crate) publish_port: u16,
    /// The master's ret_port.
    #[arg(long, default_value_t = 4506)]
    pub(crate) ret_port: u16,
    /// How many seconds an answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(crate) patience: f64,
    /// With `herd`: milliseconds from a refused connection to the next attempt; libzmq's are the
    /// default.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100)]
    pub(crate) reconnect: u64,
    /// What the ids begin with.
    #[arg(long, default_value = "swarm-")]
    pub(crate) prefix: String,
    /// The directory in which key pairs are kept from one run to the next.
    #[arg(long, default_value = "target/swarm-keys")]
    pub(crate) keys: PathBuf,
    /// How many different key pairs the minions share; at most one for each.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) distinct_keys: usize,
    /// Bits of a key.
    #[arg(long, default_value_t = 2048)]
    pub(crate) key_bits: u32,
    /// A master's pki_dir, to put the public keys among the accepted ones before the start.
    #[arg(long, value_name = "PKI_DIR")]
    pub(crate) accept_in: Option<PathBuf>,
    /// Only puts the keys there, and does nothing else.
    #[arg(long, requires = "accept_in")]
    pub(crate) accept_only: bool,
    /// The master's process: its CPU time, memory and descriptors are reported, with those of its
    /// children.
    #[arg(long, value_name = "PID")]
    pub(crate) watch: Option<u32>,
    /// With `ping`: a command (run by sh) that publishes a job once all minions listen; the run
    /// ends when it has ended.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) publish: Option<String>,
    /// Bytes of the value in a return or an event.
    #[arg(long, value_name = "BYTES", default_value_t = 60)]
    pub(crate) size: usize,
    /// With `returns`: the jids of published jobs that each minion returns in turn. Without them
    /// the minions return what they started themselves.
    #[arg(long, value_name = "JIDS", value_delimiter = ',')]
    pub(crate) jids: Vec<String>,
    /// With `returns`: a file or pipe that gets the id of a minion, a line each, as soon as its
    /// return is acknowledged.
    #[arg(long, value_name = "FILE")]
    pub(crate) acknowledged: Option<PathBuf>,
    /// With `files`: what is fetched, from saltenv `base`.
    #[arg(long, default_value = "file.bin")]
    pub(crate) path: String,
    /// With `pillar`: grains of every minion beside its id, as a JSON object.
    #[arg(long, value_name = "JSON", value_parser = grains, default_value = GRAINS)]
    pub(crate) grains: Grains,
    /// With `pillar`: other grains in each request, so that nothing that was compiled fits.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Connections that misbehave beside the minions, all along.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) strangers: usize,
    /// All strangers together open no more than this many connections a second.
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    pub(crate) stranger_rate: f64,
    /// How those misbehave. Those that vanish leave `--path` half read if keys of their ids, which
    /// begin with `stranger-`, are accepted.
    #[arg(long, value_enum, default_value_t = Mischief::Rubbish)]
    pub(crate) mischief: Mischief,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Out::Text)]
    pub(crate) out: Out,
}

/// What minions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Sign in again and again.
    Auth,
    /// Sign in, listen, do the jobs that come, nothing else.
    Idle,
    /// As idle; what is measured is from a job's arrival to the acknowledged return.
    Ping,
    /// Return jobs that they started themselves.
    Returns,
    /// Fetch the pillar.
    Pillar,
    /// Fetch a file, in as many requests as it takes.
    Files,
    /// Fire events.
    Events,
    /// All sign in at the same moment and try again when their patience ends.
    Herd,
    /// Pillar, file, event and return in turn.
    Mixed,
}

/// A request protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Up to 3004.0.
    V0,
    /// Up to 3006.8 and 3007.6.
    V2,
    /// Since.
    V3,
}

impl From<Protocol> for Version {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::V0 => Version::V0,
            Protocol::V2 => Version::V2,
            Protocol::V3 => Version::V3,
        }
    }
}

/// How a stranger misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mischief {
    /// Sends bytes that mean nothing, and connects again when it is thrown out.
    Rubbish,
    /// Shakes hands half way, or sends half a request, and stays.
    Stall,
    /// Disappears in the middle of an exchange, each time of another kind.
    Vanish,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Out {
    /// A few lines.
    Text,
    /// One JSON object.
    Json,
}

fn grains(text: &str) -> Result<Grains, String> {
    let grains = serde_json::from_str::<Map>(text);
    grains
        .map(Grains)
        .map_err(|error| format!("not a JSON object: {error}"))
}

impl Flags {
    /// How long an answer may take.
    pub(crate) fn patience(&self) -> Duration {
        Duration::try_from_secs_f64(self.patience).unwrap_or(Duration::MAX)
    }

    /// How long the run goes on, if it is not counted.
    pub(crate) fn length(&self) -> Option<Duration> {
        self.seconds
            .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}
