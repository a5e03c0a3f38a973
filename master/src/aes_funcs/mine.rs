//! `_mine`, `_mine_get`, `_mine_delete`, `_mine_flush`.

use std::collections::HashMap;
use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::mine::{MineFun, MineGetLoad, MineLoad};
use model::target::{Target, TargetType};
use model::{MinionId, Value};

use crate::jobs::decide::{Known, resolve};
use crate::ledger::Input;
use crate::mine::decide::read;
use crate::shared::Shared;

/// Stores what a minion publishes for others.
pub(crate) async fn store(shared: &Arc<Shared>, load: MineLoad) -> Reply {
    let MineLoad { id, data, clear } = load;
    match shared
        .ledger
        .decide(Input::MineStore { id, data, clear })
        .await
    {
        Ok(_) => Reply::Value(true.into()),
        Err(_) => Reply::Broken,
    }
}

/// Deletes one function of the asker's mine, or all of it.
pub(crate) async fn delete(shared: &Arc<Shared>, id: MinionId, fun: Option<String>) -> Reply {
    match shared.ledger.decide(Input::MineDelete { id, fun }).await {
        Ok(_) => Reply::Value(true.into()),
        Err(_) => Reply::Broken,
    }
}

/// Gives what others published. Pillar targets are not resolved here: a minion could feel its way through others'
/// pillars.
pub(crate) async fn get(shared: &Arc<Shared>, load: MineGetLoad) -> Reply {
    let Ok(tgt_type) = TargetType::parse(&load.tgt_type) else {
        return Reply::empty();
    };
    let target = Target {
        tgt: load.tgt,
        tgt_type,
    };
    let fun = match load.fun {
        MineFun::One(fun) => Value::Str(fun),
        MineFun::Many(funs) => funs.iter().map(Value::from).collect(),
    };
    let nodegroups = shared.opts.nodegroups.clone();
    let id = load.id;
    let found = shared.ledger.ask(move |views| {
        let grains = |id: &MinionId| views.minions.grains(id);
        let known = Known {
            keys: &views.keys,
            grains: &grains,
            nodegroups: &nodegroups,
        };
        let (ids, _) = resolve(&target, known, &HashMap::new()).unwrap_or_default();
        read(&views.mine, &id, views.minions.grains(&id), &ids, &fun)
    });
    match found.await {
        Ok(found) => Reply::Value(found.into()),
        Err(_) => Reply::Broken,
    }
}
