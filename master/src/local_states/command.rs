//! `cmd.run`.

use model::{Map, Value};

use super::{Given, Machine, Outcome, Said};
use crate::pillar_sources::commands::{self, Ran};

/// Longest time of a command that says no `timeout`, in seconds: a day. Salt waits for ever.
pub(super) const TIME_SECONDS_MAX: u64 = 24 * 60 * 60;

pub(super) fn run(machine: &Machine, with: &Given<'_>) -> Outcome {
    let line = with.name();
    if with.is_test() {
        let would = format!("Command \"{line}\" would have been executed");
        return Ok(Said::would(would).changing("cmd", line));
    }
    if let Some(cwd) = with.text("cwd") {
        let found = machine.world.disk.metadata(cwd.as_ref());
        let kind = found.ok().flatten().map(|found| found.kind);
        if kind != Some(storage::disk::Kind::Directory) {
            return Err(format!(
                "Desired working directory \"{cwd}\" is not available"
            ));
        }
    }
    let ran = perform(&line, with.0)?;
    let said = match ran.code {
        0 => Said::ok(format!("Command \"{line}\" run")),
        _ => Said::failed(format!("Command \"{line}\" run")),
    };
    Ok(Said {
        changes: Map::from([
            ("pid", Value::from(ran.pid.map(i64::from))),
            ("retcode", i64::from(ran.code).into()),
            ("stdout", ran.stdout.into()),
            ("stderr", ran.stderr.into()),
        ]),
        ..said
    })
}

/// Runs a line in a shell, with `cwd`, `env`, `stdin`, `timeout` and `success_retcodes` of a step.
/// A command that takes too long has the exit code 1 and says so, as in Salt.
pub(super) fn perform(line: &str, options: &Map) -> Result<Ran, String> {
    let mut named = Map::new();
    for key in ["cwd", "env", "stdin", "timeout"] {
        if let Some(value) = options.get(key) {
            named.insert(key, value.clone());
        }
    }
    let mut ran = commands::perform(line, named, TIME_SECONDS_MAX)?;
    let codes = match options.get("success_retcodes") {
        Some(Value::List(codes)) => codes.clone(),
        Some(code) => vec![code.clone()],
        None => Vec::new(),
    };
    if codes
        .iter()
        .any(|code| code.to_text() == ran.code.to_string())
    {
        ran.code = 0;
    }
    Ok(ran)
}
