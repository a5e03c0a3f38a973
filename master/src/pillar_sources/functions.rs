//! What templates on the master may call as `salt['mod.fun'](...)`.
//!
//! Only functions whose answer follows from the minion, its grains, its pillar and the options.
//! Whatever else is known (the mine, runners) comes from `more`. Nothing runs a program: a pillar
//! is no place for one.

use std::sync::Arc;

use model::target::{Candidate, Target, TargetType, nodegroup};
use model::{Glob, Grains, Map, MinionId, Value};
use states::context::{FunctionError, Functions, near_names};

/// All names, for messages about others.
const NAMES: &[&str] = &[
    "config.get",
    "config.option",
    "grains.filter_by",
    "grains.get",
    "grains.has_value",
    "grains.item",
    "grains.items",
    "match.compound",
    "match.glob",
    "match.grain",
    "match.grain_pcre",
    "match.ipcidr",
    "match.list",
    "match.nodegroup",
    "match.pcre",
    "match.pillar",
    "pillar.get",
    "pillar.items",
    "test.echo",
    "test.ping",
];

/// The functions of one minion.
pub(super) struct MinionFunctions {
    pub(super) id: MinionId,
    pub(super) grains: Grains,
    pub(super) pillar: Map,
    pub(super) opts: Map,
    pub(super) more: Arc<dyn Functions>,
}

/// What a function was called with: by place or by name.
struct Arguments {
    placed: Vec<Value>,
    named: Map,
}

impl Arguments {
    fn get(&self, place: usize, name: &str) -> Option<&Value> {
        self.placed.get(place).or_else(|| self.named.get(name))
    }

    fn required(&self, place: usize, name: &str) -> Result<&Value, FunctionError> {
        let missing = || FunctionError::BadArguments(format!("missing argument: '{name}'"));
        self.get(place, name).ok_or_else(missing)
    }

    fn text(&self, place: usize, name: &str, default: &str) -> String {
        self.get(place, name)
            .map_or_else(|| default.to_owned(), Value::to_text)
    }

    fn is_on(&self, place: usize, name: &str) -> bool {
        self.get(place, name).is_some_and(Value::is_truthy)
    }
}

impl Functions for MinionFunctions {
    fn call(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, FunctionError> {
        let arguments = Arguments {
            placed: args,
            named: kwargs,
        };
        match fun {
            "grains.get" => look_up(&self.grains.0, &arguments),
            "grains.items" => Ok(self.grains.0.clone().into()),
            "grains.item" => Ok(self.grain_items(&arguments)),
            "grains.has_value" => {
                let key = arguments.required(0, "key")?.to_text();
                Ok(Value::Bool(
                    self.grains.get(&key).is_some_and(Value::is_truthy),
                ))
            }
            "grains.filter_by" => filter_by(&self.grains, &arguments),
            "pillar.get" => look_up_and_merge(&self.pillar, &arguments),
            "pillar.items" => Ok(self.pillar.clone().into()),
            "config.get" | "config.option" => self.config(&arguments),
            "test.ping" => Ok(Value::Bool(true)),
            "test.echo" => Ok(arguments.required(0, "text")?.clone()),
            _ => match fun.strip_prefix("match.").map(TargetType::parse) {
                Some(Ok(how)) => self.is_meant(how, &arguments),
                _ => self.more(fun, arguments),
            },
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
        names.extend(self.more.names());
        names.sort();
        names.dedup();
        names
    }
}

impl MinionFunctions {
    fn more(&self, fun: &str, arguments: Arguments) -> Result<Value, FunctionError> {
        match self.more.call(fun, arguments.placed, arguments.named) {
            Err(FunctionError::Unknown { name, .. }) => {
                let names = self.names();
                let near = near_names(&name, names.iter().map(String::as_str));
                Err(FunctionError::Unknown { name, near })
            }
            answer => answer,
        }
    }

    fn grain_items(&self, arguments: &Arguments) -> Value {
        let value = |key: &Value| self.grains.get(&key.to_text()).cloned();
        let or_empty = |key: &Value| (key.clone(), value(key).unwrap_or_else(|| Value::str("")));
        Value::Map(arguments.placed.iter().map(or_empty).collect())
    }

    /// Looks in the options, then in the grains, then in the pillar, as Salt does.
    fn config(&self, arguments: &Arguments) -> Result<Value, FunctionError> {
        let key = arguments.required(0, "key")?.to_text();
        for data in [&self.opts, &self.grains.0, &self.pillar] {
            if let Some(found) = traverse(data, &key, ":") {
                return Ok(found.clone());
            }
        }
        Ok(arguments
            .get(1, "default")
            .cloned()
            .unwrap_or_else(|| Value::str("")))
    }

    fn is_meant(&self, how: TargetType, arguments: &Arguments) -> Result<Value, FunctionError> {
        let failed = |error: model::target::InvalidTarget| FunctionError::Failed(error.to_string());
        let tgt = arguments.required(0, "tgt")?.clone();
        let no_groups = Map::new();
        let groups = self
            .opts
            .get("nodegroups")
            .and_then(Value::as_map)
            .unwrap_or(&no_groups);
        let (tgt, tgt_type) = match how {
            TargetType::Nodegroup => {
                let expression = nodegroup::expression(&tgt.to_text(), groups).map_err(failed)?;
                (Value::Str(expression), TargetType::Compound)
            }
            TargetType::Compound => {
                let expression = nodegroup::expand(&tgt.to_text(), groups).map_err(failed)?;
                (Value::Str(expression), TargetType::Compound)
            }
            other => (tgt, other),
        };
        let pillar = Value::Map(self.pillar.clone());
        let candidate = Candidate {
            id: &self.id,
            grains: Some(&self.grains),
            pillar: Some(&pillar),
        };
        Target { tgt, tgt_type }
            .matches(candidate)
            .map(Value::Bool)
            .map_err(failed)
    }
}

fn traverse<'a>(data: &'a Map, path: &str, delimiter: &str) -> Option<&'a Value> {
    let (first, rest) = match path.split_once(delimiter) {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let first = data.get(first)?;
    rest.map_or(Some(first), |rest| first.traverse(rest, delimiter))
}

fn look_up(data: &Map, arguments: &Arguments) -> Result<Value, FunctionError> {
    let key = arguments.required(0, "key")?.to_text();
    let delimiter = arguments.text(2, "delimiter", ":");
    let default = || {
        arguments
            .get(1, "default")
            .cloned()
            .unwrap_or_else(|| Value::str(""))
    };
    Ok(traverse(data, &key, &delimiter)
        .cloned()
        .unwrap_or_else(default))
}

/// As `look_up`, but a default that is a map or list may be filled up by what is found.
fn look_up_and_merge(data: &Map, arguments: &Arguments) -> Result<Value, FunctionError> {
    let key = arguments.required(0, "key")?.to_text();
    // pillar.get(key, default, merge, merge_nested_lists, delimiter, ...)
    let delimiter = arguments.text(4, "delimiter", ":");
    let default = arguments
        .get(1, "default")
        .cloned()
        .unwrap_or_else(|| Value::str(""));
    let Some(found) = traverse(data, &key, &delimiter).cloned() else {
        return Ok(default);
    };
    if !arguments.is_on(2, "merge") {
        return Ok(found);
    }
    Ok(match (default, found) {
        (Value::Map(mut default), Value::Map(found)) => {
            update(&mut default, found);
            default.into()
        }
        (Value::List(mut default), Value::List(found)) => {
            for item in found {
                if !default.contains(&item) {
                    default.push(item);
                }
            }
            Value::List(default)
        }
        (_, found) => found,
    })
}

/// Picks from a table by a grain: an exact or glob key, else `default`; below it `base`, above it
/// `merge`.
fn filter_by(grains: &Grains, arguments: &Arguments) -> Result<Value, FunctionError> {
    let bad = |text: &str| FunctionError::BadArguments(text.to_owned());
    let table = arguments.required(0, "lookup_dict")?;
    let table = table
        .as_map()
        .ok_or_else(|| bad("filter_by needs a dictionary to look in"))?;
    let grain = arguments.text(1, "grain", "os_family");
    let values = match grains.get(&grain) {
        Some(Value::List(values)) => values.clone(),
        Some(value) => vec![value.clone()],
        None => Vec::new(),
    };
    let pick = |value: &Value| {
        let text = value.to_text();
        let is_it = |key: &Value| key.to_text() == text || Glob::new(&key.to_text()).matches(&text);
        table
            .iter()
            .find(|(key, _)| is_it(key))
            .map(|(_, picked)| picked.clone())
    };
    let default = arguments.text(3, "default", "default");
    let mut picked = values
        .iter()
        .find_map(pick)
        .or_else(|| table.get(&default).cloned());
    if let Some(base) = arguments
        .get(4, "base")
        .and_then(|base| table.get(&base.to_text()))
    {
        picked = Some(over(base.clone(), picked).map_err(bad)?);
    }
    if let Some(merge) = arguments.get(2, "merge").filter(|merge| merge.is_truthy()) {
        if merge.as_map().is_none() {
            return Err(bad("filter_by merge argument must be a dictionary."));
        }
        picked = Some(match picked {
            None => merge.clone(),
            Some(below) => over(below, Some(merge.clone())).map_err(bad)?,
        });
    }
    Ok(picked.unwrap_or_default())
}

fn over(below: Value, above: Option<Value>) -> Result<Value, &'static str> {
    match (below, above) {
        (below, None) => Ok(below),
        (Value::Map(mut below), Some(Value::Map(above))) => {
            update(&mut below, above);
            Ok(Value::Map(below))
        }
        (Value::Map(_), Some(_)) => {
            Err("filter_by default and look-up values must both be dictionaries.")
        }
        (_, Some(above)) => Ok(above),
    }
}

/// Puts one map over another, map by map.
fn update(below: &mut Map, above: Map) {
    for (key, value) in above {
        match (below.get_value_mut(&key), value) {
            (Some(Value::Map(below)), Value::Map(above)) => update(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}
