//! `key.*`: what `salt-key` does.

use std::sync::Arc;

use minion_protocol::crypt::MasterKey;
use model::{Map, MinionId, Value};

use super::WheelError;
use crate::keys::View;
use crate::keys::decide::{Act, Include};
use crate::keys::fingerprint::fingerprint_by;
use crate::keys::pattern::{Section, Wanted};
use crate::ledger::{Answer, Input};
use crate::runners::Arguments;
use crate::shared::Shared;

/// Bits of a key that is made here: Salt's least, and what takes seconds to make.
const KEY_BITS: std::ops::RangeInclusive<u64> = 2048..=16_384;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    match function {
        "list" => list(shared, &text(&arguments, 0, "match")?).await,
        "list_all" => list(shared, "all").await,
        "name_match" => name_match(shared, wanted(&arguments)?).await,
        "accept" | "accept_dict" => act(shared, Act::Accept, &arguments, user).await,
        "reject" | "reject_dict" => act(shared, Act::Reject, &arguments, user).await,
        "delete" | "delete_dict" => {
            let keeps_data = is_set(&arguments, "preserve_minions");
            let delete = if keeps_data {
                Act::DeleteKeepingData
            } else {
                Act::Delete
            };
            act(shared, delete, &arguments, user).await
        }
        "reset_version" => act(shared, Act::ResetVersion, &arguments, user).await,
        "print" | "key_str" => {
            let wanted = wanted(&arguments)?;
            shown(shared, wanted, |pem| format!("{pem}\n")).await
        }
        "finger" => finger(shared, &arguments, wanted(&arguments)?, 1).await,
        "finger_all" => finger(shared, &arguments, Wanted::read("*"), 0).await,
        "finger_master" => finger_master(shared, &arguments),
        "master_key_str" => {
            let text = shared.pki_writer.local_text("master.pub");
            Ok(local(Map::from([("master.pub", text.unwrap_or_default())])))
        }
        "gen" => {
            let bits = bits(&arguments);
            pair(bits).await
        }
        "gen_accept" => gen_accept(shared, &arguments, user).await,
        _ => Err(WheelError::Unknown(format!("key.{function}"))),
    }
}

fn text(arguments: &Arguments, at: usize, name: &str) -> Result<String, WheelError> {
    match arguments.text(at, name) {
        Some(text) => Ok(text),
        None => Ok(arguments.required(at, name)?),
    }
}

fn is_set(arguments: &Arguments, name: &str) -> bool {
    arguments.named(name).is_some_and(Value::is_truthy)
}

/// Reads `match`: text with globs, commas and fingerprints, a list of them, or ids by section.
fn wanted(arguments: &Arguments) -> Result<Vec<Wanted>, WheelError> {
    let value = arguments.get(0, "match").cloned();
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_list().unwrap_or_default();
        list.iter().map(Value::to_text).collect()
    };
    Ok(match value {
        Some(Value::Map(sections)) => {
            let in_section = |(name, ids): (&Value, &Value)| {
                let section = name.as_str().and_then(Section::from_name);
                let ids = section.map(|section| (section, texts(ids)));
                let (section, ids) = ids?;
                Some(
                    ids.into_iter()
                        .map(move |id| Wanted::exactly(&id, Some(section))),
                )
            };
            sections.iter().filter_map(in_section).flatten().collect()
        }
        Some(list @ Value::List(_)) => {
            let texts = texts(&list);
            texts.iter().flat_map(|text| Wanted::read(text)).collect()
        }
        _ => Wanted::read(&text(arguments, 0, "match")?),
    })
}

/// Lists a section by the beginnings of its names that `salt-key -l` takes, or all.
async fn list(shared: &Arc<Shared>, which: &str) -> Result<Value, WheelError> {
    let sections: Vec<Section> = match which.get(..2) {
        Some("ac") => vec![Section::Accepted],
        Some("pr" | "un") => vec![Section::Pending],
        Some("re") => vec![Section::Rejected],
        Some("de") => vec![Section::Denied],
        Some("al") => Section::ALL.to_vec(),
        _ => Vec::new(),
    };
    let is_all = sections.len() > 1;
    let listed = shared.ledger.ask(move |views| {
        let ids = |section| {
            let keys = views.keys.in_section(section).into_iter();
            keys.map(|(id, _)| Value::str(id.as_str()))
                .collect::<Value>()
        };
        let lists = sections
            .iter()
            .map(|section| (section.name(), ids(*section)));
        lists.collect::<Map>()
    });
    let mut listed = listed.await?;
    if is_all {
        let names = shared.pki_writer.local_names();
        listed.insert("local", names.iter().map(Value::from).collect::<Value>());
    }
    Ok(listed.into())
}

/// Gives the ids of the keys that are wanted by section, without empty ones.
fn matching(keys: &View, wanted: &[Wanted]) -> Map {
    let mut sections = Map::new();
    for section in Section::ALL {
        let is_wanted =
            |(id, pem): &(&MinionId, &str)| wanted.iter().any(|it| it.matches(section, id, pem));
        let keys = keys.in_section(section).into_iter();
        let ids: Vec<Value> = keys
            .filter(is_wanted)
            .map(|(id, _)| Value::str(id.as_str()))
            .collect();
        if !ids.is_empty() {
            sections.insert(section.name(), Value::List(ids));
        }
    }
    sections
}

async fn name_match(shared: &Arc<Shared>, wanted: Vec<Wanted>) -> Result<Value, WheelError> {
    let found = shared
        .ledger
        .ask(move |views| matching(&views.keys, &wanted));
    Ok(found.await?.into())
}

/// Carries an act out and gives where the keys are then, as Salt does.
async fn act(
    shared: &Arc<Shared>,
    act: Act,
    arguments: &Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    let wanted = wanted(arguments)?;
    let include = Include {
        accepted: is_set(arguments, "include_accepted"),
        rejected: is_set(arguments, "include_rejected"),
        denied: is_set(arguments, "include_denied"),
    };
    let input = Input::Keys {
        act,
        wanted: wanted.clone(),
        include,
        by: user.to_owned(),
    };
    let changes = match shared.ledger.decide(input).await? {
        Answer::Keys(changes) => changes,
        other => return Err(WheelError::Failed(format!("the ledger answered {other:?}"))),
    };
    if act == Act::ResetVersion {
        let ids = changes.iter().map(|change| Value::str(change.id.as_str()));
        return Ok(Map::from([("minions", ids.collect::<Value>())]).into());
    }
    let mut ids: Vec<MinionId> = changes.into_iter().map(|change| change.id).collect();
    ids.sort();
    ids.dedup();
    let of_changed = ids.iter().map(|id| Wanted::exactly(id.as_str(), None));
    name_match(shared, of_changed.collect()).await
}

async fn shown(
    shared: &Arc<Shared>,
    wanted: Vec<Wanted>,
    of: impl Fn(&str) -> String + Send + 'static,
) -> Result<Value, WheelError> {
    let shown = shared.ledger.ask(move |views| {
        let mut sections = Map::new();
        for section in Section::ALL {
            let keys = views.keys.in_section(section).into_iter();
            let of_wanted = keys
                .filter(|(id, pem)| wanted.iter().any(|it| it.matches(section, id, pem)))
                .map(|(id, pem)| (id.as_str(), of(pem)));
            let shown: Map = of_wanted.collect();
            if !shown.is_empty() {
                sections.insert(section.name(), shown);
            }
        }
        sections
    });
    Ok(Value::Map(shown.await?))
}

fn hash_type(shared: &Shared, arguments: &Arguments, at: usize) -> Result<String, WheelError> {
    let asked = arguments.text(at, "hash_type");
    let hash = asked.unwrap_or_else(|| shared.opts.hash_type.clone());
    match fingerprint_by("", &hash) {
        Some(_) => Ok(hash),
        None => Err(WheelError::Failed(format!("'{hash}' is no hash type"))),
    }
}

/// Gives fingerprints, those of the master's own files among them, as Salt does.
async fn finger(
    shared: &Arc<Shared>,
    arguments: &Arguments,
    wanted: Vec<Wanted>,
    hash_at: usize,
) -> Result<Value, WheelError> {
    let hash = hash_type(shared, arguments, hash_at)?;
    let own = local_fingers(shared, &hash, |name| {
        // A file's name is matched as an id would be.
        let id = name.parse::<MinionId>();
        id.is_ok_and(|id| {
            wanted
                .iter()
                .any(|it| it.matches(Section::Accepted, &id, ""))
        })
    });
    let of = move |pem: &str| fingerprint_by(pem, &hash).unwrap_or_default();
    let mut fingers = shown(shared, wanted.clone(), of).await?;
    if let Some(sections) = fingers.as_map_mut().filter(|_| !own.is_empty()) {
        sections.insert("local", own);
    }
    Ok(fingers)
}

fn local_fingers(shared: &Shared, hash: &str, is_wanted: impl Fn(&str) -> bool) -> Map {
    let names = shared.pki_writer.local_names().into_iter();
    let finger = |name: String| {
        let text = shared.pki_writer.local_text(&name)?;
        Some((name, fingerprint_by(&text, hash)?))
    };
    names
        .filter(|name| is_wanted(name))
        .filter_map(finger)
        .collect()
}

fn finger_master(shared: &Shared, arguments: &Arguments) -> Result<Value, WheelError> {
    let hash = hash_type(shared, arguments, 0)?;
    Ok(local(local_fingers(shared, &hash, |name| {
        name == "master.pub"
    })))
}

fn local(keys: Map) -> Value {
    Map::from([("local", keys)]).into()
}

fn bits(arguments: &Arguments) -> u64 {
    let asked = arguments.get(1, "keysize");
    let asked = asked.and_then(|value| value.to_text().parse().ok());
    asked.unwrap_or(0).clamp(*KEY_BITS.start(), *KEY_BITS.end())
}

/// Makes a key pair; nothing of it is kept.
async fn pair(bits: u64) -> Result<Value, WheelError> {
    let bits = u32::try_from(bits).unwrap_or(2048);
    let make = move || {
        let key = MasterKey::generate(bits)?;
        let private = key.to_pem()?;
        Ok((private, format!("{}\n", key.public_pem())))
    };
    let made = tokio::task::spawn_blocking(make).await;
    let made: Result<(String, String), minion_protocol::crypt::Error> =
        made.map_err(|_| WheelError::Failed("the key was not made".into()))?;
    let (private, public) = made.map_err(|error| WheelError::Failed(error.to_string()))?;
    let finger = minion_protocol::crypt::fingerprint(&public);
    Ok(Map::from([("priv", private), ("pub", public), ("finger", finger)]).into())
}

/// Makes a key pair for a minion that was never here and accepts it. Only the public key is kept.
async fn gen_accept(
    shared: &Arc<Shared>,
    arguments: &Arguments,
    user: &str,
) -> Result<Value, WheelError> {
    let id = text(arguments, 0, "id_")?;
    let Ok(id) = id.parse::<MinionId>() else {
        return Err(WheelError::Failed(format!("'{id}' is no minion id")));
    };
    let pair = pair(bits(arguments)).await?;
    let pem = pair.get("pub").and_then(Value::as_str).unwrap_or_default();
    let input = Input::KeyGiven {
        id,
        pem: minion_protocol::crypt::normalise(pem),
        is_forced: arguments.get(2, "force").is_some_and(Value::is_truthy),
        by: user.to_owned(),
    };
    match shared.ledger.decide(input).await? {
        // As Salt: nothing, if the id has an accepted key.
        Answer::Keys(changes) if changes.is_empty() => Ok(Map::new().into()),
        _ => Ok(pair),
    }
}
