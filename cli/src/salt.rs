//! `salt`: one job for many minions, printed as the returns come in.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use model::api::Published;
use model::lowstate::{Client as Which, LowChunk};
use model::{Map, Value};

use crate::arguments::parse_input;
use crate::client::{Client, MasterFile};
use crate::flags::{self, Printer, SaltFlags};
use crate::job_wait::{Answer, JobWait, News, Patience};
use crate::program::{block_on, fail, tell_back, tell_lost, user, with_input_words};
use crate::terminal::Terminal;
use crate::{exit_code, hints};

/// Salt's default of `timeout`, in seconds.
const TIMEOUT_DEFAULT_SECS: u64 = 5;
/// Salt's default of `gather_job_timeout`, in seconds.
const GATHER_TIMEOUT_DEFAULT_SECS: u64 = 10;

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    match prepare(args, terminal) {
        Ok(command) => block_on(command.run(terminal)),
        Err(code) => code,
    }
}

/// A command line that makes sense.
struct Command {
    client: Client,
    flags: SaltFlags,
    chunk: LowChunk,
    printer: Printer,
    patience: Patience,
}

fn prepare(args: Vec<OsString>, terminal: &mut Terminal) -> Result<Command, u8> {
    let mut flags: SaltFlags = flags::parse(args.clone(), terminal)?;
    if flags.args_stdin {
        flags = flags::parse(with_input_words(args, terminal), terminal)?;
    }
    if let Some(flag) = flags.unsupported.first() {
        let text = format!("{flag} is not supported yet; no command was sent");
        return Err(flags::usage_error("salt", &text, terminal));
    }
    if flags.target.delimiter != ":" {
        let text = "--delimiter is not supported yet; no command was sent";
        return Err(flags::usage_error("salt", text, terminal));
    }
    let kind = flags
        .target
        .kind()
        .map_err(|text| flags::usage_error("salt", &text, terminal))?;
    let chunk = chunk(&flags, kind, terminal)?;
    let (client, config) = flags.connection.open();
    let mut printer = flags
        .output
        .printer(&config, terminal)
        .map_err(|text| flags::usage_error("salt", &text, terminal))?;
    printer.style.state_output_diff |= flags.output_diff;
    let patience = patience(&flags, &config);
    Ok(Command {
        client,
        flags,
        chunk,
        printer,
        patience,
    })
}

fn chunk(flags: &SaltFlags, kind: &str, terminal: &mut Terminal) -> Result<LowChunk, u8> {
    let mut words = flags.words.clone();
    if flags.doc {
        if words.is_empty() {
            words.push("*".into());
        }
        if words.get(1).map(String::as_str) != Some("sys.doc") {
            words.insert(1, "sys.doc".into());
        }
        if words.len() > 3 {
            let text = "documentation is for one function at a time";
            return Err(flags::usage_error("salt", text, terminal));
        }
    }
    let [target, fun, rest @ ..] = words.as_slice() else {
        let what = if words.is_empty() {
            "a target and a function are missing"
        } else {
            "a function is missing"
        };
        terminal.complain(&format!(
            "salt: error: {what}: salt [options] '<target>' <function> [arguments]"
        ));
        return Err(exit_code::INCOMPLETE);
    };
    if fun.contains(',') {
        let text = "several functions at once are not supported yet; no command was sent";
        return Err(flags::usage_error("salt", text, terminal));
    }
    let arguments = parse_input(rest, &flags.no_parse);
    Ok(LowChunk {
        client: Which::LocalAsync,
        tgt: flags.target.target(target),
        tgt_type: kind.to_owned(),
        fun: fun.clone(),
        arg: arguments.arg,
        kwarg: arguments.kwarg,
        ret: flags.returner.clone(),
        user: user(),
    })
}

fn patience(flags: &SaltFlags, config: &MasterFile) -> Patience {
    let configured = || config.get_seconds("timeout");
    let timeout = flags
        .timeout
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
        .or_else(configured)
        .unwrap_or(TIMEOUT_DEFAULT_SECS);
    let gather = config
        .get_seconds("gather_job_timeout")
        .unwrap_or(GATHER_TIMEOUT_DEFAULT_SECS);
    Patience {
        timeout: Duration::from_secs(timeout),
        gather: Duration::from_secs(gather),
    }
}

impl Command {
    async fn run(mut self, terminal: &mut Terminal) -> u8 {
        let published: Published = match self.client.run(&self.chunk).await {
            Ok(published) => published,
            Err(error) => return fail(&error, terminal),
        };
        if published.minions.is_empty() && published.missing.is_empty() {
            terminal
                .line("No minions matched the target. No command was sent, no jid was assigned.");
            terminal.complain("ERROR: No return received");
            return exit_code::NO_RETURN;
        }
        let jid = published.jid.clone();
        if self.flags.is_async {
            terminal.line(&format!("Executed command with job ID: {jid}"));
            return exit_code::OK;
        }
        if self.flags.verbose {
            let text = format!("Executing job with jid {jid}");
            terminal.line(&format!("{text}\n{}\n", "-".repeat(text.len())));
        } else if self.flags.show_jid {
            terminal.line(&format!("jid: {jid}"));
        }
        let wait = JobWait::new(&self.client, &published, self.patience);
        tokio::select! {
            code = self.collect(wait, terminal) => return code,
            _ = tokio::signal::ctrl_c() => {}
        }
        terminal.complain(&format!(
            "\nStopped waiting; the job goes on, and returns that are still to come are kept.\n\
             This job's jid is: {jid}\nTo see them later: salt-run jobs.lookup_jid {jid}"
        ));
        exit_code::FAILED
    }

    async fn collect(&mut self, mut wait: JobWait, terminal: &mut Terminal) -> u8 {
        let mut answers: Vec<Answer> = Vec::new();
        loop {
            match wait.next().await {
                Ok(News::Answer(answer)) => {
                    let is_hidden = self.flags.hide_timeout && !self.flags.verbose;
                    if answer.is_silent && is_hidden {
                        continue;
                    }
                    if !self.is_grouped() {
                        self.show_one(&answer, terminal);
                    }
                    answers.push(answer);
                }
                Ok(News::Lost(error)) => tell_lost(&error, terminal),
                Ok(News::Back) => tell_back(terminal),
                Ok(News::Done) => break,
                Err(error) => {
                    terminal.complain(&hints::explained(&error));
                    return exit_code::FAILED;
                }
            }
        }
        if self.chunk.fun == "sys.doc" {
            return show_docs(&answers, terminal);
        }
        if self.flags.is_static {
            self.show_group(&answers, terminal);
        }
        if self.flags.summary && self.printer.style.out.is_none() {
            summarize(&answers, self.flags.verbose, terminal);
        }
        if answers.iter().any(|answer| answer.retcode != 0) {
            terminal.complain("ERROR: Minions returned with non-zero exit code");
            return exit_code::FAILED;
        }
        exit_code::OK
    }

    fn is_grouped(&self) -> bool {
        self.flags.is_static || self.chunk.fun == "sys.doc"
    }

    fn show_one(&mut self, answer: &Answer, terminal: &mut Terminal) {
        let data = Value::Map(Map::from([(answer.id.as_str(), answer.ret.clone())]));
        let out = answer.out.as_deref();
        self.printer.show(&data, out, answer.retcode, terminal);
    }

    fn show_group(&mut self, answers: &[Answer], terminal: &mut Terminal) {
        let is_state = self.chunk.fun.split('.').next() == Some("state");
        let data: Map = answers
            .iter()
            .map(|answer| (answer.id.as_str(), answer.ret.clone()))
            .collect();
        let wanted = is_state.then_some("highstate");
        self.printer.show(&Value::Map(data), wanted, 0, terminal);
    }
}

/// Prints the documentation that minions returned, each function once.
fn show_docs(answers: &[Answer], terminal: &mut Terminal) -> u8 {
    let mut docs: Vec<(String, String)> = Vec::new();
    for answer in answers {
        for (fun, text) in answer.ret.as_map().into_iter().flat_map(Map::iter) {
            let fun = fun.to_text();
            if text.is_truthy() && !docs.iter().any(|(known, _)| *known == fun) {
                docs.push((fun, text.to_text()));
            }
        }
    }
    docs.sort();
    for (fun, text) in &docs {
        terminal.line(&format!("{fun}:\n{text}\n"));
    }
    if docs.is_empty() {
        terminal.complain("ERROR: no minion returned documentation");
        return exit_code::NO_RETURN;
    }
    exit_code::OK
}

fn summarize(answers: &[Answer], is_verbose: bool, terminal: &mut Terminal) {
    let silent = |words: &str| -> Vec<&str> {
        answers
            .iter()
            .filter(|answer| answer.is_silent)
            .filter(|answer| answer.ret.as_str().is_some_and(|text| text.contains(words)))
            .map(|answer| answer.id.as_str())
            .collect()
    };
    let failed: Vec<&str> = answers
        .iter()
        .filter(|answer| !answer.is_silent && answer.retcode != 0)
        .map(|answer| answer.id.as_str())
        .collect();
    let silent_count = answers.iter().filter(|answer| answer.is_silent).count();
    let rule = "-".repeat(43);
    terminal.line(&format!("\n\n{rule}\nSummary\n{rule}"));
    let returned = answers.len() - silent_count;
    terminal.line(&format!("# of minions targeted: {}", answers.len()));
    terminal.line(&format!("# of minions returned: {returned}"));
    terminal.line(&format!("# of minions that did not return: {silent_count}"));
    terminal.line(&format!("# of minions with errors: {}", failed.len()));
    if is_verbose {
        for (label, ids) in [
            ("Minions not connected", silent("Not connected")),
            ("Minions not responding", silent("No response")),
            ("Minions with failures", failed),
        ] {
            if !ids.is_empty() {
                terminal.line(&format!("{label}: {}", ids.join(" ")));
            }
        }
    }
    terminal.line(&rule);
}
