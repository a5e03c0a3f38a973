//! `saltutil.*` and `mine.get`: what only the running master knows, through its runners.
//!
//! Runners that make pillars or compile states are refused: they would ask for the very thing that
//! is being made.

use model::{Map, Value};

use super::{Answer, Arguments, Family, MinionFunctions, failed};

pub(super) const FAMILY: Family = Family {
    module: "saltutil",
    functions: &["cmd", "cmd_iter", "runner", "wheel"],
    call,
};

pub(super) const MINE: Family = Family {
    module: "mine",
    functions: &["get"],
    call: mine,
};

/// Runner modules that would ask for what is being made.
const REFUSED_RUNNERS: [&str; 3] = ["pillar", "state", "event"];
/// Wheel functions that only look.
const WHEEL: [&str; 5] = [
    "key.finger",
    "key.list",
    "key.list_all",
    "key.name_match",
    "minions.connected",
];

/// Names that `saltutil.runner` and `saltutil.wheel` take for themselves.
const OWN: [&str; 8] = [
    "name",
    "arg",
    "kwarg",
    "timeout",
    "full_return",
    "pub_data",
    "asynchronous",
    "__kwarg__",
];

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    match fun {
        "runner" | "wheel" => Some(forward(of, fun, arguments)),
        "cmd" | "cmd_iter" => Some(Err(failed(format!(
            "saltutil.{fun} would run a job on minions while a template is rendered, which is not \
             allowed; make it a step of the orchestration"
        )))),
        _ => None,
    }
}

fn forward(of: &MinionFunctions, how: &str, arguments: &Arguments) -> Answer {
    let name = arguments.required_text(0, "name")?;
    let args = match arguments.given(1, "arg") {
        None => Vec::new(),
        Some(Value::List(args)) => args.clone(),
        Some(single) => vec![single.clone()],
    };
    let mut kwargs = Map::new();
    for (key, value) in arguments.named.iter() {
        if !OWN.contains(&key.to_text().as_str()) {
            kwargs.insert(key.clone(), value.clone());
        }
    }
    if let Some(Value::Map(more)) = arguments.named.get("kwarg") {
        kwargs.extend(more.clone());
    }
    let module = name.split('.').next().unwrap_or_default();
    if how == "runner" && REFUSED_RUNNERS.contains(&module) {
        return Err(failed(format!(
            "the runner {name} cannot be called while a template is rendered on the master"
        )));
    }
    if how == "wheel" && !WHEEL.contains(&name.as_str()) {
        let allowed = WHEEL.join(", ");
        return Err(failed(format!(
            "the wheel function {name} cannot be called from a template; there are {allowed}"
        )));
    }
    ask(of, how, &name, args, kwargs)
}

fn ask(of: &MinionFunctions, how: &str, name: &str, args: Vec<Value>, kwargs: Map) -> Answer {
    let Some(live) = of.tools.live.get() else {
        return Err(failed(format!(
            "{name} needs a running master; here is none"
        )));
    };
    let answer = match how {
        "wheel" => live.wheel(name, args, kwargs),
        _ => live.runner(name, args, kwargs),
    };
    answer.map_err(|error| failed(format!("{name}: {error}")))
}

fn mine(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    if fun != "get" {
        return None;
    }
    let mut named = arguments.named.clone();
    named.remove("exclude_minion");
    let found = ask(of, "runner", "mine.get", arguments.placed.clone(), named);
    let excludes = arguments
        .named
        .get("exclude_minion")
        .is_some_and(Value::is_truthy);
    Some(found.map(|found| match found {
        Value::Map(mut map) if excludes => {
            map.remove(of.id.as_str());
            Value::Map(map)
        }
        found => found,
    }))
}
