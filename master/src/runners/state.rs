//! `state.orchestrate`: renders and compiles an orchestration once, and starts the run.

use std::sync::Arc;

use model::api::RunStarted;
use model::{Jid, Map, Value};
use states::compiler::{CompileError, Compiled, compile, compile_high};
use states::context::Context;
use states::low_chunk::LowChunk;
use states::top_file;

use super::{Arguments, RunnerError, pillar, run_control};
use crate::act;
use crate::ledger::{Answer, Input};
use crate::shared::Shared;

/// The functions that start a durable run: the names of `state.orchestrate`, and its forms for one
/// state and for high data.
const STARTING: [&str; 5] = [
    "state.orchestrate",
    "state.orch",
    "state.sls",
    "state.orchestrate_single",
    "state.orchestrate_high",
];

/// Says whether a function becomes a durable run.
pub(crate) fn starts_run(fun: &str) -> bool {
    STARTING.contains(&fun)
}

/// What was asked of an orchestration.
struct Request {
    what: What,
    saltenv: String,
    pillarenv: Option<String>,
    pillar: Map,
    exclude: Vec<Value>,
    is_test: bool,
    yes_wipe: Option<String>,
}

/// What an orchestration is made of.
enum What {
    /// SLS of the file roots.
    Sls(Vec<String>),
    /// One state function with its arguments.
    Single(Box<LowChunk>),
    /// High data, as an SLS renders to.
    High(Map),
}

impl Request {
    fn of_fun(fun: &str, arguments: &Arguments) -> Result<Self, RunnerError> {
        match fun {
            "state.orchestrate_single" => Self::read_single(arguments),
            "state.orchestrate_high" => Self::read_high(arguments),
            _ => Self::read(arguments),
        }
    }

    fn read(arguments: &Arguments) -> Result<Self, RunnerError> {
        let mods = match arguments.get(0, "mods") {
            Some(Value::List(mods)) => mods.iter().map(Value::to_text).collect(),
            _ => {
                let mods = arguments.required(0, "mods")?;
                mods.split(',').map(|sls| sls.trim().to_owned()).collect()
            }
        };
        let exclude = match arguments.get(3, "exclude") {
            None => Vec::new(),
            Some(Value::List(exclude)) => exclude.clone(),
            Some(other) => other.to_text().split(',').map(Value::from).collect(),
        };
        if arguments.get(6, "pillar_enc").is_some() {
            return Err(
                arguments.problem("'pillar_enc' is not supported: give the pillar in clear")
            );
        }
        let text = |place, name| arguments.text(place, name);
        Ok(Self {
            what: What::Sls(mods),
            saltenv: text(1, "saltenv").unwrap_or_else(|| "base".into()),
            pillarenv: text(5, "pillarenv"),
            pillar: pillar_of(arguments, 4)?,
            exclude,
            is_test: arguments.get(2, "test").is_some_and(Value::is_truthy),
            yes_wipe: arguments.named("yes_wipe").map(Value::to_text),
        })
    }

    /// Reads `state.orchestrate_single fun=salt.function name=test.ping tgt=web ...`.
    fn read_single(arguments: &Arguments) -> Result<Self, RunnerError> {
        let (fun, name) = (
            arguments.required(0, "fun")?,
            arguments.required(1, "name")?,
        );
        let Some((state, fun)) = fun.split_once('.') else {
            return Err(arguments.problem(&format!("'{fun}' is no state function")));
        };
        let own = [
            "fun",
            "name",
            "test",
            "queue",
            "pillar",
            "orchestration_jid",
        ];
        let args = arguments.kwarg().iter();
        let args = args.filter(|(key, _)| !key.as_str().is_some_and(|key| own.contains(&key)));
        let args = args.map(|(key, value)| (key.clone(), value.clone()));
        let chunk = LowChunk {
            state: state.to_owned(),
            fun: fun.to_owned(),
            id: name.clone(),
            name,
            saltenv: "base".into(),
            args: args.collect(),
            ..LowChunk::default()
        };
        Self::of(What::Single(Box::new(chunk)), arguments)
    }

    fn read_high(arguments: &Arguments) -> Result<Self, RunnerError> {
        match arguments.get(0, "data") {
            Some(Value::Map(data)) => Self::of(What::High(data.clone()), arguments),
            _ => Err(arguments.problem("argument 'data' must be a map of states")),
        }
    }

    fn of(what: What, arguments: &Arguments) -> Result<Self, RunnerError> {
        Ok(Self {
            what,
            saltenv: "base".into(),
            pillarenv: None,
            pillar: pillar_of(arguments, 4)?,
            exclude: Vec::new(),
            is_test: arguments.named("test").is_some_and(Value::is_truthy),
            yes_wipe: None,
        })
    }

    fn name(&self) -> String {
        match &self.what {
            What::Sls(sls) => sls.join(","),
            What::Single(chunk) => format!("{}.{}", chunk.state, chunk.fun),
            What::High(_) => "high data".into(),
        }
    }
}

fn pillar_of(arguments: &Arguments, place: usize) -> Result<Map, RunnerError> {
    match arguments.get(place, "pillar") {
        None => Ok(Map::new()),
        Some(Value::Map(pillar)) => Ok(pillar.clone()),
        Some(_) => Err(arguments.problem("Pillar data must be formatted as a dictionary")),
    }
}

/// Plans an orchestration without starting it; gives the plan and the pillar of the call. What
/// cannot work is told now.
pub(crate) async fn plan(
    shared: &Arc<Shared>,
    arguments: &Arguments,
) -> Result<(orch::Plan, Map), RunnerError> {
    plan_of(shared, Request::read(arguments)?).await
}

async fn plan_of(shared: &Arc<Shared>, request: Request) -> Result<(orch::Plan, Map), RunnerError> {
    let (name, pillar, is_test) = (request.name(), request.pillar.clone(), request.is_test);
    let yes_wipe = request.yes_wipe.clone();
    let compiled = compile_request(shared, request).await?;
    let sources = compiled.sources.iter();
    let sources = sources
        .filter_map(|source| Some((source.path.clone(), source.hash.clone()?)))
        .collect();
    let options = orch::Options {
        master_id: shared.opts.master_minion_id().to_string(),
        is_test,
        failhard: shared.opts.failhard || shared.opts.orch_failhard,
        runs_commands: shared.opts.template_commands,
        yes_wipe,
    };
    let plan = orch::Plan::compile(&name, compiled.low, sources, options)
        .map_err(|error| RunnerError::Compile(failed_to_compile(&error)))?;
    Ok((plan, pillar))
}

/// Starts an orchestration. It is planned whole before anything runs.
pub(super) async fn orchestrate(
    shared: &Arc<Shared>,
    fun: &str,
    arguments: Arguments,
    user: &str,
) -> Result<RunStarted, RunnerError> {
    let request = Request::of_fun(fun, &arguments)?;
    let input = start(shared, request, user.to_owned(), None).await?;
    match shared.ledger.decide(input).await? {
        Answer::Run(started) => Ok(started),
        Answer::Refused(why) => Err(RunnerError::Failed(why)),
        other => Err(RunnerError::Failed(format!(
            "the ledger answered {other:?}"
        ))),
    }
}

/// Starts the orchestration that a step of a run calls, as a run of its own under the jid of the
/// call. Its end is told to the run that called it; what is given here is why it did not begin.
pub(crate) async fn nested(
    shared: &Arc<Shared>,
    fun: &str,
    (arg, kwarg): (Vec<Value>, Map),
    (parent, call): (Jid, Jid),
) -> Result<(), Value> {
    let asked = parent.clone();
    let user = shared.ledger.ask(move |views| {
        let run = views.runs.get(&asked);
        run.map(|run| run.started().user.clone())
    });
    let user = user.await.ok().flatten().unwrap_or_default();
    let arguments = Arguments::new(fun, arg, kwarg);
    let begun = async {
        let request = Request::of_fun(fun, &arguments)?;
        let input = start(shared, request, user, Some((parent, call))).await?;
        match act::insist(shared, input).await? {
            Answer::Refused(why) => Err(RunnerError::Failed(why)),
            _ => Ok(()),
        }
    };
    begun.await.map_err(|error| {
        // The form that Salt gives what does not compile.
        let errors: Value = match error {
            RunnerError::Compile(text) => errors_in(&text).into_iter().map(Value::Str).collect(),
            other => return Value::Str(other.to_string()),
        };
        let id = shared.opts.master_minion_id();
        Value::Map(Map::from([
            ("data", Value::Map(Map::from([(id.as_str(), errors)]))),
            ("outputter", "highstate".into()),
            ("retcode", 1.into()),
        ]))
    })
}

/// Takes the single errors out of a text that was made for people.
fn errors_in(text: &str) -> Vec<String> {
    let mut parts = text.split("\n----------\n");
    let first = parts.next().unwrap_or_default();
    let errors: Vec<String> = parts.map(|part| part.trim().to_owned()).collect();
    if errors.is_empty() {
        return vec![first.to_owned()];
    }
    errors
}

/// Plans a run and says what odd things its plan holds.
async fn start(
    shared: &Arc<Shared>,
    request: Request,
    user: String,
    parent: Option<(Jid, Jid)>,
) -> Result<Input, RunnerError> {
    let (plan, pillar) = plan_of(shared, request).await?;
    for warning in &plan.warnings {
        tracing::warn!(orchestration = %plan.name, %warning, "the plan is odd");
    }
    Ok(Input::StartRun {
        plan: Box::new(plan),
        user,
        pillar,
        parent,
    })
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
    let compiled = tokio::task::spawn_blocking(move || compile_here(&working, request)).await;
    let compiled = compiled.map_err(|error| RunnerError::Failed(error.to_string()))?;
    compiled.map_err(|error| RunnerError::Compile(error.to_string()))
}

fn compile_here(shared: &Shared, request: Request) -> Result<Compiled, CompileError> {
    let opts = shared.opts.for_templates();
    let of_low = |low| Compiled {
        high: Value::Nil,
        low,
        processed_sls: Vec::new(),
        sources: Vec::new(),
    };
    let sls = match request.what {
        What::Single(chunk) => return Ok(of_low(vec![*chunk])),
        What::High(high) => return compile_high(high, &opts).map(of_low),
        What::Sls(sls) => sls,
    };
    let id = shared.opts.master_minion_id();
    let grains = shared.pillars.master_grains();
    let pillarenv = request.pillarenv.as_deref();
    let mut pillar = shared
        .pillars
        .compile_for(&id, &grains, None, pillarenv, &request.pillar);
    merge(&mut pillar, request.pillar);
    let context = Context {
        grains: Value::Map(grains.0.clone()),
        pillar: Value::Map(pillar.clone()),
        opts,
        saltenv: request.saltenv,
        functions: shared.pillars.functions(&id, &grains, &pillar),
        ..Context::empty()
    };
    let files = shared.files.client();
    let mut compiled = compile(&sls, files.as_ref(), &context)?;
    if let (false, Value::Map(high)) = (request.exclude.is_empty(), &mut compiled.high) {
        let mut exclude = match high.remove("__exclude__") {
            Some(Value::List(exclude)) => exclude,
            _ => Vec::new(),
        };
        exclude.extend(request.exclude);
        high.insert("__exclude__", Value::List(exclude));
        compiled.low = compile_high(high.clone(), &context.opts)?;
    }
    Ok(compiled)
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
        _ if run_control::is_one(function) => run_control::call(shared, function, &arguments).await,
        _ if starts_run(&format!("state.{function}")) => {
            Err(arguments.problem("it is a run of its own: start it, do not call it"))
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
