//! `grains.*`: what the minion says of itself.

use model::{Glob, Map, Value};

use super::{Answer, Arguments, Family, MinionFunctions, bad, failed};

pub(super) const FAMILY: Family = Family {
    module: "grains",
    functions: &[
        "equals",
        "filter_by",
        "get",
        "has_value",
        "item",
        "items",
        "ls",
    ],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    let grains = &of.grains.0;
    Some(match fun {
        "get" => look_up(grains, arguments),
        "items" => Ok(grains.clone().into()),
        "item" => Ok(items(grains, arguments)),
        "ls" => {
            let mut names: Vec<String> = grains.keys().map(Value::to_text).collect();
            names.sort();
            Ok(names.into_iter().map(Value::Str).collect())
        }
        "has_value" => arguments
            .required_text(0, "key")
            .map(|key| Value::Bool(traverse(grains, &key, ":").is_some())),
        "equals" => equals(grains, arguments),
        "filter_by" => filter_by(grains, arguments, "grain", Some("os_family")),
        _ => return None,
    })
}

pub(super) fn traverse<'a>(data: &'a Map, path: &str, delimiter: &str) -> Option<&'a Value> {
    let (first, rest) = match path.split_once(delimiter) {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let first = data.get(first)?;
    rest.map_or(Some(first), |rest| first.traverse(rest, delimiter))
}

fn look_up(data: &Map, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "key")?;
    let delimiter = arguments.text(2, "delimiter", ":");
    let found = traverse(data, &key, &delimiter).cloned();
    Ok(found.unwrap_or_else(|| arguments.default_value(1)))
}

/// Looks several keys up: `grains.item`, `pillar.item`.
pub(super) fn items(data: &Map, arguments: &Arguments) -> Value {
    let delimiter = arguments.named.get("delimiter").map(Value::to_text);
    let delimiter = delimiter.unwrap_or_else(|| ":".to_owned());
    let default = arguments.named.get("default").cloned();
    let default = default.unwrap_or_else(|| Value::str(""));
    let look = |key: &Value| {
        let found = traverse(data, &key.to_text(), &delimiter).cloned();
        (key.clone(), found.unwrap_or_else(|| default.clone()))
    };
    Value::Map(arguments.placed.iter().map(look).collect())
}

fn equals(grains: &Map, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "key")?;
    let value = arguments.required_text(1, "value")?;
    let found = traverse(grains, &key, ":").map(Value::to_text);
    Ok(Value::Bool(found.unwrap_or_default() == value))
}

/// Picks from a table by what is found under a key: exact or glob, else `default`; below it `base`,
/// above it `merge`.
pub(super) fn filter_by(
    data: &Map,
    arguments: &Arguments,
    name: &str,
    default_key: Option<&str>,
) -> Answer {
    let table = arguments.required(0, "lookup_dict")?;
    let table = table
        .as_map()
        .ok_or_else(|| bad("filter_by needs a dictionary to look in"))?;
    let key = match default_key {
        Some(default) => arguments.text(1, name, default),
        None => arguments.required_text(1, name)?,
    };
    let values = match traverse(data, &key, ":") {
        Some(Value::List(values)) => values.clone(),
        Some(value) => vec![value.clone()],
        None => Vec::new(),
    };
    let pick = |value: &Value| {
        let text = value.to_text();
        let is_it = |key: &Value| key.to_text() == text || Glob::new(&key.to_text()).matches(&text);
        table
            .iter()
            .find(|(key, picked)| is_it(key) && !picked.is_nil())
            .map(|(_, picked)| picked.clone())
    };
    let default = arguments.text(3, "default", "default");
    let mut picked = values
        .iter()
        .find_map(pick)
        .or_else(|| table.get(&default).cloned())
        .filter(|picked| !picked.is_nil());
    if let Some(base) = arguments
        .given(4, "base")
        .and_then(|base| table.get(&base.to_text()))
    {
        picked = Some(over(base.clone(), picked)?);
    }
    if let Some(merge) = arguments.get(2, "merge").filter(|merge| merge.is_truthy()) {
        if merge.as_map().is_none() {
            return Err(failed("filter_by merge argument must be a dictionary."));
        }
        let wrong = "Cannot update using non-dict types in dictupdate.update()";
        picked = Some(match picked {
            None => merge.clone(),
            Some(below @ Value::Map(_)) => over(below, Some(merge.clone()))?,
            Some(_) => return Err(failed(wrong)),
        });
    }
    Ok(picked.unwrap_or_default())
}

fn over(below: Value, above: Option<Value>) -> Answer {
    match (below, above) {
        (below, None) => Ok(below),
        (Value::Map(mut below), Some(Value::Map(above))) => {
            update(&mut below, above, false);
            Ok(Value::Map(below))
        }
        (Value::Map(_), Some(_)) => Err(failed(
            "filter_by default and look-up values must both be dictionaries.",
        )),
        (_, Some(above)) => Ok(above),
    }
}

/// Puts one map over another, map by map; lists are joined if that is wished.
pub(super) fn update(below: &mut Map, above: Map, joins_lists: bool) {
    for (key, value) in above {
        match (below.get_value_mut(&key), value) {
            (Some(Value::Map(below)), Value::Map(above)) => update(below, above, joins_lists),
            (Some(Value::List(below)), Value::List(above)) if joins_lists => {
                let new: Vec<Value> = above.into_iter().filter(|x| !below.contains(x)).collect();
                below.extend(new);
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}
