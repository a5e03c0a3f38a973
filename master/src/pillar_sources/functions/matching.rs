//! `match.*`: whether the minion is meant by a target.

use model::target::{Candidate, InvalidTarget, Target, TargetType, nodegroup};
use model::{Map, MinionId, Value};

use super::grains::update;
use super::{Answer, Arguments, Family, MinionFunctions, bad, failed};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "match",
    functions: &[
        "compound",
        "filter_by",
        "glob",
        "grain",
        "grain_pcre",
        "ipcidr",
        "list",
        "nodegroup",
        "pcre",
        "pillar",
        "pillar_pcre",
        "search_by",
    ],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "filter_by" => filter_by(of, arguments),
        "search_by" => search_by(of, arguments),
        _ if FAMILY.functions.contains(&fun) => arguments.required(0, "tgt").and_then(|tgt| {
            let how = TargetType::parse(fun).map_err(|error| failed(error.to_string()))?;
            let place = match how {
                TargetType::Grain | TargetType::GrainPcre => usize::MAX,
                TargetType::Pillar | TargetType::PillarPcre => usize::MAX,
                _ => 1,
            };
            let id = id(of, arguments.given(place, "minion_id"))?;
            is_meant(of, how, tgt, &id).map(Value::Bool)
        }),
        _ => return None,
    })
}

fn id(of: &MinionFunctions, other: Option<&Value>) -> Result<MinionId, FunctionError> {
    match other {
        None => Ok(of.id.clone()),
        Some(id) => id.to_text().parse().map_err(|_| bad("minion_id is no id")),
    }
}

fn is_meant(
    of: &MinionFunctions,
    how: TargetType,
    tgt: &Value,
    id: &MinionId,
) -> Result<bool, FunctionError> {
    let invalid = |error: InvalidTarget| failed(error.to_string());
    let no_groups = Map::new();
    let groups = of.opts.get("nodegroups").and_then(Value::as_map);
    let groups = groups.unwrap_or(&no_groups);
    let (tgt, tgt_type) = match how {
        TargetType::Nodegroup => {
            let expression = nodegroup::expression(&tgt.to_text(), groups).map_err(invalid)?;
            (Value::Str(expression), TargetType::Compound)
        }
        TargetType::Compound => {
            let expression = nodegroup::expand(&tgt.to_text(), groups).map_err(invalid)?;
            (Value::Str(expression), TargetType::Compound)
        }
        other => (tgt.clone(), other),
    };
    let pillar = Value::Map(of.pillar.clone());
    let candidate = Candidate {
        id,
        grains: Some(&of.grains),
        pillar: Some(&pillar),
    };
    let target = Target { tgt, tgt_type };
    target.matches(candidate).map_err(invalid)
}

fn how(arguments: &Arguments) -> Result<TargetType, FunctionError> {
    let how = arguments.text(1, "tgt_type", "compound");
    TargetType::parse(&how).map_err(|error| bad(error.to_string()))
}

/// The first entry whose key means the minion.
fn filter_by(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let table = arguments.required_map(0, "lookup")?;
    let how = how(arguments)?;
    let id = id(of, arguments.given(2, "minion_id"))?;
    for (tgt, value) in table.iter() {
        if !is_meant(of, how, tgt, &id)? {
            continue;
        }
        let merge = arguments.get(3, "merge").filter(|merge| merge.is_truthy());
        return match (value.clone(), merge.cloned()) {
            (value, None) => Ok(value),
            (Value::Nil, Some(merge @ Value::Map(_))) => Ok(merge),
            (Value::Map(mut value), Some(Value::Map(merge))) => {
                update(&mut value, merge, arguments.is_on(4, "merge_lists"));
                Ok(value.into())
            }
            (_, Some(Value::Map(_))) => Err(failed(
                "Cannot update using non-dict types in dictupdate.update()",
            )),
            _ => Err(failed("filter_by merge argument must be a dictionary.")),
        };
    }
    let default = arguments.text(5, "default", "default");
    Ok(table.get(&default).cloned().unwrap_or_default())
}

/// The keys of all lists that have a target which means the minion.
fn search_by(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let table = arguments.required_map(0, "lookup")?;
    let how = how(arguments)?;
    let id = id(of, arguments.given(2, "minion_id"))?;
    let mut found = Vec::new();
    for (key, targets) in table.iter() {
        for tgt in targets.as_list().unwrap_or_default() {
            if is_meant(of, how, tgt, &id)? {
                found.push(key.clone());
            }
        }
    }
    if found.is_empty() {
        return Ok(Value::Nil);
    }
    Ok(Value::List(found))
}
