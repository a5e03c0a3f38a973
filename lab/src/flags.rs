//! The lab's flags; each doc comment is its manual.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

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
    /// Kills the master with SIGKILL this often at random moments of the run.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) kill_master: u32,
    /// Repeats the random choices of an earlier lab.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
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
}

impl Comeback {
    /// The flag's value as it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Late => "late",
            Self::Mixed => "mixed",
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
