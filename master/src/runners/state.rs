//! `state.orchestrate`: renders and compiles an orchestration once, and starts the run.

use std::sync::Arc;

use model::api::RunStarted;
use model::{Map, Value};
use states::compiler::{Compiled, compile};
use states::context::Context;
use states::top_file;

use super::{Arguments, RunnerError, pillar};
use crate::ledger::{Answer, Input};
use crate::shared::Shared;

/// Says whether a function is one of the names of `state.orchestrate`.
pub(super) fn is_orchestrate(fun: &str) -> bool {
    matches!(fun, "state.orchestrate" | "state.orch" | "state.sls")
}

/// What was asked of an orchestration.
struct Request {
    sls: Vec<String>,
    saltenv: String,
    pillar: Map,
    is_test: bool,
    yes_wipe: Option<String>,
}

impl Request {
    fn read(arguments: &Arguments) -> Result<Self, RunnerError> {
        let mods = arguments.required(0, "mods")?;
        let sls = mods.split(',').map(|sls| sls.trim().to_owned()).collect();
        let pillar = match arguments.named("pillar") {
            None => Map::new(),
            Some(Value::Map(pillar)) => pillar.clone(),
            Some(_) => {
                return Err(arguments.problem("Pillar data must be formatted as a dictionary"));
            }
        };
        Ok(Self {
            sls,
            saltenv: arguments
                .text(1, "saltenv")
                .unwrap_or_else(|| "base".into()),
            pillar,
            is_test: arguments.get(2, "test").is_some_and(Value::is_truthy),
            yes_wipe: arguments.named("yes_wipe").map(Value::to_text),
        })
    }
}

/// Plans an orchestration without starting it; gives the plan and the pillar of the call. What
/// cannot work is told now.
pub(crate) async fn plan(
    shared: &Arc<Shared>,
    arguments: &Arguments,
) -> Result<(orch::Plan, Map), RunnerError> {
    let request = Request::read(arguments)?;
    let (name, pillar, is_test) = (
        request.sls.join(","),
        request.pillar.clone(),
        request.is_test,
    );
    let yes_wipe = request.yes_wipe.clone();
    let compiled = compile_request(shared, request).await?;
    let sources = compiled.sources.iter();
    let sources = sources
        .filter_map(|source| Some((source.path.clone(), source.hash.clone()?)))
        .collect();
    let options = orch::Options {
        master_id: shared.opts.master_minion_id().to_string(),
        is_test,
        failhard: false,
        yes_wipe,
    };
    let plan = orch::Plan::compile(&name, compiled.low, sources, options)
        .map_err(|error| RunnerError::Compile(failed_to_compile(&error)))?;
    Ok((plan, pillar))
}

/// Starts an orchestration. It is planned whole before anything runs.
pub(super) async fn orchestrate(
    shared: &Arc<Shared>,
    arguments: Arguments,
    user: &str,
) -> Result<RunStarted, RunnerError> {
    let (plan, pillar) = plan(shared, &arguments).await?;
    for warning in &plan.warnings {
        tracing::warn!(orchestration = %plan.name, %warning, "the plan is odd");
    }
    let input = Input::StartRun {
        plan: Box::new(plan),
        user: user.to_owned(),
        pillar,
    };
    match shared.ledger.decide(input).await? {
        Answer::Run(started) => Ok(started),
        Answer::Refused(why) => Err(RunnerError::Failed(why)),
        other => Err(RunnerError::Failed(format!(
            "the ledger answered {other:?}"
        ))),
    }
}

fn failed_to_compile(error: &orch::Error) -> String {
    let mut text = String::from("Data failed to compile:");
    for problem in &error.problems {
        text.push_str(&format!("\n----------\n    {problem}"));
    }
    text
}

async fn compile_request(shared: &Arc<Shared>, request: Request) -> Result<Compiled, RunnerError> {
    let working = Arc::clone(shared);
    let work = move || {
        let id = working.opts.master_minion_id();
        let grains = working.pillars.master_grains();
        let mut pillar = working.pillars.compile(&id, &grains);
        merge(&mut pillar, request.pillar);
        let context = Context {
            grains: Value::Map(grains.0.clone()),
            pillar: Value::Map(pillar.clone()),
            opts: working.opts.for_templates(),
            saltenv: request.saltenv,
            functions: working.pillars.functions(&id, &grains, &pillar),
            ..Context::empty()
        };
        let files = working.files.client();
        compile(&request.sls, files.as_ref(), &context)
    };
    let compiled = tokio::task::spawn_blocking(work).await;
    let compiled = compiled.map_err(|error| RunnerError::Failed(error.to_string()))?;
    compiled.map_err(|error| RunnerError::Compile(error.to_string()))
}

/// The pillar of the command line goes over the master's own, map by map.
fn merge(pillar: &mut Map, over: Map) {
    for (key, value) in over {
        match (pillar.get_value_mut(&key), value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge(old, new),
            (_, value) => {
                pillar.insert(key, value);
            }
        }
    }
}

/// The functions of this module that only look.
pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    match function {
        "orchestrate_show_sls" | "orch_show_sls" => {
            let compiled = compile_request(shared, Request::read(&arguments)?).await?;
            let id = shared.opts.master_minion_id();
            Ok(Value::Map(Map::from([(id.as_str(), compiled.high)])))
        }
        "show_top" => show_top(shared, &arguments).await,
        "orchestrate" | "orch" | "sls" => {
            Err(arguments.problem("nested orchestrations are not supported yet"))
        }
        _ => Err(arguments.unknown()),
    }
}

/// Gives the SLS that the top files of the states name for a minion.
async fn show_top(shared: &Arc<Shared>, arguments: &Arguments) -> Result<Value, RunnerError> {
    let id = pillar::minion(shared, arguments)?;
    let grains = pillar::grains(shared, &id).await?;
    let working = Arc::clone(shared);
    let work = move || {
        let pillar = working.pillars.compile(&id, &grains);
        let opts = working.opts.for_templates();
        let options = top_file::Options::new(&opts);
        let context = Context {
            grains: Value::Map(grains.0.clone()),
            pillar: Value::Map(pillar.clone()),
            functions: working.pillars.functions(&id, &grains, &pillar),
            opts,
            ..Context::empty()
        };
        let nodegroups = working.opts.nodegroups.clone();
        let minion = top_file::Minion::new(id, grains, Value::Map(pillar), nodegroups);
        let files = working.files.client();
        let top = top_file::read(files.as_ref(), &context, &options)?;
        top_file::matches(&top, &minion, files.as_ref(), &options)
    };
    let matches = tokio::task::spawn_blocking(work).await;
    let matches = matches.map_err(|error| RunnerError::Failed(error.to_string()))?;
    let matches = matches.map_err(|error| RunnerError::Compile(error.to_string()))?;
    Ok(pillar::matches_value(matches))
}
