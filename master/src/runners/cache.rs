//! `cache.*`: what the master remembers of minions.

use std::collections::HashMap;
use std::sync::Arc;

use model::target::{Target, TargetType};
use model::{Map, Value};

use super::{Arguments, RunnerError};
use crate::jobs::decide::{Known, resolve};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    if !matches!(function, "grains" | "mine") {
        return Err(arguments.unknown());
    }
    let tgt = arguments.text(0, "tgt").unwrap_or_else(|| "*".into());
    let tgt_type = arguments.text(1, "tgt_type").unwrap_or_default();
    let tgt_type =
        TargetType::parse(&tgt_type).map_err(|error| arguments.problem(&error.to_string()))?;
    let target = Target {
        tgt: Value::Str(tgt),
        tgt_type,
    };
    let nodegroups = shared.opts.nodegroups.clone();
    let wants_mine = function == "mine";
    let found = shared.ledger.ask(move |views| {
        let grains = |id: &model::MinionId| views.minions.grains(id);
        let known = Known {
            keys: &views.keys,
            grains: &grains,
            nodegroups: &nodegroups,
        };
        let (ids, _) = resolve(&target, known, &HashMap::new())?;
        let of = |id: model::MinionId| {
            let data = if wants_mine {
                views.mine.all(&id)
            } else {
                views.minions.grains(&id).map(|grains| grains.0.clone())
            };
            (id.to_string(), data.unwrap_or_default())
        };
        Ok::<Map, model::target::InvalidTarget>(ids.into_iter().map(of).collect())
    });
    found
        .await?
        .map(Value::Map)
        .map_err(|error| arguments.problem(&error.to_string()))
}
