//! `test.*`: small functions for trying things out.

use model::{Map, Value};
use states::context::Functions;

use super::{Answer, Arguments, Family, MinionFunctions, random};

pub(super) const FAMILY: Family = Family {
    module: "test",
    functions: &[
        "arg",
        "echo",
        "false",
        "get_opts",
        "kwarg",
        "ping",
        "rand_str",
        "random_hash",
        "true",
        "try",
    ],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "ping" | "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "echo" => arguments.required(0, "text").cloned(),
        "get_opts" => Ok(Map::clone(&of.opts).into()),
        "kwarg" => Ok(arguments.named.clone().into()),
        "arg" => Ok(Value::Map(Map::from([
            ("args", Value::List(arguments.placed.clone())),
            ("kwargs", arguments.named.clone().into()),
        ]))),
        "rand_str" | "random_hash" => random::random_hash(of, arguments),
        "try" => attempt(of, arguments),
        _ => return None,
    })
}

/// Calls another function; nothing if that fails.
fn attempt(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let module = arguments.required_text(0, "module")?;
    let mut named = arguments.named.clone();
    named.remove("module");
    let shows = named.remove("return_try_exception");
    let shows = shows.as_ref().or(arguments.placed.get(1));
    Ok(match of.call(&module, Vec::new(), named) {
        Ok(value) => value,
        Err(error) if shows.is_some_and(Value::is_truthy) => Value::Str(error.to_string()),
        Err(_) => Value::Nil,
    })
}
