//! `_mine`, `_mine_get`, `_mine_delete`, `_mine_flush`.

use std::collections::HashMap;
use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::mine::{MineFun, MineGetLoad, MineLoad};
use model::target::{Target, TargetType};
use model::{MinionId, Value};

use crate::jobs::decide::{Known, resolve};
use crate::ledger::{Input, LedgerError};
use crate::mine::decide::read;
use crate::mine::sealed;
use crate::shared::Shared;

/// Stores what a minion publishes for others. The values go into blobs first: they may be secrets,
/// and a log forgets late.
pub(crate) async fn store(shared: &Arc<Shared>, load: MineLoad) -> Reply {
    let MineLoad { id, data, clear } = load;
    let working = Arc::clone(shared);
    let put = move || sealed::put(working.blobs.as_ref(), working.world.entropy.as_ref(), data);
    let data = match tokio::task::spawn_blocking(put).await {
        Ok(Ok(data)) => data,
        Ok(Err(error)) => {
            tracing::error!(%error, minion = %id, "mine data was not stored");
            return Reply::Broken;
        }
        Err(_) => return Reply::Broken,
    };
    let ids: Vec<String> = data.iter().map(|kept| kept.blob.clone()).collect();
    let stored = shared
        .ledger
        .decide(Input::MineStore { id, data, clear })
        .await;
    match stored {
        Ok(_) => Reply::Value(true.into()),
        Err(error) => {
            // While the master stops, it may be recorded all the same; what is not is removed at
            // the next start.
            if matches!(error, LedgerError::NotRecorded(_)) {
                let blobs = Arc::clone(&shared.blobs);
                let remove = move || sealed::remove(blobs.as_ref(), ids);
                let _ = tokio::task::spawn_blocking(remove).await;
            }
            Reply::Broken
        }
    }
}

/// Deletes one function of the asker's mine, or all of it.
pub(crate) async fn delete(shared: &Arc<Shared>, id: MinionId, fun: Option<String>) -> Reply {
    match shared.ledger.decide(Input::MineDelete { id, fun }).await {
        Ok(_) => Reply::Value(true.into()),
        Err(_) => Reply::Broken,
    }
}

/// Gives what others published. Pillar targets are not resolved here: a minion could feel its way
/// through others' pillars.
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
