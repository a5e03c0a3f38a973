//! The flags that all programs share: which master, and what is accepted for scripts' sake.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::client::{Client, MasterFile, socket_path};

/// Which master to talk to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection Options")]
pub(crate) struct ConnectionFlags {
    /// The config directory of the master.
    #[arg(
        short,
        long,
        global = true,
        value_name = "DIR",
        env = "SALT_CONFIG_DIR",
        default_value = "/etc/salt"
    )]
    pub(crate) config_dir: PathBuf,
    /// The master's API socket, if it is not where the config says.
    #[arg(long, global = true, value_name = "PATH", env = "BRINE_SOCKET")]
    pub(crate) socket: Option<PathBuf>,
    /// Accepted and without effect: a client holds nothing that could be left behind.
    #[arg(long)]
    hard_crash: bool,
    /// Accepted and without effect: there are no Saltfiles.
    #[arg(long, value_name = "FILE")]
    saltfile: Option<PathBuf>,
    /// Accepted and without effect: a client does not log; see `brine master -l`.
    #[arg(long, alias = "log-file-level", value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Accepted and without effect: the socket's owner is who you are.
    #[arg(short = 'u', long, value_name = "USER", hide = true)]
    user: Option<String>,
}

impl ConnectionFlags {
    /// Reads the config and finds the master.
    pub(crate) fn open(&self) -> (Client, MasterFile) {
        let config = MasterFile::read(&expanded(&self.config_dir));
        let socket = self.socket.clone().unwrap_or_else(|| socket_path(&config));
        (Client::new(socket), config)
    }
}

/// Replaces a leading `~`.
fn expanded(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}
