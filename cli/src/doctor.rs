//! `brine doctor`: is the master there, and what waits for a person?

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use model::api::{EnrolmentView, KeyList, MinionView, RunSummary};

use crate::client::{Client, Error};
use crate::flags::{self, ConnectionFlags};
use crate::program::{block_on, fail};
use crate::terminal::Terminal;
use crate::{exit_code, key_notes};

/// Notes of one kind that are shown.
const NOTES_MAX: usize = 5;

/// Looks at the master and says what it sees.
#[derive(Debug, Parser)]
#[command(name = "doctor", version)]
pub(crate) struct DoctorFlags {
    #[command(flatten)]
    connection: ConnectionFlags,
}

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code: 0 if the master answers everything.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    let flags: DoctorFlags = match flags::parse(args, terminal) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let directory = &flags.connection.config_dir;
    if !directory.is_dir() {
        let directory = directory.display();
        terminal.line(&format!("config    {directory} does not exist"));
    }
    let (client, _) = flags.connection.open();
    terminal.line(&format!("socket    {}", client.socket().display()));
    block_on(async {
        match examine(&client, terminal).await {
            Ok(()) => exit_code::OK,
            Err(error) => fail(&error, terminal),
        }
    })
}

async fn examine(client: &Client, terminal: &mut Terminal) -> Result<(), Error> {
    let health = client.health().await?;
    let ours = env!("CARGO_PKG_VERSION");
    let version = &health.version;
    let advice = if version == ours {
        ""
    } else {
        "; this client differs: restart the master after an update"
    };
    terminal.line(&format!("master    {version}, pid {}{advice}", health.pid));
    if let Some(config_dir) = &health.config_dir {
        terminal.line(&format!("config    {config_dir}"));
    }
    if let Some(head) = health.head {
        terminal.line(&format!("log       {head} records"));
    }
    let keys: KeyList = client.get("/keys").await?;
    terminal.line(&format!(
        "keys      {} accepted, {} pending, {} rejected, {} denied",
        keys.minions.len(),
        keys.minions_pre.len(),
        keys.minions_rejected.len(),
        keys.minions_denied.len()
    ));
    if !keys.minions_pre.is_empty() {
        terminal.line("          pending ones wait for `salt-key -a ID`");
    }
    if let Some(view) = key_notes::enrolment(client).await {
        examine_enrolment(&view, terminal);
    }
    let minions: Vec<MinionView> = client.get("/minions").await?;
    let connected = minions.iter().filter(|minion| minion.is_connected).count();
    terminal.line(&format!(
        "minions   {connected} connected of {}",
        minions.len()
    ));
    for (what, count) in &health.refused {
        let next = next_step(what);
        let often = match count {
            1 => "once".to_owned(),
            _ => format!("{count} times"),
        };
        terminal.line(&format!("refused   {often}: {what}; {next}"));
    }
    let runs: Vec<RunSummary> = client.get("/runs").await?;
    let running = runs.iter().filter(|run| !run.phase.has_ended()).count();
    terminal.line(&format!("runs      {running} at work of {}", runs.len()));
    Ok(())
}

/// Says what of enrolment needs a person, and what to do.
fn examine_enrolment(view: &EnrolmentView, terminal: &mut Terminal) {
    let open = view.windows.len();
    terminal.line(&format!("enrolment {}, {open} windows open", view.mode));
    for warning in &view.warnings {
        terminal.line(&format!("          warning: {warning}"));
    }
    let waiting = key_notes::waiting_notes(view);
    let alarms = key_notes::alarm_notes(view);
    let advised = [
        (
            &waiting,
            "accept by hand with `salt-key -a ID`, or `brine enrol open`",
        ),
        (
            &alarms,
            "compare `salt-key -f ID` with the node; a rebuilt one: `brine enrol open --rebuild \
             --id ID`; a stranger: `salt-key -d` of the denied key",
        ),
    ];
    for (notes, advice) in advised {
        for note in notes.iter().take(NOTES_MAX) {
            terminal.line(&format!("          {note}"));
        }
        if notes.len() > NOTES_MAX {
            let more = notes.len().saturating_sub(NOTES_MAX);
            terminal.line(&format!("          {more} more; see `brine enrol list`"));
        }
        if !notes.is_empty() {
            terminal.line(&format!("          {advice}"));
        }
    }
    for (name, count) in &view.counters {
        let is_of_interest = name.contains("refused") || name.contains("denied");
        if is_of_interest && *count > 0 {
            terminal.line(&format!("          {count} {name} since the start"));
        }
    }
}

/// What to do about a kind of refusal. The master's log names the addresses.
fn next_step(what: &str) -> &'static str {
    match what {
        "connection" => "one address holds too many connections: see `ss -tn` for whom",
        "knock" => "usual: minions test the port so before they sign in; many are a scanner",
        "handshake" | "frame" => "something that is no minion talks to the ports: a scanner?",
        "stall" => "peers stop in the middle of a message: a bad line, or somebody who tries",
        "sign-in rate" => "one address signs in without end: close the port to it",
        "version" => "minions older than minimum_auth_version, or than their own key has been",
        "key" => "usual after a start, a rotation or a deleted key; else a minion is out of date",
        "identity" => "a request that was not from whom it said: the log names the address",
        "replay" => "somebody repeats recorded requests: the log names the address",
        "repeat" => "old minions ask again when an answer is late; answered, not done again",
        "command" => "python's salt, or a probe, asks for what only the local socket gives",
        "given up" => "minions stop waiting before their turn comes: the master has too few cores",
        "event" => "a minion fires events in another's name: the log names both",
        _ => "the log names the addresses",
    }
}
