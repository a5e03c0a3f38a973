//! `key.*`: what `salt-key` does.

use std::sync::Arc;

use minion_protocol::crypt::fingerprint;
use model::{Glob, Map, Value};

use super::WheelError;
use crate::keys::decide::{Act, Include};
use crate::keys::{KeyChange, KeyChanged, Phase, View};
use crate::ledger::{Answer, Input};
use crate::runners::Arguments;
use crate::shared::Shared;

/// The places of keys, by the names of Salt's directories.
const PLACES: [(&str, Option<Phase>); 4] = [
    ("minions", Some(Phase::Accepted)),
    ("minions_pre", Some(Phase::Pending)),
    ("minions_rejected", Some(Phase::Rejected)),
    ("minions_denied", None),
];

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    let glob = arguments.text(0, "match");
    match function {
        "list_all" => {
            let list = shared.ledger.ask(|views| views.keys.list()).await?;
            serde_json::to_value(list)
                .and_then(serde_json::from_value)
                .map_err(|error| WheelError::Failed(error.to_string()))
        }
        "accept" => act(shared, Act::Accept, glob, &arguments, user).await,
        "reject" => act(shared, Act::Reject, glob, &arguments, user).await,
        "delete" => act(shared, Act::Delete, glob, &arguments, user).await,
        "print" | "key_str" => show(shared, glob, |pem| pem.to_owned()).await,
        "finger" | "finger_all" => show(shared, glob, fingerprint).await,
        "finger_master" | "master_key_str" => {
            let finger = shared.channel.master_fingerprint();
            let local = Map::from([("master.pub", Value::Str(finger))]);
            Ok(Value::Map(Map::from([("local", local)])))
        }
        _ => Err(WheelError::Unknown(format!("key.{function}"))),
    }
}

async fn act(
    shared: &Arc<Shared>,
    act: Act,
    glob: Option<String>,
    arguments: &Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    let glob = match glob {
        Some(glob) => glob,
        None => arguments.required(0, "match")?,
    };
    let is_set = |name| arguments.named(name).is_some_and(Value::is_truthy);
    let include = Include {
        accepted: is_set("include_accepted"),
        rejected: is_set("include_rejected"),
        denied: is_set("include_denied"),
    };
    let input = Input::Keys {
        act,
        glob,
        include,
        by: user.to_owned(),
    };
    match shared.ledger.decide(input).await? {
        Answer::Keys(changes) => Ok(Value::Map(changed(&changes))),
        other => Err(WheelError::Failed(format!("the ledger answered {other:?}"))),
    }
}

/// Gives the touched ids by the place they are in now; deleted ones by the place `minions`.
fn changed(changes: &[KeyChanged]) -> Map {
    let mut places = Map::new();
    for change in changes {
        let place = match change.change {
            KeyChange::Accepted | KeyChange::Deleted => "minions",
            KeyChange::Pended => "minions_pre",
            KeyChange::Rejected => "minions_rejected",
            KeyChange::Denied | KeyChange::DeniedDeleted => "minions_denied",
        };
        if !places.contains_key(place) {
            places.insert(place, Value::List(Vec::new()));
        }
        if let Some(Value::List(ids)) = places.get_mut(place) {
            ids.push(Value::str(change.id.as_str()));
        }
    }
    places
}

async fn show(
    shared: &Arc<Shared>,
    glob: Option<String>,
    of: fn(&str) -> String,
) -> Result<Value, WheelError> {
    let glob = Glob::new(glob.as_deref().unwrap_or("*"));
    let shown = shared.ledger.ask(move |views| {
        let mut places = Map::new();
        for (place, phase) in PLACES {
            let keys = in_place(&views.keys, phase);
            let wanted = keys.filter(|(id, _)| glob.matches(id));
            let shown: Map = wanted.map(|(id, pem)| (id, of(&pem))).collect();
            if !shown.is_empty() {
                places.insert(place, shown);
            }
        }
        places
    });
    Ok(Value::Map(shown.await?))
}

fn in_place(keys: &View, phase: Option<Phase>) -> Box<dyn Iterator<Item = (String, String)> + '_> {
    match phase {
        Some(phase) => Box::new(
            keys.in_phase(phase)
                .map(|(id, key)| (id.to_string(), key.pem.clone())),
        ),
        None => Box::new(
            keys.all_denied()
                .map(|(id, pem)| (id.to_string(), pem.to_owned())),
        ),
    }
}
