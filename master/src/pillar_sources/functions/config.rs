//! `config.*`: options, then grains, then pillar, as Salt looks.

use model::{Glob, Map, Value};

use super::grains::{traverse, update};
use super::{Answer, Arguments, Family, MinionFunctions, sdb};

pub(super) const FAMILY: Family = Family {
    module: "config",
    functions: &["dot_vals", "get", "items", "merge", "option"],
    call,
};

/// What Salt answers where nobody says anything.
const DEFAULTS: [(&str, &str); 2] = [
    ("hosts.file", "/etc/hosts"),
    ("aliases.file", "/etc/aliases"),
];

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "get" => get(of, arguments),
        "option" => option(of, arguments),
        "merge" => merge(of, arguments),
        "items" => Ok(Map::clone(&of.opts).into()),
        "dot_vals" => dot_vals(of, arguments),
        _ => return None,
    })
}

/// Gives what the pillar says under `master` (`pillar_opts`).
fn of_master(of: &MinionFunctions) -> Map {
    let master = of.pillar.get("master").and_then(Value::as_map);
    master.cloned().unwrap_or_default()
}

fn get(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "key")?;
    let delimiter = arguments.text(2, "delimiter", ":");
    let default = || arguments.default_value(1);
    let master = of_master(of);
    let defaults: Map = DEFAULTS.into_iter().collect();
    if let Some(strategy) = arguments.given(3, "merge") {
        let mut data = defaults;
        for above in [&master, &of.pillar, &of.grains.0, of.opts.as_ref()] {
            if strategy.as_str() == Some("overwrite") {
                data.extend(above.clone());
            } else {
                update(&mut data, above.clone(), false);
            }
        }
        return Ok(traverse(&data, &key, &delimiter)
            .cloned()
            .unwrap_or_else(default));
    }
    let places = [
        (of.opts.as_ref(), 4, "omit_opts"),
        (&of.grains.0, 7, "omit_grains"),
        (&of.pillar, 5, "omit_pillar"),
        (&master, 6, "omit_master"),
    ];
    for (data, place, omit) in places {
        if arguments.is_on(place, omit) {
            continue;
        }
        if let Some(found) = traverse(data, &key, &delimiter) {
            return match found.as_str() {
                Some(uri) if uri.starts_with("sdb://") => sdb::get(of, uri),
                _ => Ok(found.clone()),
            };
        }
    }
    Ok(traverse(&defaults, &key, &delimiter)
        .cloned()
        .unwrap_or_else(default))
}

fn option(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "value")?;
    let omits_all = arguments.is_on(6, "omit_all");
    let is_wild = arguments.is_on(7, "wildcard");
    let master = of_master(of);
    let places = [
        (of.opts.as_ref(), 2, "omit_opts"),
        (&of.grains.0, 3, "omit_grains"),
        (&of.pillar, 4, "omit_pillar"),
        (&master, 5, "omit_master"),
    ];
    let places = places
        .into_iter()
        .filter(|(_, place, omit)| !omits_all && !arguments.is_on(*place, omit));
    let defaults: Map = DEFAULTS.into_iter().collect();
    let mut data: Vec<&Map> = places.map(|(data, ..)| data).collect();
    data.push(&defaults);
    let default = arguments.given(1, "default").cloned();
    if !is_wild {
        let found = data.into_iter().find_map(|data| data.get(&key)).cloned();
        return Ok(found.or(default).unwrap_or_else(|| Value::str("")));
    }
    let glob = Glob::new(&key);
    let mut found = Map::new();
    for (name, value) in data.into_iter().flat_map(Map::iter) {
        if glob.matches(&name.to_text()) && found.get_value(name).is_none() {
            found.insert(name.clone(), value.clone());
        }
    }
    if found.is_empty() {
        return Ok(default.unwrap_or_else(|| Map::new().into()));
    }
    Ok(found.into())
}

fn merge(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let key = arguments.required_text(0, "value")?;
    let master = of_master(of);
    let places = [
        (of.opts.as_ref(), 2, "omit_opts"),
        (&master, 3, "omit_master"),
        (&of.pillar, 4, "omit_pillar"),
    ];
    let mut merged: Option<Value> = None;
    for (data, place, omit) in places {
        let found = data.get(&key).filter(|_| !arguments.is_on(place, omit));
        merged = match (merged, found.cloned()) {
            (None, Some(Value::Str(text))) => return Ok(Value::Str(text)),
            (Some(Value::Map(ours)), Some(Value::Map(mut below))) => {
                below.extend(ours);
                Some(below.into())
            }
            (Some(Value::List(mut ours)), Some(Value::List(more))) => {
                ours.extend(more);
                Some(Value::List(ours))
            }
            (merged, found) => merged.or(found),
        };
    }
    let defaults: Map = DEFAULTS.into_iter().collect();
    let merged = merged.or_else(|| defaults.get(&key).cloned());
    Ok(merged.unwrap_or_else(|| arguments.default_value(1)))
}

fn dot_vals(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let prefix = format!("{}.", arguments.required_text(0, "value")?);
    let master = of_master(of);
    let all = master.iter().chain(of.opts.iter());
    let dotted = all.filter(|(key, _)| key.to_text().starts_with(&prefix));
    Ok(Value::Map(
        dotted
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    ))
}
