//! The one binary: which program am I? Called through a link named `salt-master`, `salt`,
//! `salt-run` or `salt-key` it is that program; else the first argument says so.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// What one thread allocates for a request another one frees. glibc's own allocator puts that into
/// lists by size that are walked at each request once many minions have come and gone.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "\
Brine, the Salt master that never forgets.

Usage: brine PROGRAM [OPTIONS]

  master         the master (salt-master)
  cmd            runs functions on minions (salt)
  run            runners, orchestrations and their runs (salt-run)
  key            minions' keys (salt-key)
  render         renders a file as the master would
  lint           lists what does not render in a tree of SLS
  explain        says which file and line a value of a pillar came from
  lab            a throw-away cluster of real minions on this machine
  swarm          many simulated minions that measure a master
  enrol          lets minions in: windows, who waits and why, what was used
  doctor         looks for what is wrong and names the fix
  install-links  links brine, salt-master, salt, salt-run and salt-key into a directory
  completion     prints completions for bash, zsh or fish

`brine PROGRAM --help` says more.
";

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the main of a program"
)]
fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let called_as = args.first().map(PathBuf::from).unwrap_or_default();
    let called_as = called_as
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("brine");
    let program = match called_as {
        "salt-master" | "salt" | "salt-run" | "salt-key" | "kubeadm" | "kubectl" => {
            called_as.to_owned()
        }
        _ if args.len() < 2 => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
        _ => args.remove(1).to_string_lossy().into_owned(),
    };
    let exe = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("brine"));
    match program.as_str() {
        "master" | "salt-master" => master::bin_master::main(args),
        "cmd" | "salt" => cli::salt::main(args),
        "run" | "salt-run" => cli::salt_run::main(args),
        "key" | "salt-key" => cli::salt_key::main(args),
        "render" => master::bin_render::main(args),
        "lint" => master::bin_lint::main(args),
        "explain" => master::bin_explain::main(args),
        "lab" => lab::main(args, exe),
        "swarm" => swarm::main(args),
        "kubeadm" | "kubectl" => lab::kubeadm::main(args),
        "enrol" => cli::enrol::main(args),
        "doctor" => cli::doctor::main(args),
        "completion" => cli::completion::main(args),
        "install-links" => cli::links::main(args),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        "--version" | "-V" => {
            println!("brine {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        other => {
            eprint!("brine: there is no program '{other}'\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
