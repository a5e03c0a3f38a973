//! What `onlyif`, `unless`, `creates` and `check_cmd` of a step say.

use model::{Map, Value};

use super::{Machine, command, files};

/// Asks the conditions. The answer is whether the step is passed over, and why.
pub(super) fn before(machine: &Machine, kwarg: &Map) -> Result<Value, String> {
    let options = kwarg.get("options").and_then(Value::as_map);
    let options = options.cloned().unwrap_or_default();
    let entries = |key: &str| kwarg.get(key).and_then(Value::as_list);
    let mut is_passed_over = false;
    let mut comments = Vec::new();
    if let Some(entries) = entries("onlyif") {
        let holds = all_hold(machine, entries, &options)?;
        is_passed_over |= !holds;
        comments.push(format!("onlyif condition is {holds}"));
    }
    if let Some(entries) = entries("unless") {
        let holds = all_hold(machine, entries, &options)?;
        is_passed_over |= holds;
        comments.push(format!("unless condition is {holds}"));
    }
    if let Some(paths) = kwarg.get("creates") {
        let (is_there, comment) = creates(machine, paths)?;
        is_passed_over |= is_there;
        comments.push(comment);
    }
    Ok(answer(is_passed_over, &comments.join("\n")))
}

/// Runs the commands of `check_cmd` until one fails.
pub(super) fn after(kwarg: &Map) -> Result<Value, String> {
    let commands = kwarg.get("check_cmd").and_then(Value::as_list);
    for line in commands.unwrap_or_default() {
        if code_of(&line.to_text(), &Map::new()) != 0 {
            return Ok(answer(false, "check_cmd determined the state failed"));
        }
    }
    Ok(answer(true, "check_cmd determined the state succeeded"))
}

fn answer(result: bool, comment: &str) -> Value {
    Map::from([("result", Value::from(result)), ("comment", comment.into())]).into()
}

/// Says whether every condition holds. What comes behind one that does not is not asked, as in
/// Salt.
fn all_hold(machine: &Machine, entries: &[Value], options: &Map) -> Result<bool, String> {
    for entry in entries {
        let holds = match entry {
            Value::Map(function) => function_holds(machine, function)?,
            line if !machine.may_act => {
                return Err(format!(
                    "the condition '{}' runs a command on the master, which the option \
                     template_commands must allow",
                    line.to_text()
                ));
            }
            line => code_of(&line.to_text(), options) == 0,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives the exit code of a command; one that cannot be started failed.
fn code_of(line: &str, options: &Map) -> i32 {
    command::perform(line, options).map_or(100, |ran| ran.code)
}

/// Calls the function of a dictionary `{fun: ..., args: [...], ...}`. What it gives counts, not an
/// exit code: `cmd.run` holds if the command says something, as in Salt.
fn function_holds(machine: &Machine, written: &Map) -> Result<bool, String> {
    let mut named = written.clone();
    let fun = named.remove("fun").unwrap_or_default().to_text();
    let args = match named.remove("args") {
        None | Some(Value::Nil) => Vec::new(),
        Some(Value::List(args)) => args,
        Some(single) => vec![single],
    };
    let part = named.remove("get_return");
    let part = part.filter(Value::is_truthy).map(|part| part.to_text());
    let answer = (machine.functions)().call(&fun, args, named);
    let answer = answer.map_err(|error| error.to_string())?;
    let found = match &part {
        Some(part) => answer.traverse(part, ":"),
        None => Some(&answer),
    };
    Ok(found.is_some_and(Value::is_truthy))
}

fn creates(machine: &Machine, paths: &Value) -> Result<(bool, String), String> {
    let listed: Vec<String> = match paths {
        Value::List(paths) => paths.iter().map(Value::to_text).collect(),
        path => vec![path.to_text()],
    };
    for path in &listed {
        if !files::is_there(machine, path)? {
            return Ok((false, "Creates files not found".to_owned()));
        }
    }
    let comment = match paths {
        Value::List(_) => "All files in creates exist".to_owned(),
        path => format!("{} exists", path.to_text()),
    };
    Ok((true, comment))
}
