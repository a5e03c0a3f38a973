//! `defaults.*`: one dictionary over another. What is changed in place in Salt is given back here;
//! the template sees the change, too, because its engine puts it there.

use model::{Map, Value};

use super::grains::update;
use super::{Answer, Arguments, Family, MinionFunctions, bad};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "defaults",
    functions: &["deepcopy", "merge", "update"],
    call,
};

fn call(_: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "deepcopy" => arguments.required(0, "source").cloned(),
        "merge" => merge(arguments),
        "update" => update_all(arguments),
        _ => return None,
    })
}

/// Takes a dictionary; nothing counts as an empty one where that is wished.
fn dictionary(
    arguments: &Arguments,
    place: usize,
    name: &str,
    takes_none: bool,
) -> Result<Map, FunctionError> {
    match arguments.required(place, name)? {
        Value::Map(map) => Ok(map.clone()),
        Value::Nil if takes_none => Ok(Map::new()),
        _ => Err(bad(
            "Cannot update using non-dict types in dictupdate.update()",
        )),
    }
}

fn merge(arguments: &Arguments) -> Answer {
    let takes_none = arguments.is_on_or(4, "convert_none", true);
    let is_in_place = arguments.is_on_or(3, "in_place", true);
    if is_in_place && arguments.required(0, "dest")?.is_nil() {
        return Err(bad("Can't perform in-place merge into NoneType"));
    }
    let mut dest = dictionary(arguments, 0, "dest", takes_none)?;
    let src = dictionary(arguments, 1, "src", takes_none)?;
    update(&mut dest, src, arguments.is_on(2, "merge_lists"));
    Ok(dest.into())
}

/// Puts each of several dictionaries over the same defaults.
fn update_all(arguments: &Arguments) -> Answer {
    let takes_none = arguments.is_on_or(4, "convert_none", true);
    let joins_lists = arguments.is_on_or(2, "merge_lists", true);
    if arguments.is_on_or(3, "in_place", true) && arguments.required(0, "dest")?.is_nil() {
        return Err(bad("Can't perform in-place update into NoneType"));
    }
    let dest = dictionary(arguments, 0, "dest", takes_none)?;
    let defaults = dictionary(arguments, 1, "defaults", takes_none)?;
    let mut updated = Map::new();
    for (name, own) in dest {
        let mut node = defaults.clone();
        match own {
            Value::Map(own) => update(&mut node, own, joins_lists),
            Value::Nil if takes_none => {}
            _ => {
                return Err(bad(
                    "Cannot update using non-dict types in dictupdate.update()",
                ));
            }
        }
        updated.insert(name, node);
    }
    Ok(updated.into())
}
