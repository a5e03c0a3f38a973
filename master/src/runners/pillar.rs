//! `pillar.*`: the pillar of a minion as the master compiles it now, which SLS it is made of, where
//! a value comes from, and what `pillar_cache` keeps.

use std::sync::Arc;

use model::{Grains, Map, MinionId, Value};
use states::top_file::Matches;

use super::{Arguments, RunnerError};
use crate::bin_explain::origin_value;
use crate::pillar_sources::{Asked, Pillars};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    let id = match function {
        // Here the argument is a glob.
        "clear_pillar_cache" | "show_pillar_cache" => shared.opts.master_minion_id(),
        _ => minion(shared, &arguments)?,
    };
    match function {
        "show_pillar" => {
            let named = arguments.kwarg().clone();
            let compiled = with_pillars(shared, id, move |pillars, id, grains| {
                pillars.compile_asked(asked(id, grains, &named))
            });
            compiled.await.map(Value::Map)
        }
        "clear_pillar_cache" => {
            let glob = arguments.text(0, "minion").unwrap_or_else(|| "*".into());
            // As in Salt: what is still kept afterwards.
            let is_on = shared.pillars.clear_kept(&glob);
            Ok(if is_on {
                Map::new().into()
            } else {
                Value::Bool(false)
            })
        }
        "show_pillar_cache" => {
            let glob = arguments.text(0, "minion").unwrap_or_else(|| "*".into());
            let pillarenv = arguments.named("pillarenv").map(Value::to_text);
            let kept = shared.pillars.kept(&glob, pillarenv.as_deref());
            Ok(kept.map_or(Value::Bool(false), Value::Map))
        }
        "show_top" => {
            let top = with_pillars(shared, id, |pillars, id, grains| pillars.top(id, grains));
            match top.await? {
                Ok(matches) => Ok(matches_value(matches)),
                Err(problems) => {
                    let problems: Vec<String> = problems.into_iter().map(|p| p.full).collect();
                    Err(RunnerError::Failed(problems.join("\n")))
                }
            }
        }
        "explain" => {
            arguments.required(0, "minion")?;
            let key = arguments.required(1, "key")?;
            let origins = with_pillars(shared, id, move |pillars, id, grains| {
                pillars.explain(id, grains, &key)
            });
            Ok(origins.await?.into_iter().map(origin_value).collect())
        }
        _ => Err(arguments.unknown()),
    }
}

/// Reads the named arguments of `show_pillar`: environments, and anything else is a grain, as in
/// Salt. What it shows is made anew.
fn asked(id: &MinionId, grains: &Grains, named: &Map) -> Asked {
    let text = |name: &str| named.get(name).filter(|v| !v.is_nil()).map(Value::to_text);
    let mut grains = grains.clone();
    for (name, value) in named.iter() {
        if !["minion", "saltenv", "pillarenv"].contains(&name.to_text().as_str()) {
            grains.0.insert(name.clone(), value.clone());
        }
    }
    Asked {
        id: id.clone(),
        grains,
        saltenv: text("saltenv").or_else(|| Some("base".to_owned())),
        pillarenv: text("pillarenv"),
        overrides: Map::new(),
        ext: None,
        is_cache_cleared: true,
    }
}

/// Reads the argument `minion`; the master itself if there is none, as in Salt.
pub(super) fn minion(shared: &Shared, arguments: &Arguments) -> Result<MinionId, RunnerError> {
    match arguments.text(0, "minion") {
        Some(text) if text != "*" => text
            .parse::<MinionId>()
            .map_err(|error| arguments.problem(&error.to_string())),
        _ => Ok(shared.opts.master_minion_id()),
    }
}

/// Lets the pillars do something for a minion, with the grains that are known of it.
async fn with_pillars<T: Send + 'static>(
    shared: &Arc<Shared>,
    id: MinionId,
    work: impl FnOnce(&Pillars, &MinionId, &Grains) -> T + Send + 'static,
) -> Result<T, RunnerError> {
    let grains = grains(shared, &id).await?;
    let pillars = Arc::clone(&shared.pillars);
    let done = tokio::task::spawn_blocking(move || work(&pillars, &id, &grains));
    done.await
        .map_err(|error| RunnerError::Failed(error.to_string()))
}

/// Gives the grains that are known of a minion; none, if it never told any.
pub(super) async fn grains(shared: &Shared, id: &MinionId) -> Result<Grains, RunnerError> {
    let asked = id.clone();
    let known = shared
        .ledger
        .ask(move |views| views.minions.grains(&asked).cloned());
    Ok(known.await?.unwrap_or_default())
}

/// Gives environment → list of SLS.
pub(super) fn matches_value(matches: Matches) -> Value {
    let mut map = Map::new();
    for (env, sls) in matches {
        let sls: Value = sls.into_iter().map(Value::Str).collect();
        map.insert(env, sls);
    }
    Value::Map(map)
}
