//! Top files of several environments become one.

use model::{Map, Value};

use super::{Options, Tops, fail};
use crate::compiler::CompileError;

/// `top_file_merging_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Base may speak for every environment, the others for themselves where base is silent.
    #[default]
    Merge,
    /// Each environment speaks for itself, or else `default_top` for it.
    Same,
    /// Everyone speaks for all.
    MergeAll,
}

impl Strategy {
    /// Reads Salt's name; an unknown one counts as `merge`.
    pub fn parse(name: &str) -> Self {
        match name {
            "same" => Self::Same,
            "merge_all" => Self::MergeAll,
            _ => Self::Merge,
        }
    }
}

/// Merges by the strategy: environment → target → list.
pub(super) fn merge(tops: Tops, options: &Options) -> Result<Map, CompileError> {
    match options.strategy {
        Strategy::Merge => merge_base_first(tops),
        Strategy::Same => merge_same(&tops, &options.default_top),
        Strategy::MergeAll => merge_all(&tops),
    }
}

fn merge_base_first(mut tops: Tops) -> Result<Map, CompileError> {
    let mut merged = Map::new();
    if let Some(base) = tops.iter().position(|(env, _)| env == "base") {
        for top in tops.remove(base).1 {
            for (env, targets) in sections(&top) {
                put(&mut merged, env, targets)?;
            }
        }
    }
    for (env, of_env) in &tops {
        for top in of_env {
            for (section, targets) in sections(top) {
                if section.as_str() == Some(env) && merged.get(env).is_none() {
                    put(&mut merged, section, targets)?;
                }
            }
        }
    }
    Ok(merged)
}

fn merge_same(tops: &Tops, default_top: &str) -> Result<Map, CompileError> {
    let mut merged = Map::new();
    for (env, of_env) in tops {
        let is_silent = of_env.iter().all(Map::is_empty);
        let fallback = tops.iter().find(|(other, _)| other == default_top);
        let speaking = match fallback {
            Some((_, fallback)) if is_silent => fallback,
            _ => of_env,
        };
        for top in speaking {
            for (section, targets) in sections(top) {
                if section.as_str() == Some(env) {
                    put(&mut merged, section, targets)?;
                }
            }
        }
    }
    Ok(merged)
}

fn merge_all(tops: &Tops) -> Result<Map, CompileError> {
    let mut merged = Map::new();
    for (env, targets) in tops
        .iter()
        .flat_map(|(_, of_env)| of_env)
        .flat_map(sections)
    {
        let Value::Map(targets) = targets else {
            return Err(no_targets());
        };
        let mut joined = match merged.get_value(env) {
            Some(Value::Map(known)) => known.clone(),
            _ => Map::new(),
        };
        for (tgt, entry) in targets.iter() {
            let entry = match joined.get_value(tgt) {
                Some(known) => join(known, entry),
                None => entry.clone(),
            };
            joined.insert(tgt.clone(), entry);
        }
        merged.insert(env.clone(), joined);
    }
    Ok(merged)
}

/// Joins two entries of one target: the kind of match of the later one, then the SLS of both.
fn join(known: &Value, entry: &Value) -> Value {
    let list = |value: &Value| value.as_list().unwrap_or_default().to_vec();
    let split = |items: Vec<Value>| {
        let (maps, sls): (Vec<Value>, Vec<Value>) = items
            .into_iter()
            .partition(|item| matches!(item, Value::Map(_)));
        let sls: Vec<Value> = sls
            .into_iter()
            .filter(|item| item.as_str().is_some())
            .collect();
        (maps.into_iter().next_back(), sls)
    };
    let (known_match, known_sls) = split(list(known));
    let (new_match, new_sls) = split(list(entry));
    let mut joined: Vec<Value> = new_match.or(known_match).into_iter().collect();
    joined.extend(known_sls);
    let added: Vec<Value> = new_sls
        .into_iter()
        .filter(|sls| !joined.contains(sls))
        .collect();
    joined.extend(added);
    Value::List(joined)
}

fn sections(top: &Map) -> impl Iterator<Item = (&Value, &Value)> {
    top.iter()
        .filter(|(env, _)| env.as_str() != Some("include"))
}

fn put(merged: &mut Map, env: &Value, targets: &Value) -> Result<(), CompileError> {
    let Value::Map(targets) = targets else {
        return Err(no_targets());
    };
    let mut known = match merged.get_value(env) {
        Some(Value::Map(known)) => known.clone(),
        _ => Map::new(),
    };
    known.extend(targets.clone());
    // Salt knows an environment once it has a target.
    if !known.is_empty() {
        merged.insert(env.clone(), known);
    }
    Ok(())
}

fn no_targets() -> CompileError {
    fail("Unable to render top file. No targets found.".to_owned())
}
