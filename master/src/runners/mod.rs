//! Runners: functions on the master, by Salt's names.
//!
//! The list is closed: [`FUNCTIONS`] names every one, [`call`] has one arm for each module. A
//! runner gives a value or an error that names what is wrong; it never prints.

mod arguments;
mod cache;
mod event;
mod fileserver;
mod jobs;
mod manage;
mod mine;
mod pillar;
mod run_control;
pub mod state;

use std::sync::Arc;

use model::api::RunStarted;
use model::{Jid, Map, Tag, Value};

pub(crate) use arguments::Arguments;

use crate::ledger::{Answer, Input, LedgerError};
use crate::shared::Shared;

/// Every runner function, for messages and completion.
pub const FUNCTIONS: &[&str] = &[
    "cache.grains",
    "cache.mine",
    "event.send",
    "fileserver.dir_list",
    "fileserver.envs",
    "fileserver.file_list",
    "fileserver.update",
    "jobs.active",
    "jobs.exit_success",
    "jobs.last_run",
    "jobs.list_job",
    "jobs.list_jobs",
    "jobs.lookup_jid",
    "jobs.print_job",
    "manage.alived",
    "manage.down",
    "manage.not_alived",
    "manage.present",
    "manage.status",
    "manage.up",
    "mine.get",
    "pillar.clear_pillar_cache",
    "pillar.explain",
    "pillar.show_pillar",
    "pillar.show_pillar_cache",
    "pillar.show_top",
    "state.orch",
    "state.orch_show_sls",
    "state.orchestrate",
    "state.orchestrate_high",
    "state.orchestrate_show_sls",
    "state.orchestrate_single",
    "state.pause",
    "state.resume",
    "state.rm_pause",
    "state.set_pause",
    "state.show_top",
    "state.sls",
    "state.soft_kill",
];

/// Why a runner gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// There is no such function.
    #[error("'{fun}' is not available.")]
    Unknown {
        /// The name that was asked for.
        fun: String,
    },
    /// An argument is missing or of the wrong kind.
    #[error("{fun}: {problem}")]
    Argument {
        /// The function.
        fun: String,
        /// What is wrong.
        problem: String,
    },
    /// The SLS does not compile; the text is Salt's.
    #[error("{0}")]
    Compile(String),
    /// The master cannot do it now.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Something that was asked for failed.
    #[error("{0}")]
    Failed(String),
}

impl RunnerError {
    /// Says what to do next, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            RunnerError::Unknown { fun } => {
                let module = fun.split('.').next().unwrap_or_default();
                let near: Vec<&str> = FUNCTIONS
                    .iter()
                    .copied()
                    .filter(|name| name.starts_with(module))
                    .collect();
                let near = if near.is_empty() {
                    FUNCTIONS.to_vec()
                } else {
                    near
                };
                Some(format!("known functions: {}", near.join(", ")))
            }
            _ => None,
        }
    }
}

/// Starts a runner and gives the jid under which its end is told. An orchestration becomes a
/// durable run.
pub async fn start(
    shared: &Arc<Shared>,
    fun: &str,
    arg: Vec<Value>,
    kwarg: Map,
    user: &str,
) -> Result<RunStarted, RunnerError> {
    if state::starts_run(fun) {
        return state::orchestrate(shared, fun, Arguments::new(fun, arg, kwarg), user).await;
    }
    if !FUNCTIONS.contains(&fun) {
        return Err(RunnerError::Unknown {
            fun: fun.to_owned(),
        });
    }
    let mut fun_args = arg.clone();
    if !kwarg.is_empty() {
        fun_args.push(Value::Map(kwarg.clone()));
    }
    let started = Input::StartRunner {
        fun: fun.to_owned(),
        user: user.to_owned(),
        fun_args: Value::List(fun_args.clone()),
    };
    let started = match shared.ledger.decide(started).await? {
        Answer::Run(started) => started,
        other => {
            return Err(RunnerError::Failed(format!(
                "the ledger answered {other:?}"
            )));
        }
    };
    let (shared, fun, user) = (Arc::clone(shared), fun.to_owned(), user.to_owned());
    let jid = started.run.clone();
    tokio::spawn(async move {
        let result = call(&shared, &fun, arg, kwarg).await;
        let event = ended(&jid, &fun, &user, fun_args, &result);
        if let Err(error) = shared.ledger.decide(Input::Events(vec![event])).await {
            tracing::error!(%error, %jid, %fun, "the end of a runner was not recorded");
        }
    });
    Ok(started)
}

/// Makes the event that tells the end of a runner, as python's master fires it.
fn ended(
    jid: &Jid,
    fun: &str,
    user: &str,
    fun_args: Vec<Value>,
    result: &Result<Value, RunnerError>,
) -> (Tag, Map) {
    let (ret, is_success) = match result {
        Ok(ret) => (ret.clone(), true),
        Err(error) => (Value::Str(error.to_string()), false),
    };
    let data = Map::from([
        ("fun", Value::Str(format!("runner.{fun}"))),
        ("jid", Value::str(jid.as_str())),
        ("user", Value::str(user)),
        ("fun_args", Value::List(fun_args)),
        ("return", ret),
        ("success", Value::Bool(is_success)),
        ("retcode", Value::from(i64::from(!is_success))),
    ]);
    (Tag::new(format!("salt/run/{jid}/ret")), data)
}

/// Calls a runner and gives what it gives. Orchestrations are not called but started.
pub async fn call(
    shared: &Arc<Shared>,
    fun: &str,
    arg: Vec<Value>,
    kwarg: Map,
) -> Result<Value, RunnerError> {
    let arguments = Arguments::new(fun, arg, kwarg);
    let (module, function) = fun.split_once('.').unwrap_or((fun, ""));
    let unknown = || RunnerError::Unknown {
        fun: fun.to_owned(),
    };
    match module {
        "cache" => cache::call(shared, function, arguments).await,
        "event" => event::call(shared, function, arguments).await,
        "fileserver" => fileserver::call(shared, function, arguments).await,
        "jobs" => jobs::call(shared, function, arguments).await,
        "manage" => manage::call(shared, function, arguments).await,
        "mine" => mine::call(shared, function, arguments).await,
        "pillar" => pillar::call(shared, function, arguments).await,
        "state" => state::call(shared, function, arguments).await,
        _ => Err(unknown()),
    }
}
