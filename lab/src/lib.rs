//! A throw-away cluster of real minions on one machine.
//!
//! `brine lab` is the project's first command: it installs unmodified minions, starts the master,
//! boots nodes that can really be rebooted, runs `orch.kubic` and ends with the cluster as its
//! control plane sees it. It is for people who want to see the whole path, and for drills that kill
//! the master on the way.
//!
//! It uses the master only as an operator could, through its programs and its API's answers. It
//! never links the daemon, and it touches nothing of the host outside its own root directory.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "the lab is an operator at a terminal: it prints, waits, and works with files"
)]

mod failure;
mod flags;
mod follow;
mod interrupt;
mod kills;
pub mod kubeadm;
mod layout;
mod leaks;
mod machines;
mod master;
mod network;
mod node;
mod outcome;
mod process;
mod programs;
mod reboot;
mod run;
mod seed;
mod series;
mod setup;
mod show;
pub mod venv;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the lab. `args` are the program's, without the word `lab`; `exe` is the `brine` that
/// provides the master.
///
/// Exit code 0 says that the run succeeded and every node is in the cluster; 1 that it did not, or
/// that a piece is missing, which one line on standard error names with its fix; 2 that the
/// arguments are wrong.
pub fn main(args: Vec<OsString>, exe: PathBuf) -> ExitCode {
    match node::role(args.get(1..).unwrap_or_default()) {
        Some((node::Role::Supervisor, dir)) => node::supervisor::main(Path::new(dir)),
        Some((node::Role::Boot, dir)) => node::boot::main(Path::new(dir)),
        Some((node::Role::Init, dir)) => node::init::main(Path::new(dir)),
        Some((node::Role::Network, dir)) => network::hold(Path::new(dir)),
        None => run::main(args, exe),
    }
}
