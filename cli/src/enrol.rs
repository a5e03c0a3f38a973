//! `brine enrol`: opens and closes windows, shows who waits and why, lets a used value be used
//! again.

use std::ffi::OsString;
use std::process::ExitCode;

use model::api::EnrolmentView;
use model::{Map, Value};

use crate::client::{Client, Error};
use crate::flags::{self, EnrolFlags, EnrolVerb, OutputFlags, Printer};
use crate::program::{block_on, fail};
use crate::terminal::Terminal;
use crate::{exit_code, key_notes};

/// Runs the program on the process's own streams.
pub fn main(args: Vec<OsString>) -> ExitCode {
    exit_code::to_exit(run(args, &mut Terminal::real()))
}

/// Runs the program on given streams; gives the exit code.
pub fn run(args: Vec<OsString>, terminal: &mut Terminal) -> u8 {
    let flags: EnrolFlags = match flags::parse(args, terminal) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    block_on(async {
        match carry_out(flags, terminal).await {
            Ok(code) => code,
            Err(error) => fail(&error, terminal),
        }
    })
}

async fn carry_out(flags: EnrolFlags, terminal: &mut Terminal) -> Result<u8, Error> {
    let (client, config) = flags.connection.open();
    match flags.verb {
        EnrolVerb::Open {
            for_secs,
            count,
            id,
            rebuild,
        } => {
            let kwarg = Map::from([
                ("seconds", Value::from(for_secs)),
                ("count", Value::from(count)),
                ("ids", Value::str(&id)),
                ("rebuild", Value::Bool(rebuild)),
            ]);
            let opened = client.wheel("enrol.open", kwarg).await?;
            let number = first(&opened);
            let minions = if count == 1 { "minion" } else { "minions" };
            terminal.line(&format!(
                "window {number} is open for {for_secs} seconds and {count} {minions} ({id}); \
                 close it with: brine enrol close {number}"
            ));
        }
        EnrolVerb::Close { window } => {
            let mut kwarg = Map::new();
            if let Some(window) = window {
                kwarg.insert("window", window);
            }
            let closed = client.wheel("enrol.close", kwarg).await?;
            let count = closed.as_list().map_or(0, <[Value]>::len);
            terminal.line(&format!("{count} windows closed"));
        }
        EnrolVerb::Release { value } => {
            let kwarg = Map::from([("claim", value.as_str())]);
            let released = client.wheel("enrol.release", kwarg).await?;
            for claim in released.as_list().unwrap_or_default() {
                terminal.line(&format!("{} may be used again", claim.to_text()));
            }
        }
        EnrolVerb::List { output } => {
            let printer = output.printer(&config, terminal);
            return list(&client, &output, printer, terminal).await;
        }
    }
    Ok(exit_code::OK)
}

fn first(values: &Value) -> String {
    let first = values.as_list().and_then(<[Value]>::first);
    first.map(Value::to_text).unwrap_or_default()
}

async fn list(
    client: &Client,
    output: &OutputFlags,
    printer: Result<Printer, String>,
    terminal: &mut Terminal,
) -> Result<u8, Error> {
    let answer = client.wheel("enrol.list", Map::new()).await?;
    if output.out.is_some() {
        return Ok(match printer {
            Ok(mut printer) => {
                printer.show(&answer, None, 0, terminal);
                exit_code::OK
            }
            Err(text) => flags::usage_error("enrol", &text, terminal),
        });
    }
    let view = serde_json::to_value(&answer).and_then(serde_json::from_value::<EnrolmentView>);
    match view {
        Ok(view) => {
            for line in lines(&view) {
                terminal.line(&line);
            }
            Ok(exit_code::OK)
        }
        Err(_) => {
            terminal.complain("this master says something else; is it of another version?");
            Ok(exit_code::FAILED)
        }
    }
}

fn lines(view: &EnrolmentView) -> Vec<String> {
    let mut lines = vec![format!("enrolment: {}", view.mode)];
    let under = |title: &str, items: Vec<String>, lines: &mut Vec<String>| {
        if !items.is_empty() {
            lines.push(format!("{title}:"));
            lines.extend(items.into_iter().map(|item| format!("  {item}")));
        }
    };
    let asked = if view.clauses.is_empty() {
        vec!["nothing is configured: every stranger waits for salt-key -a".to_owned()]
    } else {
        view.clauses.clone()
    };
    under("asked of a stranger", asked, &mut lines);
    under("warnings", view.warnings.clone(), &mut lines);
    let windows = view.windows.iter().map(|window| {
        let rebuild = if window.rebuild { ", rebuilds" } else { "" };
        format!(
            "{}: until {} UTC, {} of {} came in, ids {}{rebuild}, opened by {}",
            window.window,
            window.until.clock(),
            window.used,
            window.count,
            window.ids,
            window.by
        )
    });
    under("open windows", windows.collect(), &mut lines);
    under("waiting", key_notes::waiting_notes(view), &mut lines);
    under("alarms", key_notes::alarm_notes(view), &mut lines);
    let claims = view
        .claims
        .iter()
        .map(|claim| format!("{} by {}", claim.claim, claim.id));
    under("used values", claims.collect(), &mut lines);
    let counts = view.counters.iter().filter(|(_, count)| *count > 0);
    let counts = counts.map(|(name, count)| format!("{count} {name}"));
    under("sign-ins since the start", counts.collect(), &mut lines);
    lines
}
