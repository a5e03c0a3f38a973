//! Brings what one SLS wrote into the one form of high data.
//!
//! Short declarations (`vim: pkg.installed`, `pkg.installed:` with a list) become `pkg: [..,
//! installed]`; `extend` and `exclude` move to the top; every id learns its SLS and environment.

use model::{Map, Value};

use super::{EXCLUDE, EXTEND};

/// The SLS that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) sls: &'a str,
    pub(super) saltenv: &'a str,
}

/// Moves `extend` to `__extend__`.
pub(super) fn take_extend(state: &mut Map, here: Here<'_>, errors: &mut Vec<String>) {
    let Some(extend) = state.remove("extend") else {
        return;
    };
    let Value::Map(mut extend) = extend else {
        errors.push(format!(
            "Extension value in SLS '{}' is not a dictionary",
            here.sls
        ));
        return;
    };
    for (name, body) in extend.iter_mut() {
        let Value::Map(body) = body else {
            let name = name.to_text();
            errors.push(format!(
                "Extension name '{name}' in SLS '{}' is not a dictionary",
                here.sls
            ));
            continue;
        };
        sign(body, here);
        for key in dotted_keys(body) {
            split_key(body, &key);
        }
    }
    push(state, EXTEND, [Value::Map(extend)]);
}

/// Moves `exclude` to `__exclude__`.
pub(super) fn take_exclude(state: &mut Map, here: Here<'_>, errors: &mut Vec<String>) {
    match state.remove("exclude") {
        None => {}
        Some(Value::List(exclude)) => push(state, EXCLUDE, exclude),
        Some(_) => errors.push(format!(
            "Exclude Declaration in SLS {} is not formed as a list",
            here.sls
        )),
    }
}

/// Adds to a list at the top, which is made if it is missing.
pub(super) fn push(state: &mut Map, key: &str, items: impl IntoIterator<Item = Value>) {
    if !state.contains_key(key) {
        state.insert(key, Value::List(Vec::new()));
    }
    if let Some(Value::List(list)) = state.get_mut(key) {
        list.extend(items);
    }
}

/// Brings every id into its long form and signs it.
pub(super) fn pad(state: &mut Map, here: Here<'_>, errors: &mut Vec<String>) {
    for (id, body) in state.iter_mut() {
        match body {
            Value::Map(body) => pad_body(id, body, here, errors),
            _ if matches!(id.as_str(), Some(EXTEND | EXCLUDE)) => {}
            Value::Str(short) if short.contains('.') => *body = long_form(short, here).into(),
            _ => {
                let id = id.to_text();
                errors.push(format!("ID {id} in SLS {} is not a dictionary", here.sls));
            }
        }
    }
}

fn long_form(short: &str, here: Here<'_>) -> Map {
    let mut parts = short.split('.');
    let mut body = Map::from([("__sls__", here.sls), ("__env__", here.saltenv)]);
    let state = parts.next().unwrap_or_default();
    let function = parts.next().unwrap_or_default();
    body.insert(state, Value::List(vec![Value::str(function)]));
    body
}

fn pad_body(id: &Value, body: &mut Map, here: Here<'_>, errors: &mut Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    for key in listed_keys(body) {
        let (state, _) = key.split_once('.').unwrap_or((&key, ""));
        if key.contains('.') {
            if seen.iter().any(|other| other == state) {
                errors.push(format!(
                    "ID '{}' in SLS '{}' contains multiple state declarations of the same type",
                    id.to_text(),
                    here.sls
                ));
                continue;
            }
            split_key(body, &key);
        }
        seen.push(state.to_owned());
    }
    sign(body, here);
}

/// Turns `pkg.installed: [..]` into `pkg: [.., installed]`, at the end of the id as Python's `pop`
/// does.
fn split_key(body: &mut Map, key: &str) {
    let mut parts = key.split('.');
    let state = parts.next().unwrap_or_default();
    let function = parts.next().unwrap_or_default();
    if let Some(Value::List(mut run)) = body.remove(key) {
        run.push(Value::str(function));
        body.insert(state, Value::List(run));
    }
}

/// Gives the keys that hold lists and are not private.
fn listed_keys(body: &Map) -> Vec<String> {
    let listed = body
        .iter()
        .filter(|(_, value)| matches!(value, Value::List(_)));
    let names = listed.filter_map(|(key, _)| key.as_str());
    names
        .filter(|key| !key.starts_with('_'))
        .map(str::to_owned)
        .collect()
}

fn dotted_keys(body: &Map) -> Vec<String> {
    let mut keys = listed_keys(body);
    keys.retain(|key| key.contains('.'));
    keys
}

fn sign(body: &mut Map, here: Here<'_>) {
    for (key, value) in [("__sls__", here.sls), ("__env__", here.saltenv)] {
        if !body.contains_key(key) {
            body.insert(key, value);
        }
    }
}
