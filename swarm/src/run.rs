//! One run: from the flags to the report.

use std::io;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::clock;
use crate::crowd::{self, CrowdError};
use crate::flags::{Flags, Mischief, Mode};
use crate::herd;
use crate::listen::Listeners;
use crate::load;
use crate::process;
use crate::report;
use crate::strangers::Strangers;

/// The swarm cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The minions cannot be made or are not let in.
    #[error(transparent)]
    Crowd(#[from] CrowdError),
    /// The process to watch is not there.
    #[error("there is no process {0} to watch: --watch names the master's pid")]
    NoProcess(u32),
    /// The mode needs to be told when to end.
    #[error("the modes idle and ping need --for SECONDS, or --publish COMMAND")]
    Endless,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs and reports; says whether all was answered.
pub(crate) async fn run(flags: Flags) -> Result<bool, RunError> {
    raise_open_files();
    let flags = Arc::new(flags);
    let is_listening = matches!(flags.mode, Mode::Idle | Mode::Ping);
    if is_listening && flags.seconds.is_none() && flags.publish.is_none() {
        return Err(RunError::Endless);
    }
    let minions = crowd::make(&flags)?;
    if flags.accept_only {
        return Ok(true);
    }
    let minions = match flags.mode {
        Mode::Auth | Mode::Herd => minions,
        _ => crowd::let_in(minions, flags.at_once).await?,
    };
    let strangers = Strangers::start(&flags)?;
    let mut more = serde_json::Map::new();
    more.insert("began".into(), clock::unix_now().into());
    let before = look(&flags)?;
    let (mut tally, took) = match flags.mode {
        Mode::Herd => herd::run(&flags, minions).await,
        Mode::Idle | Mode::Ping => {
            let listeners = Listeners::start(minions).await;
            // Connecting is not what is measured.
            let before = look(&flags)?;
            let began = clock::now();
            wait_or_publish(&flags, &listeners, &mut more).await?;
            let took = began.elapsed();
            costs(&flags, before.as_ref(), &mut more);
            let (listening, of) = listeners.listening();
            more.insert("listening".into(), json!({ "at_end": listening, "of": of }));
            (listeners.end().await, took)
        }
        _ => load::run(&flags, minions).await?,
    };
    if !is_listening {
        costs(&flags, before.as_ref(), &mut more);
    }
    more.insert(
        "stranger_connections".into(),
        strangers.connections().into(),
    );
    if flags.mischief == Mischief::Vanish && flags.strangers > 0 {
        more.insert("vanished".into(), strangers.vanished());
    }
    let is_good = tally.bad_count() == 0 && (tally.good_count() > 0 || flags.mode == Mode::Idle);
    let result = tally.report(took.as_secs_f64());
    report::show(&flags, result, more);
    Ok(is_good)
}

async fn wait_or_publish(
    flags: &Flags,
    listeners: &Listeners,
    more: &mut serde_json::Map<String, Value>,
) -> io::Result<()> {
    if let Some(command) = &flags.publish {
        let published = listeners.publish(command).await?;
        more.insert(
            "publish".into(),
            json!({
                "exit_code": published.status.code(),
                "seconds": published.took.as_secs_f64(),
                "cpu_seconds": published.cpu_seconds,
            }),
        );
    }
    if let Some(length) = flags.length() {
        clock::pause(length).await;
    }
    Ok(())
}

fn look(flags: &Flags) -> Result<Option<process::Cost>, RunError> {
    match flags.watch {
        Some(pid) => Ok(Some(process::cost(pid).ok_or(RunError::NoProcess(pid))?)),
        None => Ok(None),
    }
}

/// Notes what the watched process has cost since.
fn costs(flags: &Flags, before: Option<&process::Cost>, more: &mut serde_json::Map<String, Value>) {
    let after = flags.watch.and_then(process::cost);
    if let (Some(before), Some(after)) = (before, after) {
        more.insert("master".into(), after.since(before));
    }
}

/// Takes as many open files as the system gives: each minion has two connections.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If it fails, connections fail later and are counted.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
