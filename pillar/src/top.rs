//! The pillar's top files: which SLS are for this minion.
//!
//! Unlike those of states, every top file speaks for every environment, a later one replaces an
//! earlier one's target, `- order:` sorts targets and `- ignore_missing: true` forgives.

use indexmap::IndexMap;
use model::{Map, Value};
use states::file_client::FileClient;
use states::sls;
use states::top_file::Matches;

use crate::error::Problem;
use crate::gather::Gatherer;

/// One target of the merged top file.
#[derive(Debug, Clone, Default)]
struct Entry {
    /// The maps that have a `match`.
    matches: Vec<Value>,
    /// The SLS, each once.
    sls: Vec<String>,
    order: i128,
}

/// environment → target → entry.
type Top = IndexMap<String, IndexMap<String, Entry>>;

/// What the top files say, merged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged {
    top: Top,
    /// By environment: SLS that may be missing.
    pub(crate) ignored: IndexMap<String, Vec<String>>,
}

/// Reads and merges the top files. The first that fails to render stops the reading, as in Salt.
pub(crate) fn read(gatherer: &Gatherer<'_>, problems: &mut Vec<Problem>) -> Merged {
    let mut tops = Vec::new();
    for env in environments(gatherer) {
        if let Err(error) = read_env(gatherer, &env, &mut tops) {
            let text = format!("Rendering Primary Top file failed, render error:\n{error}");
            problems.push(Problem::open(text));
            break;
        }
    }
    let mut all = Vec::new();
    for (env, mut top) in tops {
        let included = top.remove("include");
        all.push(top);
        if let Some(Value::List(names)) = included {
            include(gatherer, &env, &names, &mut all, problems);
        }
    }
    merge(&all).unwrap_or_else(|()| {
        problems.push(Problem::open(
            "Error encountered while rendering pillar top file.",
        ));
        Merged::default()
    })
}

fn environments(gatherer: &Gatherer<'_>) -> Vec<String> {
    let known = gatherer.files.envs();
    let options = gatherer.options;
    if let Some(only) = &options.pillarenv {
        return known.into_iter().filter(|env| env == only).collect();
    }
    let mut envs = vec!["base".to_owned()];
    envs.extend(known.into_iter().filter(|env| env != "base"));
    if options.merge.strategy == crate::merge::Strategy::None {
        let only = options.saltenv.as_deref().unwrap_or("base");
        envs.retain(|env| env == only);
    }
    envs
}

fn read_env(
    gatherer: &Gatherer<'_>,
    env: &str,
    tops: &mut Vec<(String, Map)>,
) -> Result<(), String> {
    let path = &gatherer.options.state_top;
    let content = gatherer
        .files
        .read(path, env)
        .map_err(|error| error.to_string())?;
    if let Some(content) = content {
        let top = gatherer.render(path, &content, env, "", Map::new())?;
        tops.push((env.to_owned(), as_top(top)?));
    }
    Ok(())
}

fn as_top(top: Value) -> Result<Map, String> {
    match top {
        Value::Map(top) => Ok(top),
        Value::Nil => Ok(Map::new()),
        _ => Err("the top file does not render to a dictionary".to_owned()),
    }
}

/// Adds included top files; each once, and their own includes count for nothing.
fn include(
    gatherer: &Gatherer<'_>,
    env: &str,
    names: &[Value],
    all: &mut Vec<Map>,
    problems: &mut Vec<Problem>,
) {
    let mut done: Vec<String> = Vec::new();
    for name in names.iter().map(Value::to_text) {
        if done.contains(&name) {
            continue;
        }
        let rendered = match sls::find(&name, env, &gatherer.files) {
            Ok(Some(found)) => gatherer
                .render(&found.path, &found.content, env, "", Map::new())
                .and_then(as_top),
            Ok(None) => Ok(Map::new()),
            Err(error) => Err(error.to_string()),
        };
        match rendered {
            Ok(mut top) => {
                top.remove("include");
                all.push(top);
            }
            Err(error) => problems.push(Problem::open(format!(
                "Rendering Top file {name} failed, render error:\n{error}"
            ))),
        }
        done.push(name);
    }
}

/// Merges; `Err` where Python cannot walk over what should be a list.
fn merge(tops: &[Map]) -> Result<Merged, ()> {
    let mut merged = Merged::default();
    for (env, targets) in tops.iter().flat_map(Map::iter) {
        let env = env.to_text();
        let Value::Map(targets) = targets else {
            return Err(());
        };
        for (tgt, items) in targets.iter() {
            let (entry, may_miss) = read_entry(items)?;
            if may_miss {
                let ignored = merged.ignored.entry(env.clone()).or_default();
                ignored.extend(entry.sls.iter().cloned());
            }
            merged
                .top
                .entry(env.clone())
                .or_default()
                .insert(tgt.to_text(), entry);
        }
    }
    for targets in merged.top.values_mut() {
        targets.sort_by(|_, a, _, b| a.order.cmp(&b.order));
    }
    Ok(merged)
}

fn read_entry(items: &Value) -> Result<(Entry, bool), ()> {
    let mut entry = Entry::default();
    let mut may_miss = false;
    let items = match items {
        Value::List(items) => items.clone(),
        // Python walks over the characters of a text: each is taken for an SLS.
        Value::Str(text) => text
            .chars()
            .map(|letter| letter.to_string().into())
            .collect(),
        _ => return Err(()),
    };
    for item in items {
        match &item {
            Value::Str(sls) if !entry.sls.contains(sls) => entry.sls.push(sls.clone()),
            Value::Map(map) => {
                if let Some(order) = map.get("order") {
                    entry.order = match order {
                        Value::Int(order) => *order,
                        Value::Bool(order) => i128::from(*order),
                        other => other.to_text().trim().parse().unwrap_or(0),
                    };
                }
                may_miss |= map.get("ignore_missing").is_some_and(Value::is_truthy);
                if map.contains_key("match") {
                    entry.matches.push(item);
                }
            }
            _ => {}
        }
    }
    Ok((entry, may_miss))
}

impl Merged {
    /// Gives the SLS of each environment for one minion.
    pub(crate) fn matches(&self, gatherer: &Gatherer<'_>, problems: &mut Vec<Problem>) -> Matches {
        let mut found = Matches::new();
        for (env, targets) in &self.top {
            if gatherer
                .options
                .pillarenv
                .as_ref()
                .is_some_and(|only| only != env)
            {
                continue;
            }
            let mut is_meant = false;
            let mut of_env: Vec<String> = Vec::new();
            for (tgt, entry) in targets {
                match gatherer.minion.is_meant_by_entry(tgt, &entry.matches) {
                    Ok(false) => continue,
                    Ok(true) => is_meant = true,
                    Err(error) => {
                        let text = format!("Pillar top file, target '{tgt}': {error}");
                        problems.push(Problem::open(text));
                        continue;
                    }
                }
                for sls in &entry.sls {
                    if !of_env.contains(sls) {
                        of_env.push(sls.clone());
                    }
                }
            }
            if is_meant {
                found.push((env.clone(), of_env));
            }
        }
        in_order(found, &gatherer.options.env_order)
    }
}

/// Sorts environments by `env_order`; those it does not name stay behind, in their own order.
fn in_order(mut found: Matches, env_order: &[String]) -> Matches {
    let place = |env: &String| env_order.iter().position(|other| other == env);
    found.sort_by_key(|(env, _)| place(env).unwrap_or(usize::MAX));
    found
}
