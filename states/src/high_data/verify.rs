//! Says what is wrong with the shape of high data, in Salt's words.

use model::{Map, Value};

use super::{is_internal, text, type_name};

/// Requisites whose shape is checked; the others are read as they come.
const CHECKED: [&str; 4] = ["require", "watch", "prereq", "onchanges"];

/// Gives every error of the high data; none if it can be compiled.
pub(crate) fn verify(high: &Map) -> Vec<String> {
    let mut check = Check::default();
    for (id, body) in high.iter().filter(|(id, _)| !is_internal(id)) {
        let Value::Map(map) = body else {
            check.errors.push(format!(
                "The type {} in {} is not formatted as a dictionary",
                id.to_text(),
                body.to_text()
            ));
            continue;
        };
        let here = Place {
            id,
            sls: text(map, "__sls__"),
        };
        if !matches!(id, Value::Str(_)) {
            check.errors.push(format!(
                "ID '{}' in SLS '{}' is not formed as a string, but is a {}. It may need to be \
                quoted.",
                id.to_text(),
                here.sls,
                type_name(id)
            ));
        }
        for (state, run) in map.iter().filter(|(state, _)| !is_internal(state)) {
            check.state(here, state, run);
        }
    }
    check.errors
}

/// Where an error is.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    id: &'a Value,
    sls: &'a str,
}

#[derive(Default)]
struct Check {
    errors: Vec<String>,
    /// By id: the state that has requisites, and what its last requisite list names.
    required: Map,
}

impl Check {
    fn state(&mut self, here: Place<'_>, state: &Value, run: &Value) {
        let (id, sls) = (here.id.to_text(), here.sls);
        let Some(name) = state.as_str() else {
            // Salt stops with a traceback here.
            self.errors.push(format!(
                "State '{}' of ID '{id}' in SLS '{sls}' is not formed as a string, but is a {}",
                state.to_text(),
                type_name(state)
            ));
            return;
        };
        let run = match run {
            Value::Nil => {
                self.errors.push(format!(
                    "ID '{id}' in SLS '{sls}' contains a short declaration ({name}) with a \
                    trailing \
                     colon. When not passing any arguments to a state, the colon must be omitted."
                ));
                return;
            }
            Value::List(run) => run,
            _ => {
                self.errors.push(format!(
                    "State '{id}' in SLS '{sls}' is not formed as a list"
                ));
                return;
            }
        };
        for argument in run {
            match argument {
                Value::Str(function) if function.trim().contains(' ') => self.errors.push(format!(
                    "The function \"{function}\" in state \"{id}\" in SLS \"{sls}\" has \
                    whitespace, \
                     a function with whitespace is not supported, perhaps this is an argument that \
                     is missing a \":\""
                )),
                Value::Map(map) => self.argument(here, name, map),
                _ => {}
            }
        }
        self.functions(here, name, run);
    }

    /// A state needs exactly one function.
    fn functions(&mut self, here: Place<'_>, state: &str, run: &[Value]) {
        let mut functions: Vec<&str> = Vec::new();
        functions.extend(state.split_once('.').map(|(_, function)| function));
        functions.extend(run.iter().filter_map(Value::as_str));
        let (id, sls) = (here.id.to_text(), here.sls);
        match functions.len() {
            0 if matches!(state, "require" | "watch") => {}
            0 => {
                self.errors.push(format!(
                    "No function declared in state '{id}' in SLS '{sls}'"
                ));
            }
            1 => {}
            _ => self.errors.push(format!(
                "Too many functions declared in state '{id}' in SLS '{sls}'. Please choose one of \
                 the following: {}",
                functions.join(", ")
            )),
        }
    }

    fn argument(&mut self, here: Place<'_>, state: &str, map: &Map) {
        let (id, sls) = (here.id.to_text(), here.sls);
        let Some((key, value)) = map.get_index(0) else {
            return;
        };
        let Some(key) = key.as_str() else { return };
        if key == "names" && !matches!(value, Value::List(_)) {
            self.errors.push(format!(
                "The 'names' argument in state '{id}' in SLS '{sls}' needs to be formed as a list"
            ));
        }
        if !CHECKED.contains(&key) {
            return;
        }
        match value {
            Value::List(requisites) => self.requisites(here, state, requisites),
            _ => self.errors.push(format!(
                "The {key} statement in state '{id}' in SLS '{sls}' needs to be formed as a list"
            )),
        }
        if map.len() != 1 {
            self.errors.push(format!(
                "Multiple dictionaries defined in argument of state '{id}' in SLS '{sls}'"
            ));
        }
    }

    fn requisites(&mut self, here: Place<'_>, state: &str, requisites: &[Value]) {
        // A later list of the same id takes the place of an earlier one, as in Salt.
        let mut named = Map::from([("state", state)]);
        for requisite in requisites {
            let (key, target) = match requisite {
                Value::Str(_) => (Value::str("id"), requisite.clone()),
                Value::Map(_) => match requisite.as_map().and_then(|map| map.get_index(0)) {
                    Some((key, target)) => (key.clone(), target.clone()),
                    None => continue,
                },
                _ => {
                    self.errors.push(format!(
                        "Requisite declaration {} in SLS {} is not formed as a single key \
                        dictionary",
                        requisite.to_text(),
                        here.sls
                    ));
                    continue;
                }
            };
            self.requisite_type(here, &key);
            if matches!(target, Value::List(_) | Value::Map(_)) {
                let target = target.to_text();
                self.errors.push(format!(
                    "Illegal requisite \"{target}\", please check your syntax.\n"
                ));
                continue;
            }
            named.insert(target.clone(), key);
            self.required.insert(here.id.clone(), named.clone());
            self.recursion(here, state, &target);
        }
        self.required.insert(here.id.clone(), named);
    }

    fn requisite_type(&mut self, here: Place<'_>, key: &Value) {
        if let Some(key) = key.as_str()
            && let Some((state, _)) = key.split_once('.')
        {
            self.errors.push(format!(
                "Invalid requisite type '{key}' in state '{}', in SLS '{}'. Requisite types must \
                not \
                 contain dots, did you mean '{state}'?",
                here.id.to_text(),
                here.sls
            ));
        }
    }

    /// Two ids that require each other, seen from the second one.
    fn recursion(&mut self, here: Place<'_>, state: &str, target: &Value) {
        let required = |id: &Value| self.required.get_value(id).and_then(Value::as_map);
        let (Some(theirs), Some(ours)) = (required(target), required(here.id)) else {
            return;
        };
        let names_us = theirs.get_value(here.id).and_then(Value::as_str) == Some(state);
        if names_us && theirs.get("state") == ours.get_value(target) {
            self.errors.push(format!(
                "A recursive requisite was found, SLS \"{}\" ID \"{}\" ID \"{}\"",
                here.sls,
                here.id.to_text(),
                target.to_text()
            ));
        }
    }
}
