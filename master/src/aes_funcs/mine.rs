//! `_mine`, `_mine_get`, `_mine_delete`, `_mine_flush`.

use std::collections::HashMap;
use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::mine::{MineFun, MineGetLoad, MineLoad};
use model::target::{Target, TargetType};
use model::{Jid, Map, MinionId, Value};

use crate::jobs::decide::{Known, resolve};
use crate::ledger::{Answer, Input, LedgerError};
use crate::mine::decide::{funs_of, read};
use crate::mine::sealed;
use crate::secrets::Made;
use crate::secrets::decide::Grant;
use crate::shared::Shared;

/// Secrets that stand in an answer: they are read once it is handed over.
pub(crate) struct Handed {
    reader: MinionId,
    jids: Vec<Jid>,
}

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
/// through others' pillars. The secrets among it are named in `handed`.
pub(crate) async fn get(
    shared: &Arc<Shared>,
    load: MineGetLoad,
    handed: &mut Option<Handed>,
) -> Reply {
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
    let (reader, asked) = (id.clone(), fun.clone());
    let found = shared.ledger.ask(move |views| {
        let grains = |id: &MinionId| views.minions.grains(id);
        let known = Known {
            keys: &views.keys,
            grains: &grains,
            nodegroups: &nodegroups,
        };
        let (ids, _) = resolve(&target, known, &HashMap::new()).unwrap_or_default();
        let secrets = views.secrets.named(&ids, &funs_of(&fun));
        let mut found = read(&views.mine, &id, views.minions.grains(&id), &ids, &fun);
        // A secret hides what its maker has in the mine under the same name.
        for made in secrets.iter().filter_map(|jid| views.secrets.get(jid)) {
            let Made { name, maker, .. } = &made.made;
            remove(&mut found, &fun, name, maker);
        }
        (found, secrets)
    });
    let (found, secrets) = match found.await {
        Ok((found, secrets)) if secrets.is_empty() => return Reply::Value(found.into()),
        Ok(found) => found,
        Err(_) => return Reply::Broken,
    };
    with_secrets(shared, (found, &asked), reader, secrets, handed).await
}

/// Puts the secrets that the asker may read into what it found in the mine.
async fn with_secrets(
    shared: &Arc<Shared>,
    (mut found, asked): (Map, &Value),
    reader: MinionId,
    jids: Vec<Jid>,
    handed: &mut Option<Handed>,
) -> Reply {
    let asking = Input::SecretsAsked {
        reader: reader.clone(),
        jids,
    };
    let Ok(Answer::Secrets(grants)) = shared.ledger.decide(asking).await else {
        return Reply::Broken;
    };
    if grants.is_empty() {
        tracing::warn!(minion = %reader, "a secret was asked for and not given");
    }
    let working = Arc::clone(shared);
    let open = move || {
        let open = |grant: Grant| {
            let value = working.sealer.get(working.blobs.as_ref(), &grant.blob);
            (grant, value)
        };
        grants.into_iter().map(open).collect::<Vec<_>>()
    };
    let Ok(opened) = tokio::task::spawn_blocking(open).await else {
        return Reply::Broken;
    };
    let mut jids = Vec::with_capacity(opened.len());
    for (grant, value) in opened {
        let Grant {
            jid, name, maker, ..
        } = grant;
        match value {
            Ok(value) => {
                put(&mut found, asked, &name, &maker, value);
                jids.push(jid);
            }
            Err(problem) => {
                tracing::error!(secret = %name, %maker, %problem, "a secret cannot be opened");
                return Reply::Broken;
            }
        }
    }
    if !jids.is_empty() {
        *handed = Some(Handed { reader, jids });
    }
    Reply::Value(found.into())
}

/// Records that secrets were handed to the connection of the minion that asked.
pub(crate) async fn delivered(shared: &Arc<Shared>, handed: Handed) {
    let Handed { reader, jids } = handed;
    let input = Input::SecretsDelivered { reader, jids };
    if let Err(error) = shared.ledger.decide(input).await {
        tracing::warn!(%error, "not recorded: a minion may read its secret a second time");
    }
}

fn remove(found: &mut Map, asked: &Value, name: &str, maker: &MinionId) {
    if matches!(asked, Value::Str(asked) if !asked.contains(',')) {
        found.remove(maker.as_str());
    } else if let Some(Value::Map(of_one)) = found.get_mut(name) {
        of_one.remove(maker.as_str());
    }
}

fn put(found: &mut Map, asked: &Value, name: &str, maker: &MinionId, value: Value) {
    if matches!(asked, Value::Str(asked) if !asked.contains(',')) {
        found.insert(maker.as_str(), value);
    } else if let Some(Value::Map(of_one)) = found.get_mut(name) {
        of_one.insert(maker.as_str(), value);
    }
}
