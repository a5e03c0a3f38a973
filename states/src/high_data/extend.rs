//! Applies extensions: what one SLS says about an id of another.
//!
//! An extension adds arguments, replaces those of the same name, and lengthens requisite lists. The
//! `_in` requisites use the same way in.

use model::{Map, Value};

use super::exclude::excluded_sls;
use super::shared_lists::SharedLists;
use super::{EXTEND, bodies, first_key, is_internal, single_pair, states, text};

/// Requisites whose lists are joined; any other argument is replaced.
const JOINED: [&str; 13] = [
    "onchanges",
    "onchanges_any",
    "onfail",
    "onfail_any",
    "onfail_all",
    "onfail_stop",
    "prereq",
    "prerequired",
    "watch",
    "watch_any",
    "require",
    "require_any",
    "listen",
];

/// How an id is looked up that is not declared with the state in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// An id counts even if it has no such state yet: `extend` may give it one.
    Loose,
    /// An id counts only with the state: `require_in` and the like.
    Strict,
}

/// Applies the `__extend__` of SLS and takes it away.
pub(crate) fn extend_high(high: &mut Map) -> Vec<String> {
    reconcile_extend(high, Lookup::Loose, &mut SharedLists::default())
}

/// Applies `__extend__` and takes it away.
pub(super) fn reconcile_extend(
    high: &mut Map,
    lookup: Lookup,
    shared: &mut SharedLists,
) -> Vec<String> {
    let mut errors = Vec::new();
    let Some(Value::List(extensions)) = high.remove(EXTEND) else {
        return errors;
    };
    for extension in extensions {
        let Value::Map(extension) = extension else {
            continue;
        };
        for (name, body) in extension {
            if let Value::Map(body) = body
                && let Err(error) = extend(high, name, body, lookup, shared)
            {
                errors.push(error);
            }
        }
    }
    errors
}

fn extend(
    high: &mut Map,
    name: Value,
    body: Map,
    lookup: Lookup,
    shared: &mut SharedLists,
) -> Result<(), String> {
    let Some(state) = body.keys().find(|key| !is_internal(key)).cloned() else {
        // Salt stops with a traceback here.
        let sls = text(&body, "__sls__");
        return Err(format!(
            "Extension name '{}' in SLS '{sls}' names no state",
            name.to_text()
        ));
    };
    let id = if has_state(high, &name, &state) {
        name
    } else {
        let mut found = find_name(&name, &state, high, lookup);
        if found.len() != 1 {
            return Err(cannot_extend(&name, &body));
        }
        found.swap_remove(0).0
    };
    if excluded_sls(high)
        .iter()
        .any(|sls| sls == text(&body, "__sls__"))
    {
        return Ok(());
    }
    let Some(Value::Map(target)) = high.get_value_mut(&id) else {
        return Err(cannot_extend(&id, &body));
    };
    for (state, run) in body.into_iter().filter(|(state, _)| !is_internal(state)) {
        extend_state(target, &id, (state, run), shared)?;
    }
    Ok(())
}

fn extend_state(
    target: &mut Map,
    id: &Value,
    (state, run): (Value, Value),
    shared: &mut SharedLists,
) -> Result<(), String> {
    let sls = text(target, "__sls__").to_owned();
    let Some(existing) = target.get_value_mut(&state) else {
        target.insert(state, run);
        return Ok(());
    };
    let (Value::List(existing), Value::List(run)) = (existing, run) else {
        return Err(format!(
            "State '{}' in SLS '{sls}' is not formed as a list",
            id.to_text()
        ));
    };
    for argument in run {
        extend_argument(existing, argument, shared).map_err(|requisite| {
            format!(
                "The {requisite} statement in state '{}' in SLS '{sls}' needs to be formed as a \
                list",
                id.to_text()
            )
        })?;
    }
    Ok(())
}

/// Puts one argument into a list of them. The error names a requisite that is no list.
fn extend_argument(
    existing: &mut Vec<Value>,
    argument: Value,
    shared: &mut SharedLists,
) -> Result<(), String> {
    let mut is_done = false;
    for old in existing.iter_mut() {
        match (&argument, &*old) {
            (Value::Str(_), Value::Str(_)) => {
                *old = argument.clone();
                is_done = true;
            }
            (Value::Map(_), Value::Map(_)) => is_done |= extend_option(old, &argument, shared)?,
            _ => {}
        }
    }
    if !is_done {
        existing.push(argument);
    }
    Ok(())
}

/// Joins or replaces an argument that has the same first key. Gives whether it had. A `name` takes
/// the place of `names` and is added all the same, as in Salt.
fn extend_option(
    old: &mut Value,
    argument: &Value,
    shared: &mut SharedLists,
) -> Result<bool, String> {
    let (Some(key), Some(old_key)) = (first_key(argument), first_key(old)) else {
        return Ok(false);
    };
    let key_text = key.as_str().unwrap_or_default();
    if key == old_key {
        if JOINED.contains(&key_text) {
            join(old, argument, key, shared)?;
        } else {
            *old = argument.clone();
        }
        return Ok(true);
    }
    if key_text == "name" && old_key.as_str() == Some("names") {
        *old = argument.clone();
    }
    Ok(false)
}

fn join(
    old: &mut Value,
    argument: &Value,
    key: &Value,
    shared: &mut SharedLists,
) -> Result<(), String> {
    let added = argument.as_map().and_then(|map| map.get_value(key));
    let list = old.as_map_mut().and_then(|map| map.get_value_mut(key));
    let is_joined = match (list, added) {
        (Some(list), Some(added)) => shared.join(list, added),
        _ => false,
    };
    if is_joined {
        Ok(())
    } else {
        Err(key.to_text())
    }
}

fn has_state(high: &Map, id: &Value, state: &Value) -> bool {
    let body = high.get_value(id).and_then(Value::as_map);
    body.is_some_and(|body| body.get_value(state).is_some())
}

/// Finds the ids that a name means, each with the state: the id itself, all ids of an SLS, or ids
/// with an argument of that value (`name`, in practice).
pub(super) fn find_name(
    name: &Value,
    state: &Value,
    high: &Map,
    lookup: Lookup,
) -> Vec<(Value, Value)> {
    let is_id = match lookup {
        Lookup::Loose => high.get_value(name).is_some(),
        Lookup::Strict => has_state(high, name, state),
    };
    if is_id {
        return vec![(name.clone(), state.clone())];
    }
    if state.as_str() == Some("sls") {
        let of_sls = bodies(high).filter(|(_, body)| body.get("__sls__") == Some(name));
        let with_state =
            of_sls.filter_map(|(id, body)| Some((id.clone(), states(body).next()?.0.clone())));
        return with_state.collect();
    }
    let mut found = Vec::new();
    for (id, body) in bodies(high) {
        let Some(Value::List(run)) = body.get_value(state) else {
            continue;
        };
        let named = run
            .iter()
            .filter(|argument| single_pair(argument).is_some_and(|(_, value)| value == name));
        found.extend(named.map(|_| (id.clone(), state.clone())));
    }
    found
}

fn cannot_extend(name: &Value, body: &Map) -> String {
    let or_base = |key| match text(body, key) {
        "" => "base".to_owned(),
        text => text.to_owned(),
    };
    let (name, saltenv, sls) = (name.to_text(), or_base("__env__"), or_base("__sls__"));
    format!(
        "Cannot extend ID '{name}' in '{saltenv}:{sls}'. It is not part of the high state.\n\
         This is likely due to a missing include statement or an incorrectly typed ID.\n\
         Ensure that a state with an ID of '{name}' is available\n\
         in environment '{saltenv}' and to SLS '{sls}'"
    )
}
