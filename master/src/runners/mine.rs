//! `mine.get`: the mine, seen from the master.

use std::collections::HashMap;
use std::sync::Arc;

use model::target::{Target, TargetType};
use model::{Map, MinionId, Value};

use super::{Arguments, RunnerError};
use crate::jobs::decide::{Known, resolve};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    if function != "get" {
        return Err(arguments.unknown());
    }
    let tgt = arguments.required(0, "tgt")?;
    let fun = arguments.required(1, "fun")?;
    let tgt_type = arguments.text(2, "tgt_type").unwrap_or_default();
    let tgt_type =
        TargetType::parse(&tgt_type).map_err(|error| arguments.problem(&error.to_string()))?;
    let target = Target {
        tgt: Value::Str(tgt),
        tgt_type,
    };
    // The master reads as itself: entries that name their readers stay closed to it, unless it is
    // one of them.
    let reader = shared.opts.master_minion_id();
    let nodegroups = shared.opts.nodegroups.clone();
    let found = shared.ledger.ask(move |views| {
        let grains = |id: &MinionId| views.minions.grains(id);
        let known = Known {
            keys: &views.keys,
            grains: &grains,
            nodegroups: &nodegroups,
        };
        let (ids, _) = resolve(&target, known, &HashMap::new())?;
        let read = crate::mine::decide::read(&views.mine, &reader, None, &ids, &Value::Str(fun));
        Ok::<Map, model::target::InvalidTarget>(read)
    });
    found
        .await?
        .map(Value::Map)
        .map_err(|error| arguments.problem(&error.to_string()))
}
