//! The lab's flags; each doc comment is its manual.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};

use crate::seed::Seed;

/// Boots a throw-away cluster of real minions, runs orch.kubic on it, and takes it down again.
#[derive(Debug, Clone, Parser)]
#[command(name = "brine lab", disable_version_flag = true)]
pub(crate) struct Flags {
    /// The minion release to install from PyPI, such as 3006.30, 3008.5 or 3000.9.
    #[arg(long, default_value = "3006.30")]
    pub(crate) minion: String,
    /// How many nodes to boot; the first becomes the control plane.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub(crate) nodes: u8,
    /// Whether nodes come back from their reboot before or after the wait for it begins.
    #[arg(long, value_enum, default_value_t = Comeback::Late)]
    pub(crate) reboot: Comeback,
    /// Kills the master with SIGKILL this often at random moments of the run; `random`: one to five
    /// times, as the seed draws.
    #[arg(long, value_name = "N", default_value_t = KillCount::Times(0))]
    pub(crate) kill_master: KillCount,
    /// Repeats the random choices of an earlier lab.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Runs so many labs one after the other, each with the next seed; prints a line for each and a
    /// tally. Those that end badly are left below the root.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        conflicts_with_all = ["keep", "end", "boot_only", "install_only", "out"]
    )]
    pub(crate) repeat: Option<u32>,
    /// Leaves master and nodes running, and prints where they are and how to end them.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Ends a lab that was kept, and does nothing else.
    #[arg(long)]
    pub(crate) end: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Out::Text)]
    pub(crate) out: Out,
    /// The directory of the lab; what is in it from an earlier lab is thrown away.
    #[arg(long, default_value = "target/lab")]
    pub(crate) root: PathBuf,
    /// The directory in which installed minions are kept from one lab to the next.
    #[arg(long, default_value = "target/minions")]
    pub(crate) minions: PathBuf,
    /// The formula to run: a directory with `states` and `pillar`. Default: the project's own.
    #[arg(long)]
    pub(crate) formula: Option<PathBuf>,
    /// A python to try before those on PATH; can be given several times.
    #[arg(long)]
    pub(crate) python: Vec<PathBuf>,
    /// Fails when the run has not ended after this many seconds.
    #[arg(long, default_value_t = 900)]
    pub(crate) timeout: u64,
    /// Runs the nodes as plain processes even if namespaces are possible.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Installs the minion release, prints its directory and does nothing else.
    #[arg(long)]
    pub(crate) install_only: bool,
    /// Boots the nodes and leaves them, without running anything; implies --keep.
    #[arg(long)]
    pub(crate) boot_only: bool,
}

/// When nodes come back from their reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Comeback {
    /// All but the last node are back before the wait begins: the last node's install is held back
    /// for them.
    Early,
    /// Every node's power-on takes long enough for the wait to have begun.
    Late,
    /// Some early and some late, chosen by the seed.
    Mixed,
    /// One of these three, chosen by the seed.
    Random,
}

impl Comeback {
    /// The flag's value as it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Late => "late",
            Self::Mixed => "mixed",
            Self::Random => "random",
        }
    }

    /// Chooses, where the choice is left to the seed.
    pub(crate) fn drawn(self, seed: &mut Seed) -> Self {
        match self {
            Self::Random => match seed.between(0, 3) {
                0 => Self::Early,
                1 => Self::Late,
                _ => Self::Mixed,
            },
            chosen => chosen,
        }
    }
}

/// How often the master is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillCount {
    /// So often.
    Times(u32),
    /// As often as the seed draws.
    Random,
}

/// The most kills that a seed draws: of more of them, most come after the run's end.
const KILLS_DRAWN_MAX: u64 = 5;

impl KillCount {
    /// Gives the number.
    pub(crate) fn drawn(self, seed: &mut Seed) -> u32 {
        match self {
            Self::Times(times) => times,
            Self::Random => {
                let times = seed.between(1, KILLS_DRAWN_MAX + 1);
                u32::try_from(times).unwrap_or(1)
            }
        }
    }
}

impl FromStr for KillCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "random" {
            return Ok(Self::Random);
        }
        let times = text.parse();
        times
            .map(Self::Times)
            .map_err(|_| "a number, or the word random".to_owned())
    }
}

impl fmt::Display for KillCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(formatter, "{times}"),
            Self::Random => formatter.write_str("random"),
        }
    }
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Out {
    /// For people.
    Text,
    /// As one JSON object on standard output; progress goes to standard error.
    Json,
}
