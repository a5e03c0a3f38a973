//! Simulated minions that put a load on any Salt master, and measure what it does.
//!
//! `brine swarm` is this. It uses [`minion_protocol`] and nothing of the master above it, so that
//! it is as good a peer to python's master as to ours. The minions of the tests use its [`peer`].
//!
//! `crowd` makes the minions and gets them in; `load`, `listen` and `herd` are what they
//! do; `publications` opens a job once for all of them; `strangers` misbehave beside them,
//! `vanishing` is where some disappear; `process` looks at what the master has cost; `report` says
//! what came of it.

#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own: it measures time, keeps keys and reads /proc"
)]

mod clock;
mod crowd;
mod flags;
mod herd;
mod keys;
mod listen;
mod load;
mod minion;
pub mod peer;
mod process;
mod publications;
mod receipts;
mod report;
mod run;
mod strangers;
mod tally;
mod vanishing;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// Runs the swarm. `args` are the program's, without the word `swarm`.
///
/// Exit code 0 says that all was answered; 1 that something was not, or that the swarm could not
/// start; 2 that the arguments are wrong.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let flags = match flags::Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => {
            // Help goes to standard output, errors to standard error; neither can fail usefully.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run::run(flags)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(is_good) if is_good => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => report::failure(&error),
    }
}
