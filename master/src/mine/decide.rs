//! Decides who reads what of the mine.

use std::collections::BTreeMap;

use model::target::{Candidate, Target, TargetType};
use model::{Grains, Map, MinionId, Value};

use super::View;
use super::sealed::Kept;
use crate::ledger::Record;

/// The key that marks a value with readers of its own, as `mine.send` with `allow_tgt` stores it.
const ACL_MARK: &str = "__saltmine_acl__";

/// Decides on values that a minion sends; they are in blobs already. Minions send their whole mine
/// each hour: what has not changed leaves no record, and its new blob is discarded.
pub fn on_store(mine: &mut View, id: MinionId, data: Vec<Kept>, clear: bool) -> Option<Record> {
    let is_same = |kept: &Kept| mine.is_same(&id, &kept.fun, &kept.value);
    let are_all_same = data.iter().all(is_same);
    let goes_any = clear && mine.count(&id) != data.len();
    let (unchanged, changed): (Vec<_>, Vec<_>) = if are_all_same && !goes_any {
        (data, Vec::new())
    } else if clear {
        (Vec::new(), data)
    } else {
        data.into_iter().partition(is_same)
    };
    for kept in unchanged {
        mine.discard(kept.blob);
    }
    if changed.is_empty() && !goes_any {
        return None;
    }
    let mut blobs = BTreeMap::new();
    for Kept { fun, value, blob } in changed {
        mine.hold(blob.clone(), value);
        if let Some(twice) = blobs.insert(fun, blob) {
            mine.discard(twice);
        }
    }
    Some(Record::MineKept { id, blobs, clear })
}

/// Gives the functions that a question names: a list, or a text with commas.
pub fn funs_of(fun: &Value) -> Vec<String> {
    match fun {
        Value::List(funs) => funs.iter().map(Value::to_text).collect(),
        text => {
            let text = text.to_text();
            text.split(',').map(|fun| fun.trim().to_owned()).collect()
        }
    }
}

/// Gives what `mine.get` answers to `reader`: function by function what each of `minions` has
/// there. One function gives minion to value; several give function to minion to value.
pub fn read(
    mine: &View,
    reader: &MinionId,
    reader_grains: Option<&Grains>,
    minions: &[MinionId],
    fun: &Value,
) -> Map {
    let funs = funs_of(fun);
    let of_one = |fun: &str| -> Map {
        minions
            .iter()
            .filter_map(|id| {
                Some((
                    id.as_str(),
                    readable(mine.get(id, fun)?, reader, reader_grains)?,
                ))
            })
            .collect()
    };
    match (&funs[..], fun) {
        ([one], Value::Str(_)) => of_one(one),
        _ => funs
            .iter()
            .map(|fun| (fun.as_str(), Value::Map(of_one(fun))))
            .collect(),
    }
}

/// Unwraps a value that names its readers; `None` if `reader` is not one of them.
fn readable(value: &Value, reader: &MinionId, grains: Option<&Grains>) -> Option<Value> {
    let Some(wrapped) = value.as_map().filter(|map| map.contains_key(ACL_MARK)) else {
        return Some(value.clone());
    };
    let data = wrapped.get("__data__").cloned().unwrap_or_default();
    let Some(tgt) = wrapped.get("allow_tgt").filter(|tgt| tgt.is_truthy()) else {
        return Some(data);
    };
    let tgt_type = wrapped
        .get("allow_tgt_type")
        .and_then(Value::as_str)
        .unwrap_or("glob");
    let tgt_type = TargetType::parse(tgt_type).ok()?;
    let target = Target {
        tgt: tgt.clone(),
        tgt_type,
    };
    let candidate = Candidate {
        id: reader,
        grains,
        pillar: None,
    };
    target.matches(candidate).unwrap_or(false).then_some(data)
}
