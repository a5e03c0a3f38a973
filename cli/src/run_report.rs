//! `brine run list`, `show` and `attach`: the orchestrations that the master carries.

use model::api::{RunSummary, RunView, StepView};
use model::{Map, Timestamp, Value};

use crate::client::{Client, Error};
use crate::exit_code;
use crate::flags::Printer;
use crate::run_verb::path_of;
use crate::runner_call;
use crate::terminal::Terminal;
use crate::viewer::{self, Followed, Mode, counted, elapsed, mark, now, typically};

/// Prints data by the outputter that `--out` names.
pub(crate) fn print_data(
    data: &impl serde::Serialize,
    printer: &mut Printer,
    terminal: &mut Terminal,
) {
    let value = serde_json::to_value(data).and_then(serde_json::from_value::<Value>);
    if let Ok(value) = value {
        printer.show(&value, None, 0, terminal);
    }
}

/// Shows a run live; at its end prints what it returned.
pub(crate) async fn attach(
    client: &Client,
    run: &str,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let mode = match printer.style.out.as_deref() {
        Some("json") => Mode::Json,
        Some("quiet") => Mode::Silent,
        _ if terminal.is_interactive() => Mode::Tree,
        _ => Mode::Lines,
    };
    let followed = viewer::follow(client, run, mode, printer.style.palette, terminal).await?;
    if let Followed::ToTheEnd = followed
        && mode == Mode::Json
    {
        let ended = ended_return(client, run).await?;
        return Ok(runner_call::exit_code_of(&ended));
    }
    finish(client, run, followed, printer, terminal).await
}

/// After following: prints the return of a run that ended, or how to come back to one that goes on.
pub(crate) async fn finish(
    client: &Client,
    run: &str,
    followed: Followed,
    printer: &mut Printer,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    match followed {
        Followed::ToTheEnd => {
            let ended = ended_return(client, run).await?;
            if let Some(ret) = ended.get("return") {
                runner_call::show_return(ret, printer, terminal);
            }
            Ok(runner_call::exit_code_of(&ended))
        }
        Followed::Detached => {
            terminal.complain(&format!(
                "\ndetached; the run goes on: brine run attach {run}"
            ));
            Ok(exit_code::INTERRUPTED)
        }
        Followed::Closed => Ok(exit_code::OK),
    }
}

/// Asks for the return of a run that ended, in the shape of its `ret` event.
async fn ended_return(client: &Client, run: &str) -> Result<Map, Error> {
    let ret: Value = client.get(&format!("{}/return", path_of(run))).await?;
    Ok(Map::from([("return", ret)]))
}

/// Writes a phase as words: `never seen`.
pub(crate) fn word_of(phase: impl serde::Serialize) -> String {
    match serde_json::to_value(phase) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

/// Writes a moment to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    at.iso().replace('T', " ").chars().take(19).collect()
}

/// Prints one line for each run.
pub(crate) fn list(runs: &[RunSummary], terminal: &mut Terminal) {
    if runs.is_empty() {
        return terminal.line("no runs");
    }
    terminal.line(&format!(
        "{:<20}  {:<9}  {:>5}  {:<19}  {:>8}  {:<8}  NAME",
        "RUN", "PHASE", "STEPS", "STARTED (UTC)", "TIME", "BY"
    ));
    for run in runs {
        let time = elapsed(run.started, run.ended.unwrap_or_else(now));
        terminal.line(&format!(
            "{:<20}  {:<9}  {:>5}  {:<19}  {time:>8}  {:<8}  {}",
            run.run,
            word_of(run.phase),
            format!("{}/{}", run.steps_ended, run.steps),
            moment(run.started),
            run.user,
            run.name,
        ));
    }
}

/// Prints a run with every step.
pub(crate) fn show(view: &RunView, terminal: &mut Terminal) {
    let run = &view.summary;
    let field = |label: &str, text: &str| format!("{label:>9}: {text}");
    terminal.line(&field("Run", run.run.as_str()));
    terminal.line(&field("Name", &run.name));
    terminal.line(&field("By", &run.user));
    terminal.line(&field("Phase", &word_of(run.phase)));
    terminal.line(&field("Started", &format!("{} UTC", moment(run.started))));
    if let Some(ended) = run.ended {
        let time = elapsed(run.started, ended);
        terminal.line(&field(
            "Ended",
            &format!("{} UTC, after {time}", moment(ended)),
        ));
    }
    let resumed = match view.resumed {
        0 => "never".to_owned(),
        1 => "once, after a restart of the master".to_owned(),
        times => format!("{times} times, after restarts of the master"),
    };
    terminal.line(&field("Resumed", &resumed));
    if let Some(of) = &view.retry_of {
        terminal.line(&field("Retry of", of.as_str()));
    }
    let steps = format!("{} of {} ended", run.steps_ended, run.steps);
    terminal.line(&field("Steps", &steps));
    for notice in &view.notices {
        terminal.line(&field("Notice", notice));
    }
    for step in &view.tree {
        terminal.line("");
        show_step(step, terminal);
    }
}

fn show_step(step: &StepView, terminal: &mut Terminal) {
    let (sign, _) = mark(step.phase, terminal.is_ascii());
    let name = if step.name == step.id {
        String::new()
    } else {
        format!(" {}", step.name)
    };
    terminal.line(&format!("{sign} {} ({}{name})", step.id, step.fun));
    let mut field = |label: &str, text: &str| terminal.line(&format!("{label:>11}: {text}"));
    field("Phase", &word_of(step.phase));
    let times = match step.attempts {
        _ if step.is_carried => "in the run before; its result was taken over".to_owned(),
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    field("Ran", &times);
    if let Some(started) = step.started {
        let until = step.ended.unwrap_or_else(now);
        let time = elapsed(started, until);
        let typical = typically(step);
        field(
            "Started",
            &format!("{} UTC, {time}{typical}", moment(started)),
        );
    }
    for jid in &step.jids {
        field("Job", jid.as_str());
    }
    for (id, phase) in &step.minions {
        field("Minion", &format!("{id} {}", word_of(*phase)));
    }
    for id in &step.missing {
        field(
            "Minion",
            &format!("{id} never seen: no accepted minion has this id"),
        );
    }
    let counts = step.counts();
    if counts.targeted() > 1 {
        field("Minions", &counted(&counts));
    }
    if !step.note.is_empty() && step.ret.is_none() {
        field("Note", &step.note);
    }
    for next in step.question.iter().flat_map(|question| &question.then) {
        field("Then", next);
    }
    for required in &step.requires {
        field("Requires", required.split("_|-").nth(1).unwrap_or(required));
    }
    if let Some(ret) = &step.ret {
        field("Comment", &ret.comment.replace('\n', "\n             "));
    }
}
