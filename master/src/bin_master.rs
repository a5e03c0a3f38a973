//! `brine master` (and `salt-master`): flags → options → start → wait → stop.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{self, Loaded};
use crate::master::Master;
use crate::world::{World, real};

/// The Salt master that never forgets.
#[derive(Debug, Parser)]
#[command(name = "salt-master", version)]
struct Flags {
    /// The directory that holds the file `master` and the directory `master.d`.
    #[arg(short = 'c', long = "config-dir", default_value = "/etc/salt")]
    config_dir: PathBuf,
    /// What to log: all, garbage, trace, debug, profile, info, warning, error, critical, quiet.
    #[arg(short = 'l', long = "log-level")]
    log_level: Option<String>,
    /// Print what is believed of the configuration, and from which file, and stop.
    #[arg(long)]
    dump_config: bool,
    /// Accepted for compatibility: the master never forks; a service manager keeps it.
    #[arg(short = 'd', long)]
    daemon: bool,
}

/// Runs the master until SIGTERM or SIGINT.
#[expect(
    clippy::print_stderr,
    reason = "the main of a program: what keeps it from starting must reach the terminal"
)]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let flags = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    let world = real::world();
    let Loaded { opts, report, dump } = match config::load(&flags.config_dir, world.disk.as_ref()) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("salt-master: {error}");
            return ExitCode::FAILURE;
        }
    };
    if flags.dump_config {
        // A reader that closes the pipe early has seen enough.
        let _ = write!(std::io::stdout(), "{dump}");
        return ExitCode::SUCCESS;
    }
    make_parents(&[&opts.log_file, &opts.pidfile], &world);
    start_log(
        flags.log_level.as_deref().unwrap_or(&opts.log_level),
        &opts.log_file,
    );
    for notice in &report {
        tracing::warn!("{notice}");
    }
    if let Err(error) = config::prepare_directories(&opts, world.disk.as_ref()) {
        eprintln!("salt-master: {error}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(serving_threads())
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("salt-master: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (pidfile, pid_world) = (opts.pidfile.clone(), world.clone());
    runtime.block_on(async {
        let master = match Master::start(opts, &flags.config_dir, world).await {
            Ok(master) => master,
            Err(error) => {
                eprintln!("salt-master: {error}");
                return ExitCode::FAILURE;
            }
        };
        write_pid(&pidfile, &pid_world);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "the master is ready");
        wait_for_signal().await;
        master.stop().await;
        ExitCode::SUCCESS
    })
}

/// Gives how many threads serve the sockets: one for two processors. The ledger, the private key
/// and what blocks have threads of their own, and to wake a second one for each packet that comes
/// while the first is at work costs more than it does.
fn serving_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.div_ceil(2)
}

async fn wait_for_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
}

/// Makes the directories of files that are nice to have; what fails is told when one is opened.
fn make_parents(files: &[&Path], world: &World) {
    for parent in files.iter().filter_map(|file| file.parent()) {
        let _ = world.disk.make_directory(parent, 0o755);
    }
}

/// Starts the log: to the terminal, and to `log_file` if that can be written. Salt's names of
/// levels become ours.
fn start_log(level: &str, file: &Path) {
    let level = match level {
        "all" | "garbage" | "trace" => "trace",
        "debug" | "profile" => "debug",
        "info" => "info",
        "error" | "critical" => "error",
        "quiet" => "off",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_env("BRINE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let terminal = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(file);
    let (to_file, problem) = match opened {
        Ok(opened) => {
            let layer = fmt::layer()
                .with_writer(Mutex::new(opened))
                .with_ansi(false);
            (Some(layer), None)
        }
        Err(error) => (None, Some(error)),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(terminal)
        .with(to_file)
        .init();
    if let Some(error) = problem {
        let path = file.display();
        tracing::warn!(%path, %error, "log_file cannot be written: the terminal alone has the log");
    }
}

/// Writes the process id where service managers look for it.
fn write_pid(file: &Path, world: &World) {
    let pid = format!("{}\n", std::process::id());
    if let Err(error) = world.disk.write(file, pid.as_bytes(), 0o644) {
        tracing::info!(%error, "pidfile cannot be written");
    }
}
