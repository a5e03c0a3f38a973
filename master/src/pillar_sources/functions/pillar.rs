//! `pillar.*`: the pillar as far as it is known. In pillar files that is nothing, as in Salt; they
//! have the variable `pillar`.

use model::{Map, Value};

use super::grains::{filter_by, items, traverse, update};
use super::{Answer, Arguments, Family, MinionFunctions, failed};

pub(super) const FAMILY: Family = Family {
    module: "pillar",
    functions: &["filter_by", "get", "item", "items", "keys", "ls", "raw"],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    let pillar = &of.pillar;
    Some(match fun {
        "get" => get(of, arguments),
        "items" => Ok(pillar.clone().into()),
        "item" => Ok(items(pillar, arguments)),
        "ls" => Ok(pillar.keys().cloned().collect()),
        "raw" => Ok(
            match arguments.get(0, "key").filter(|key| key.is_truthy()) {
                Some(key) => {
                    let found = pillar.get(&key.to_text()).cloned();
                    found.unwrap_or_else(|| Map::new().into())
                }
                None => pillar.clone().into(),
            },
        ),
        "keys" => keys(pillar, arguments),
        "filter_by" => filter_by(pillar, arguments, "pillar", None),
        _ => return None,
    })
}

/// `pillar.get(key, default, merge, merge_nested_lists, delimiter, ...)`: a default that is a map
/// or a list may be filled up by what is found.
fn get(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "key")?;
    let delimiter = arguments.text(4, "delimiter", ":");
    let default = arguments.default_value(1);
    let found = traverse(&of.pillar, &key, &delimiter).cloned();
    if !arguments.is_on(2, "merge") {
        return Ok(found.unwrap_or(default));
    }
    let option = || {
        let option = of.opts.get("pillar_merge_lists");
        option.is_some_and(Value::is_truthy)
    };
    let joins_lists = arguments
        .given(3, "merge_nested_lists")
        .map_or_else(option, Value::is_truthy);
    Ok(match (default, found) {
        (Value::Map(mut default), Some(Value::Map(found))) => {
            update(&mut default, found, joins_lists);
            default.into()
        }
        (Value::List(mut default), Some(Value::List(found))) => {
            let new: Vec<Value> = found.into_iter().filter(|x| !default.contains(x)).collect();
            default.extend(new);
            Value::List(default)
        }
        (default, found) => found.unwrap_or(default),
    })
}

fn keys(pillar: &Map, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "key")?;
    let delimiter = arguments.text(1, "delimiter", ":");
    match traverse(pillar, &key, &delimiter) {
        None => Err(failed(format!("Pillar key not found: {key}"))),
        Some(Value::Map(map)) => Ok(map.keys().cloned().collect()),
        Some(_) => Err(failed(format!("Pillar value in key {key} is not a dict"))),
    }
}
