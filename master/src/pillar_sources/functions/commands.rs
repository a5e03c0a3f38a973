//! `cmd.*`: programs of the master's machine, where the option `template_commands` allows it.

use std::process::Command;
use std::time::Duration;

use model::{Map, Value};

use super::{Answer, Arguments, Family, MinionFunctions, bad, failed};
use crate::programs::{self, Failure, Finished, Limits};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "cmd",
    functions: &[
        "has_exec",
        "retcode",
        "run",
        "run_all",
        "run_stderr",
        "run_stdout",
        "shell",
        "which",
    ],
    call,
};

/// Longest time of a command, whatever it asks for.
const TIME_MAX: u64 = 600;
/// Longest time of a command that asks for none.
const TIME: u64 = 60;
/// Most that a command may print.
const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Arguments that have an effect, or none that is missed.
const KNOWN: [&str; 11] = [
    "cmd",
    "cwd",
    "stdin",
    "env",
    "timeout",
    "python_shell",
    "ignore_retcode",
    "output_loglevel",
    "raise_err",
    "redirect_stderr",
    "success_retcodes",
];

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    if !FAMILY.functions.contains(&fun) {
        return None;
    }
    if matches!(fun, "has_exec" | "which") {
        return Some(arguments.required_text(0, "cmd").map(|name| {
            let found = which(of, &name);
            match (fun, found) {
                ("which", found) => found.map_or(Value::Nil, Value::Str),
                (_, found) => Value::Bool(found.is_some()),
            }
        }));
    }
    if !of.tools.runs_commands {
        return Some(Err(failed(format!(
            "cmd.{fun} is not allowed in templates on the master; the option template_commands \
             allows it"
        ))));
    }
    Some(run(fun, arguments))
}

fn which(of: &MinionFunctions, name: &str) -> Option<String> {
    let is_program = |path: &str| {
        let metadata = of.tools.world.disk.metadata(path.as_ref()).ok().flatten();
        metadata.is_some_and(|m| m.kind == storage::disk::Kind::File && m.mode & 0o111 != 0)
    };
    if name.contains('/') {
        return is_program(name).then(|| name.to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').filter(|folder| !folder.is_empty());
    let mut places = folders.map(|folder| format!("{folder}/{name}"));
    places.find(|place| is_program(place))
}

fn run(fun: &str, arguments: &Arguments) -> Answer {
    for (name, value) in arguments.named.iter() {
        let name = name.to_text();
        if !KNOWN.contains(&name.as_str()) && !name.starts_with("__") && value.is_truthy() {
            let known = KNOWN.join(", ");
            return Err(bad(format!(
                "cmd.{fun}: the argument '{name}' is not supported; there are {known}"
            )));
        }
    }
    let (command, input, limits) = prepared(fun, arguments, TIME_MAX)?;
    let finished = programs::run(command, input, limits);
    let finished = finished.map_err(|error| failed(format!("cmd.{fun}: {error}")))?;
    if finished.code != 0
        && arguments
            .named
            .get("raise_err")
            .is_some_and(Value::is_truthy)
    {
        let said = text(&finished.stdout);
        return Err(failed(format!(
            "cmd.{fun}: exit code {}: {said}",
            finished.code
        )));
    }
    Ok(answer(fun, &finished))
}

/// How a command of a step ended.
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its process id, if it ended by itself.
    pub(crate) pid: Option<u32>,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

/// Runs a line in a shell for a step of an orchestration, with the named arguments `cwd`, `env`,
/// `stdin` and `timeout`; without one it may take `seconds_max`. What takes longer is stopped, has
/// the exit code 1 and says so, as in Salt.
pub(crate) fn perform(line: &str, mut named: Map, seconds_max: u64) -> Result<Ran, String> {
    if named.get("timeout").is_none_or(Value::is_nil) {
        let seconds = i64::try_from(seconds_max).unwrap_or(i64::MAX);
        named.insert("timeout", seconds);
    }
    let arguments = Arguments::new(vec![line.into()], named);
    let prepared = prepared("run_all", &arguments, seconds_max);
    let (command, input, limits) = prepared.map_err(|error| error.to_string())?;
    match programs::run(command, input, limits) {
        Ok(finished) => Ok(Ran {
            code: finished.code,
            pid: Some(finished.pid),
            stdout: text(&finished.stdout),
            stderr: text(&finished.stderr),
        }),
        Err(Failure::TooLong { seconds, .. }) => Ok(Ran {
            code: 1,
            pid: None,
            stdout: format!("{line} : Timed out after {seconds} seconds"),
            stderr: String::new(),
        }),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes the command, its input and its limits of the arguments that Salt's function has.
fn prepared(
    fun: &str,
    arguments: &Arguments,
    seconds_max: u64,
) -> Result<(Command, Vec<u8>, Limits), FunctionError> {
    let is_joined = matches!(fun, "run" | "shell");
    let mut command = command(arguments.required(0, "cmd")?, is_joined)?;
    if let Some(cwd) = arguments.given(1, "cwd") {
        command.current_dir(cwd.to_text());
    }
    if let Some(env) = arguments.named.get("env") {
        let pairs = match env {
            Value::List(maps) => maps
                .iter()
                .filter_map(Value::as_map)
                .flat_map(Map::iter)
                .collect(),
            Value::Map(map) => map.iter().collect(),
            _ => Vec::new(),
        };
        for (name, value) in pairs {
            command.env(name.to_text(), value.to_text());
        }
    }
    let input = arguments
        .given(2, "stdin")
        .map(Value::to_text)
        .unwrap_or_default();
    let seconds = match arguments.named.get("timeout").filter(|time| !time.is_nil()) {
        Some(time) => time
            .as_u64()
            .ok_or_else(|| bad("'timeout' must be seconds"))?,
        None => TIME,
    };
    let limits = Limits {
        time: Duration::from_secs(seconds.min(seconds_max)),
        output_bytes: OUTPUT_BYTES_MAX,
    };
    Ok((command, input.into_bytes(), limits))
}

fn command(cmd: &Value, is_joined: bool) -> Result<Command, FunctionError> {
    let words: Vec<String> = match cmd {
        Value::Str(line) if is_joined => return Ok(programs::shell(&format!("exec 2>&1\n{line}"))),
        Value::Str(line) => return Ok(programs::shell(line)),
        Value::List(words) => words.iter().map(Value::to_text).collect(),
        other => {
            return Err(bad(format!(
                "'cmd' must be text or a list, not {}",
                other.repr()
            )));
        }
    };
    // The words are arguments of a shell that only starts them: nothing in them is acted upon.
    let mut command = programs::shell(if is_joined {
        "exec \"$@\" 2>&1"
    } else {
        "exec \"$@\""
    });
    command.arg("sh").args(words);
    Ok(command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn answer(fun: &str, finished: &Finished) -> Value {
    match fun {
        "retcode" => Value::from(i64::from(finished.code)),
        "run_stderr" => Value::Str(text(&finished.stderr)),
        "run_all" => Value::Map(Map::from([
            ("pid", Value::from(i64::from(finished.pid))),
            ("retcode", Value::from(i64::from(finished.code))),
            ("stdout", Value::Str(text(&finished.stdout))),
            ("stderr", Value::Str(text(&finished.stderr))),
        ])),
        _ => Value::Str(text(&finished.stdout)),
    }
}
