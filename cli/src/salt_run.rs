//! `salt-run`: runners, orchestrations with their live view, and the master's runs.

use std::ffi::OsString;
use std::process::ExitCode;

use model::Value;
use model::api::RunStarted;

use crate::arguments::{Arguments, parse_input};
use crate::client::{Client, Error};
use crate::exit_code;
use crate::flags::{self, Printer, SaltRunFlags};
use crate::program::{block_on, fail, name_of, with_input_words};
use crate::run_plan::Form;
use crate::run_report;
use crate::run_verb::{Done, Verb};
use crate::runner_call;
use crate::state_event::Watch;
use crate::terminal::Terminal;
use crate::viewer::{self, Mode};

/// The runners that are orchestrations.
const ORCHESTRATIONS: [&str; 3] = ["state.orchestrate", "state.orch", "state.sls"];
/// The program that keeps to Salt's words; under any other name the run verbs are understood too.
const SALT_NAME: &str = "salt-run";

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code. The first word is the name it was called
/// by.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    match prepare(args, terminal) {
        Ok(mut command) => block_on(async {
            match command.run(terminal).await {
                Ok(code) => code,
                Err(error) => fail(&error, terminal),
            }
        }),
        Err(code) => code,
    }
}

/// What was asked for.
enum Task {
    Runs(Verb),
    Docs(Option<String>),
    Events(Watch),
    Orchestrate(String, Arguments),
    Runner(String, Arguments),
}

struct Command {
    client: Client,
    flags: SaltRunFlags,
    task: Option<Task>,
    printer: Printer,
}

fn prepare(args: Vec<OsString>, terminal: &mut Terminal) -> Result<Command, u8> {
    let name = match name_of(&args, SALT_NAME) {
        name if name == SALT_NAME => name,
        _ => "brine run".to_owned(),
    };
    let mut flags: SaltRunFlags = flags::parse(args.clone(), terminal)?;
    if flags.args_stdin {
        flags = flags::parse(with_input_words(args, terminal), terminal)?;
    }
    for (is_set, flag) in [
        (flags.jid.is_some(), "--jid"),
        (flags.eauth.is_some(), "--auth"),
    ] {
        if is_set {
            let text = format!("{flag} is not supported; nothing was started");
            return Err(flags::usage_error(&name, &text, terminal));
        }
    }
    let task = task_of(&flags, name != SALT_NAME)
        .map_err(|text| flags::usage_error(&name, &text, terminal))?;
    if let Task::Runs(Verb::Plan(_, _, form, _)) = &task
        && *form != Form::Data
    {
        // Graphs are no outputters.
        flags.output.out = None;
    }
    let (client, config) = flags.connection.open();
    let mut printer = flags
        .output
        .printer(&config, terminal)
        .map_err(|text| flags::usage_error(&name, &text, terminal))?;
    if flags.quiet {
        printer.style.out = Some("quiet".into());
    }
    Ok(Command {
        client,
        flags,
        task: Some(task),
        printer,
    })
}

fn task_of(flags: &SaltRunFlags, knows_runs: bool) -> Result<Task, String> {
    let out = flags.output.out.as_deref();
    if knows_runs
        && let Some(verb) = Verb::parse(&flags.words, (flags.from.as_ref(), flags.look), out)
    {
        return verb.map(Task::Runs);
    }
    if flags.look {
        return Err("--look belongs to `brine run plan SLS`".into());
    }
    if flags.from.is_some() {
        return Err("--from belongs to `brine run retry RUN`".into());
    }
    let [fun, rest @ ..] = flags.words.as_slice() else {
        return if flags.doc {
            Ok(Task::Docs(None))
        } else {
            Err("a function is missing, such as jobs.list_jobs; -d lists them".into())
        };
    };
    if flags.doc {
        return if rest.is_empty() {
            Ok(Task::Docs(Some(fun.clone())))
        } else {
            Err("documentation is for one function at a time".into())
        };
    }
    let mut arguments = parse_input(rest, &flags.no_parse);
    if let Some(hash) = &flags.yes_wipe {
        arguments.kwarg.insert("yes_wipe", hash.as_str());
    }
    Ok(match fun.as_str() {
        "state.event" => Task::Events(Watch::new(&arguments)),
        name if ORCHESTRATIONS.contains(&name) => Task::Orchestrate(fun.clone(), arguments),
        _ => Task::Runner(fun.clone(), arguments),
    })
}

impl Command {
    async fn run(&mut self, terminal: &mut Terminal) -> Result<u8, Error> {
        match self.task.take() {
            None => Ok(exit_code::OK),
            Some(Task::Runs(verb)) => {
                match verb.run(&self.client, &mut self.printer, terminal).await? {
                    Done::Code(code) => Ok(code),
                    Done::Started(started) => self.follow(&started, terminal).await,
                }
            }
            Some(Task::Docs(fun)) => self.docs(fun, terminal).await,
            Some(Task::Events(watch)) => watch.run(&self.client, terminal).await,
            Some(Task::Orchestrate(fun, arguments)) => {
                self.orchestrate(&fun, arguments, terminal).await
            }
            Some(Task::Runner(fun, arguments)) => self.runner(&fun, arguments, terminal).await,
        }
    }

    async fn runner(
        &mut self,
        fun: &str,
        arguments: Arguments,
        terminal: &mut Terminal,
    ) -> Result<u8, Error> {
        let chunk = runner_call::chunk(fun, arguments);
        let started: RunStarted = self.client.run(&chunk).await?;
        if self.flags.is_async {
            return Ok(tell_async(&started, "salt-run jobs.lookup_jid", terminal));
        }
        let ended = tokio::select! {
            ended = runner_call::wait(&self.client, &started, &mut self.printer, terminal) => {
                ended?
            }
            _ = tokio::signal::ctrl_c() => {
                let run = &started.run;
                terminal.complain(&format!(
                    "\nstopped waiting; the runner goes on: salt-run jobs.lookup_jid {run}"
                ));
                return Ok(exit_code::INTERRUPTED);
            }
        };
        if let Some(ret) = ended.get("return") {
            runner_call::show_return(ret, &mut self.printer, terminal);
        }
        Ok(runner_call::exit_code_of(&ended))
    }

    async fn orchestrate(
        &mut self,
        fun: &str,
        arguments: Arguments,
        terminal: &mut Terminal,
    ) -> Result<u8, Error> {
        let chunk = runner_call::chunk(fun, arguments);
        let started: RunStarted = self.client.run(&chunk).await?;
        self.follow(&started, terminal).await
    }

    /// Follows a run that was just started to its end.
    async fn follow(&mut self, started: &RunStarted, terminal: &mut Terminal) -> Result<u8, Error> {
        if self.flags.is_async {
            return Ok(tell_async(started, "brine run attach", terminal));
        }
        let run = started.run.to_string();
        let mode = if self.flags.quiet {
            Mode::Silent
        } else if terminal.is_interactive() && !self.printer.is_for_programs() {
            Mode::Tree
        } else {
            Mode::Aside
        };
        let palette = self.printer.style.palette;
        let followed = match viewer::follow(&self.client, &run, mode, palette, terminal).await {
            Err(error) if error.is_not_found() => {
                // It ended before it became a run: an SLS that does not compile.
                let ended =
                    runner_call::wait(&self.client, started, &mut self.printer, terminal).await?;
                if let Some(ret) = ended.get("return") {
                    runner_call::show_return(ret, &mut self.printer, terminal);
                }
                return Ok(runner_call::exit_code_of(&ended));
            }
            followed => followed?,
        };
        run_report::finish(&self.client, &run, followed, &mut self.printer, terminal).await
    }

    async fn docs(&mut self, fun: Option<String>, terminal: &mut Terminal) -> Result<u8, Error> {
        let mut arguments = Arguments::default();
        arguments.arg.extend(fun.map(Value::Str));
        let chunk = runner_call::chunk("doc.runner", arguments);
        let started: RunStarted = self.client.run(&chunk).await?;
        let ended = runner_call::wait(&self.client, &started, &mut self.printer, terminal).await?;
        let docs = ended.get("return").and_then(Value::as_map);
        let mut lines: Vec<String> = docs
            .into_iter()
            .flat_map(|docs| docs.iter())
            .map(|(fun, text)| format!("{}:\n{}", fun.to_text(), text.to_text()))
            .collect();
        lines.sort();
        for line in &lines {
            terminal.line(line);
        }
        if lines.is_empty() {
            let ret = ended.get("return").map(Value::to_text).unwrap_or_default();
            terminal.complain(&format!("ERROR: no documentation: {ret}"));
            return Ok(exit_code::FAILED);
        }
        Ok(exit_code::OK)
    }
}

fn tell_async(started: &RunStarted, command: &str, terminal: &mut Terminal) -> u8 {
    let run = &started.run;
    terminal.complain(&format!("started as run {run}; to see it: {command} {run}"));
    exit_code::OK
}
