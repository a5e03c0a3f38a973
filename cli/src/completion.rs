//! `brine completion SHELL`: completion for `brine` and for Salt's program names.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Command, CommandFactory, Parser};
use clap_complete::Shell;

use crate::doctor::DoctorFlags;
use crate::exit_code;
use crate::flags::{self, SaltFlags, SaltKeyFlags, SaltRunFlags};
use crate::links::LinksFlags;
use crate::run_verb::VERBS;
use crate::terminal::Terminal;

/// Writes a completion script: `source <(brine completion bash)`.
#[derive(Debug, Parser)]
#[command(name = "completion", version)]
pub(crate) struct CompletionFlags {
    /// The shell.
    shell: Shell,
}

/// Gives the `brine` command as far as this crate knows it: for completion and help. The flags of
/// `master` and `lab` belong to their own crates; here they have a name and `-c`.
pub fn command() -> Command {
    let config = || {
        clap::Arg::new("config_dir")
            .short('c')
            .long("config-dir")
            .value_name("DIR")
            .value_hint(clap::ValueHint::DirPath)
    };
    Command::new("brine")
        .about("A Salt master that remembers what it promised")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .subcommand(
            Command::new("master")
                .about("The daemon (salt-master)")
                .arg(config()),
        )
        .subcommand(named("cmd", SaltFlags::command()))
        .subcommand(named("run", with_verbs(SaltRunFlags::command())))
        .subcommand(named("key", SaltKeyFlags::command()))
        .subcommand(Command::new("lab").about("A cluster of real minions to try things on"))
        .subcommand(named("doctor", DoctorFlags::command()))
        .subcommand(named("install-links", LinksFlags::command()))
        .subcommand(named("completion", CompletionFlags::command()))
}

/// Adds the verbs of `brine run`, so that a shell offers them.
fn with_verbs(mut command: Command) -> Command {
    for (verb, takes, about) in VERBS {
        let mut verb_command = Command::new(verb).about(about);
        if !takes.is_empty() {
            verb_command = verb_command.arg(clap::Arg::new("words").value_name(takes));
        }
        if verb == "retry" {
            let from = clap::Arg::new("from").long("from").value_name("STEP");
            verb_command = verb_command.arg(from.help("The step to begin with"));
        }
        command = command.subcommand(verb_command);
    }
    command
}

fn named(name: &'static str, command: Command) -> Command {
    let usage = format!("brine {name} [options]");
    command
        .name(name)
        .bin_name(format!("brine {name}"))
        .override_usage(usage)
}

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    let flags: CompletionFlags = match flags::parse(args, terminal) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let mut script = Vec::new();
    for (name, mut command) in [
        ("brine", command()),
        ("salt", SaltFlags::command()),
        ("salt-run", SaltRunFlags::command()),
        ("salt-key", SaltKeyFlags::command()),
    ] {
        // A zsh function file completes one program; the others would overwrite its head.
        if flags.shell == Shell::Zsh && name != "brine" {
            continue;
        }
        clap_complete::generate(flags.shell, &mut command, name, &mut script);
    }
    terminal.print(&String::from_utf8_lossy(&script));
    exit_code::OK
}
