//! `brine run VERB`: the words after it, and which part of the program does them.

use model::api::{PlanView, RunExplanation, RunStarted, RunSummary, RunView};
use model::{Map, Value};
use serde_json::json;

use crate::arguments::parse_input;
use crate::client::{Client, Error, percent_encoded};
use crate::flags::Printer;
use crate::program::user;
use crate::run_plan::{self, Form};
use crate::run_report::{attach, list, print_data, show};
use crate::terminal::Terminal;
use crate::{exit_code, run_explain};

/// The verbs, what comes after each, and what it does: for help and completion.
pub(crate) const VERBS: [(&str, &str, &str); 10] = [
    (
        "plan",
        "SLS [ARGUMENTS] [--look]",
        "Shows what an orchestration would do",
    ),
    ("list", "", "Lists the runs that the master keeps"),
    ("show", "[RUN]", "Shows a run with every step"),
    ("attach", "[RUN]", "Follows a run live"),
    (
        "explain",
        "[RUN]",
        "Says what a run waits for, or why it failed",
    ),
    (
        "approve",
        "RUN STEP",
        "Lets a step go on that asks a person",
    ),
    ("reject", "RUN STEP", "Says no to a step that asks a person"),
    ("resume", "RUN", "Takes a run up again that seems to hang"),
    (
        "retry",
        "RUN [--from STEP]",
        "Runs a stored plan again from a step on",
    ),
    ("cancel", "RUN", "Calls a run off; finally steps still run"),
];

/// What to do with runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verb {
    /// What an orchestration would do: its arguments.
    Plan(Vec<Value>, Map, Form, bool),
    /// All runs, one a line.
    List,
    /// One run with every step; the newest if none is named, as for the next two.
    Show(Option<String>),
    /// One run, live.
    Attach(Option<String>),
    /// Why one run waits or failed.
    Explain(Option<String>),
    /// Answer a step that asks: run, step, yes or no.
    Answer(String, String, bool),
    /// Take one run up again.
    Resume(String),
    /// Run one again, from a step on.
    Retry(String, Option<String>),
    /// Call one run off.
    Cancel(String),
}

impl Verb {
    /// Reads the words after `brine run`; `None` if they name a runner, an error if they are too
    /// few or too many.
    pub(crate) fn parse(
        words: &[String],
        (from, is_look): (Option<&String>, bool),
        out: Option<&str>,
    ) -> Option<Result<Self, String>> {
        let [verb, rest @ ..] = words else {
            return None;
        };
        let (_, takes, _) = VERBS.iter().find(|(name, ..)| name == verb)?;
        if from.is_some() && verb != "retry" {
            return Some(Err("--from belongs to `brine run retry RUN`".into()));
        }
        if is_look && verb != "plan" {
            return Some(Err("--look belongs to `brine run plan SLS`".into()));
        }
        let parsed = match (verb.as_str(), rest) {
            ("list", []) => Self::List,
            ("plan", [_, ..]) => match Form::of(out) {
                Ok(form) => {
                    let arguments = parse_input(rest, &[]);
                    Self::Plan(arguments.arg, arguments.kwarg, form, is_look)
                }
                Err(problem) => return Some(Err(problem)),
            },
            ("show", [] | [_]) => Self::Show(rest.first().cloned()),
            ("attach", [] | [_]) => Self::Attach(rest.first().cloned()),
            ("explain", [] | [_]) => Self::Explain(rest.first().cloned()),
            ("resume", [run]) => Self::Resume(run.clone()),
            ("cancel", [run]) => Self::Cancel(run.clone()),
            ("retry", [run]) => Self::Retry(run.clone(), from.cloned()),
            ("approve", [run, step]) => Self::Answer(run.clone(), step.clone(), true),
            ("reject", [run, step]) => Self::Answer(run.clone(), step.clone(), false),
            _ => {
                let hint = match *takes {
                    "" => "takes no further words".to_owned(),
                    "SLS [ARGUMENTS] [--look]" => "takes an SLS, such as orch.kubic".to_owned(),
                    takes => format!("takes {takes}; `brine run list` shows the runs"),
                };
                return Some(Err(format!("{verb} {hint}")));
            }
        };
        Some(Ok(parsed))
    }

    /// Does it. A retry is only started; the caller follows it.
    pub(crate) async fn run(
        &self,
        client: &Client,
        printer: &mut Printer,
        terminal: &mut Terminal,
    ) -> Result<Done, Error> {
        let code = match self {
            Self::Plan(arg, kwarg, form, is_look) => {
                let plan = ask_plan(client, (arg, kwarg), *is_look).await?;
                show_plan(&plan, *form, printer, terminal)
            }
            Self::List => list_all(client, printer, terminal).await?,
            Self::Show(run) => {
                let run = named_or_newest(client, run.as_deref()).await?;
                show_one(client, &run, printer, terminal).await?
            }
            Self::Attach(run) => {
                let run = named_or_newest(client, run.as_deref()).await?;
                attach(client, &run, printer, terminal).await?
            }
            Self::Explain(run) => {
                let run = named_or_newest(client, run.as_deref()).await?;
                explain(client, &run, printer, terminal).await?
            }
            Self::Answer(run, step, is_yes) => {
                let path = format!("{}/approve", path_of(run));
                let said = json!({ "step": step, "is_yes": is_yes, "by": user() });
                let view: RunView = client.post(&path, &said).await?;
                let word = if *is_yes { "approved" } else { "rejected" };
                tell(
                    &view,
                    &format!("{word}: step {step} of run {run}"),
                    printer,
                    terminal,
                )
            }
            Self::Resume(run) => {
                let path = format!("{}/resume", path_of(run));
                let _: RunView = client.post(&path, &json!({ "by": user() })).await?;
                if !printer.is_for_programs() {
                    terminal.line(&format!("run {run} was taken up again"));
                }
                explain(client, run, printer, terminal).await?
            }
            Self::Retry(run, from) => {
                let path = format!("{}/retry", path_of(run));
                let asked = json!({ "from": from, "by": user() });
                let started: RunStarted = client.post(&path, &asked).await?;
                return Ok(Done::Started(started));
            }
            Self::Cancel(run) => {
                let path = format!("{}/cancel", path_of(run));
                let view: RunView = client.post(&path, &json!({ "by": user() })).await?;
                tell(
                    &view,
                    &format!("run {run} is called off"),
                    printer,
                    terminal,
                )
            }
        };
        Ok(Done::Code(code))
    }
}

/// Gives the run that was named, or the one that began last.
async fn named_or_newest(client: &Client, named: Option<&str>) -> Result<String, Error> {
    if let Some(run) = named {
        return Ok(run.to_owned());
    }
    let runs: Vec<RunSummary> = client.get("/runs").await?;
    let newest = runs.last().ok_or(Error::NoRuns)?;
    Ok(newest.run.to_string())
}

/// Has an orchestration planned; with `is_look` minions are asked what is on their disks.
async fn ask_plan(
    client: &Client,
    (arg, kwarg): (&[Value], &Map),
    is_look: bool,
) -> Result<PlanView, Error> {
    let mut asked = json!({ "arg": arg, "kwarg": kwarg });
    if is_look {
        asked["look"] = true.into();
        asked["by"] = user().into();
    }
    client.post("/plan", &asked).await
}

/// How a verb ended.
pub(crate) enum Done {
    /// With an exit code.
    Code(u8),
    /// With a new run, to be followed.
    Started(RunStarted),
}

fn show_plan(plan: &PlanView, form: Form, printer: &mut Printer, terminal: &mut Terminal) -> u8 {
    match form {
        Form::Data => print_data(plan, printer, terminal),
        form => run_plan::print(plan, form, printer.style.palette, terminal),
    }
    run_plan::exit_code(plan)
}

fn tell(view: &RunView, text: &str, printer: &mut Printer, terminal: &mut Terminal) -> u8 {
    if printer.is_for_programs() {
        print_data(view, printer, terminal);
        return exit_code::OK;
    }
    terminal.line(text);
    if !view.summary.phase.has_ended() {
        let run = &view.summary.run;
        terminal.line(&format!("follow it with: brine run attach {run}"));
    }
    exit_code::OK
}

async fn list_all(
    client: &Client,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let runs: Vec<RunSummary> = client.get("/runs").await?;
    if printer.is_for_programs() {
        print_data(&runs, printer, terminal);
    } else {
        list(&runs, terminal);
    }
    Ok(exit_code::OK)
}

async fn show_one(
    client: &Client,
    run: &str,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let view: RunView = client.get(&path_of(run)).await?;
    if printer.is_for_programs() {
        print_data(&view, printer, terminal);
    } else {
        show(&view, terminal);
    }
    Ok(exit_code::OK)
}

async fn explain(
    client: &Client,
    run: &str,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let explained: RunExplanation = client.get(&format!("{}/explain", path_of(run))).await?;
    if printer.is_for_programs() {
        print_data(&explained, printer, terminal);
    } else {
        run_explain::print(&explained, printer.style.palette, terminal);
    }
    Ok(exit_code::OK)
}

/// Gives the path of a run.
pub(crate) fn path_of(run: &str) -> String {
    format!("/runs/{}", percent_encoded(run))
}
