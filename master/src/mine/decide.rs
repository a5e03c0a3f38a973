//! Decides who reads what of the mine.

use model::target::{Candidate, Target, TargetType};
use model::{Grains, Map, MinionId, Value};

use super::View;

/// The key that marks a value with readers of its own, as `mine.send` with `allow_tgt` stores it.
const ACL_MARK: &str = "__saltmine_acl__";

/// Gives what `mine.get` answers to `reader`: function by function what each of `minions` has there. One function
/// gives minion to value; several give function to minion to value.
pub fn read(
    mine: &View,
    reader: &MinionId,
    reader_grains: Option<&Grains>,
    minions: &[MinionId],
    fun: &Value,
) -> Map {
    let funs: Vec<String> = match fun {
        Value::List(funs) => funs.iter().map(Value::to_text).collect(),
        text => text
            .to_text()
            .split(',')
            .map(|fun| fun.trim().to_owned())
            .collect(),
    };
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
