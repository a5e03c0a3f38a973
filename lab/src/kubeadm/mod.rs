//! The stand-in for `kubeadm` and `kubectl`, for nodes that do not have the real ones.
//!
//! It keeps the contracts the cluster formula relies on: a real RSA authority, bootstrap tokens of
//! the real format with a lifetime, a signed cluster-info, and an endpoint that joins check and
//! are checked by. It runs no containers and no Kubernetes: a node that joined has proved that it
//! held the right secrets, nothing more. Its version ends in `+lab`, so that nobody is misled.
//!
//! State lives in files under `KUBEADM_ROOT` (default `/`), each replaced whole and synced, so a
//! power cut keeps it. The endpoint is `kubeadm lab-serve`: `init` starts it detached, and the
//! node's init starts it again at boot.

mod arguments;
mod authority;
mod clock;
mod cluster;
mod connection;
mod disk;
mod error;
mod http;
mod init;
mod join;
mod kubeconfig;
mod kubectl;
mod reset;
mod serve;
mod token;
mod token_command;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::{Kubeadm, Verb, VersionOutput};
use self::error::Error;

/// What `version -o short` says. The part after `+` marks the stand-in.
const VERSION: &str = "v1.31.0+lab";

/// Runs the program that `args[0]` names: `kubectl`, or else `kubeadm`.
///
/// Prints the answer on standard output, errors on standard error. Exits like the real program:
/// 0, 1 for an error, 2 for failed preflight checks, 3 for a value that cannot be valid.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let root = PathBuf::from(std::env::var_os("KUBEADM_ROOT").unwrap_or_else(|| "/".into()));
    let program = args.first().map(PathBuf::from).unwrap_or_default();
    let answer = if program.file_name().is_some_and(|name| name == "kubectl") {
        kubectl::run(&root, args)
    } else {
        run(&root, args)
    };
    match answer {
        Ok(text) => {
            // A closed pipe on the other side is not our error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(root: &Path, args: Vec<OsString>) -> Result<String, Error> {
    let kubeadm = match Kubeadm::try_parse_from(args) {
        Ok(kubeadm) => kubeadm,
        Err(error) => return arguments::explain(&error),
    };
    match kubeadm.verb {
        Verb::Init(options) => init::run(root, &options),
        Verb::Join(options) => join::run(root, &options),
        Verb::Token { verb } => token_command::run(root, verb),
        Verb::Reset(options) => reset::run(root, &options),
        Verb::Version { output } => Ok(version(output)),
        Verb::LabServe => serve::run(root),
    }
}

fn version(output: Option<VersionOutput>) -> String {
    let json = serde_json::json!({"clientVersion": {
        "major": "1", "minor": "31", "gitVersion": VERSION, "platform": "linux/amd64",
    }});
    match output {
        Some(VersionOutput::Short) => format!("{VERSION}\n"),
        Some(VersionOutput::Json) => format!("{json:#}\n"),
        None => format!("kubeadm version: {VERSION} (the lab's stand-in)\n"),
    }
}
