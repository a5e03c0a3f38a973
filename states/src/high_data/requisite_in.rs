//! Turns the requisites that point away from an id into extensions of what they point at.
//!
//! `require_in`, `watch_in`, `onfail_in`, `onchanges_in` and `prereq_in` become the plain requisite
//! at the other end; `prereq` tells the other end that it is prerequired; `use` and `use_in` copy
//! arguments.

use model::{Map, Value};

use super::extend::{Lookup, find_name, reconcile_extend};
use super::shared_lists::SharedLists;
use super::use_arguments::copied;
use super::{EXTEND, Options, bodies, first_key, is_internal, states, text};

/// The requisites that are rewritten here; the others stay in the chunks.
const REWRITTEN: [&str; 8] = [
    "require_in",
    "watch_in",
    "onfail_in",
    "onchanges_in",
    "use",
    "use_in",
    "prereq",
    "prereq_in",
];

/// Rewrites all of them.
pub(crate) fn requisite_in(high: &mut Map, options: &Options) -> Vec<String> {
    let mut shared = SharedLists::take(high);
    let mut rewrite = Rewrite {
        high,
        extend: Map::new(),
        errors: Vec::new(),
    };
    for (id, body) in bodies(high) {
        for (state, run) in states(body) {
            for argument in run {
                let Some(key) = first_key(argument).and_then(Value::as_str) else {
                    continue;
                };
                let is_disabled = options.disabled_requisites.iter().any(|other| other == key);
                if !REWRITTEN.contains(&key) || is_disabled {
                    continue;
                }
                let origin = Origin {
                    id,
                    state,
                    body,
                    key,
                };
                match argument.get(key) {
                    Some(Value::Map(items)) => rewrite.map(origin, items),
                    Some(Value::List(items)) => rewrite.list(origin, items),
                    _ => {}
                }
            }
        }
    }
    let Rewrite {
        extend, mut errors, ..
    } = rewrite;
    let extensions = extend
        .into_iter()
        .map(|(id, body)| Value::Map(Map::from([(id, body)])));
    let extensions: Value = extensions.collect();
    high.insert(EXTEND, extensions);
    errors.extend(reconcile_extend(high, Lookup::Strict, &mut shared));
    shared.put_back(high);
    errors
}

/// The state that has the requisite.
#[derive(Clone, Copy)]
struct Origin<'a> {
    id: &'a Value,
    state: &'a Value,
    body: &'a Map,
    key: &'a str,
}

impl Origin<'_> {
    /// Gives the plain requisite: `require` for `require_in`.
    fn plain(&self) -> &str {
        self.key.split('_').next().unwrap_or_default()
    }

    fn reference(&self) -> Value {
        Value::Map(Map::from([(self.state.clone(), self.id.clone())]))
    }
}

struct Rewrite<'a> {
    high: &'a Map,
    /// By id: by state: what is added.
    extend: Map,
    errors: Vec<String>,
}

impl Rewrite<'_> {
    /// `require_in: {pkg: vim}`.
    fn map(&mut self, origin: Origin<'_>, items: &Map) {
        for (state, name) in items.iter() {
            let state = self.without_function(origin, state, name);
            self.point_back(origin, name, &state);
        }
    }

    /// `require_in: [{pkg: vim}, vim, {sls: x}]`. What was named before is handled again with each
    /// further entry: Salt does so, and the repeated references are in its chunks.
    fn list(&mut self, origin: Origin<'_>, items: &[Value]) {
        let mut hinges: Vec<(Value, Value)> = Vec::new();
        for item in items {
            let Some((state, name)) = self.read(item) else {
                continue;
            };
            if state.as_str() == Some("sls") {
                hinges = ids_of_sls(&name, self.high);
            } else {
                hinges.push((name.clone(), state.clone()));
            }
            self.without_function(origin, &state, &name);
            for (name, state) in &hinges {
                self.hinge(origin, name, state);
            }
        }
    }

    fn hinge(&mut self, origin: Origin<'_>, name: &Value, state: &Value) {
        match origin.key {
            "prereq_in" => {
                let prerequired = prerequired(state, name);
                self.add(origin.id, origin.state, [prerequired]);
                self.point_back(origin, name, state);
            }
            "prereq" => {
                for (id, state) in find_name(name, state, self.high, Lookup::Strict) {
                    self.add(&id, &state, [prerequired(origin.state, origin.id)]);
                }
            }
            "use_in" => {
                for (id, target) in find_name(name, state, self.high, Lookup::Strict) {
                    let given = copied(self.high, (origin.id, origin.state), (&id, state));
                    self.add(&id, &target, given);
                }
            }
            "use" => {
                for (id, target) in find_name(name, state, self.high, Lookup::Strict) {
                    let taken = copied(self.high, (&id, &target), (origin.id, origin.state));
                    self.add(origin.id, origin.state, taken);
                }
            }
            _ => self.point_back(origin, name, state),
        }
    }

    fn add(&mut self, id: &Value, state: &Value, arguments: impl IntoIterator<Item = Value>) {
        let run = run_of(&mut self.extend, id, state);
        run.extend(arguments);
    }

    /// Adds `require: [{STATE: ID}]` to what was named, or lengthens the list that is there.
    fn point_back(&mut self, origin: Origin<'_>, name: &Value, state: &Value) {
        let reference = origin.reference();
        let run = run_of(&mut self.extend, name, state);
        let mut is_there = false;
        for argument in run.iter_mut() {
            if first_key(argument).and_then(Value::as_str) != Some(origin.plain()) {
                continue;
            }
            let list = argument
                .as_map_mut()
                .and_then(|map| map.get_mut(origin.plain()));
            if let Some(Value::List(list)) = list {
                list.push(reference.clone());
                is_there = true;
            }
        }
        if !is_there {
            let list = Value::List(vec![reference]);
            run.push(Value::Map(Map::from([(origin.plain(), list)])));
        }
        if let Some(Value::Map(body)) = self.extend.get_value_mut(name) {
            body.insert("__env__", text(origin.body, "__env__"));
            body.insert("__sls__", text(origin.body, "__sls__"));
        }
    }

    /// Reads one entry of a list. A bare text is an id, or else a `name` somewhere.
    fn read(&self, item: &Value) -> Option<(Value, Value)> {
        if let Value::Map(map) = item {
            return map
                .get_index(0)
                .map(|(state, name)| (state.clone(), name.clone()));
        }
        if let Some(Value::Map(body)) = self.high.get_value(item) {
            let state = body.keys().find(|key| !is_internal(key))?;
            return Some((state.clone(), item.clone()));
        }
        for (id, body) in bodies(self.high) {
            for (state, run) in states(body) {
                let is_name = |argument: &Value| argument.get("name") == Some(item);
                if run.iter().any(is_name) {
                    return Some((state.clone(), id.clone()));
                }
            }
        }
        None
    }

    /// Cuts a function off the state of a reference, which is an error.
    fn without_function(&mut self, origin: Origin<'_>, state: &Value, name: &Value) -> Value {
        let Some((plain_state, _)) = state.as_str().and_then(|state| state.split_once('.')) else {
            return state.clone();
        };
        self.errors.push(format!(
            "Invalid requisite in {}: {} for {}, in SLS '{}'. Requisites must not contain dots, \
            did \
             you mean '{plain_state}'?",
            origin.plain(),
            state.to_text(),
            name.to_text(),
            text(origin.body, "__sls__")
        ));
        Value::str(plain_state)
    }
}

fn prerequired(state: &Value, id: &Value) -> Value {
    let reference = Value::Map(Map::from([(state.clone(), id.clone())]));
    Value::Map(Map::from([("prerequired", Value::List(vec![reference]))]))
}

/// Gives the list of additions to a state of an id, made if missing.
fn run_of<'a>(extend: &'a mut Map, id: &Value, state: &Value) -> &'a mut Vec<Value> {
    let body = map_under(extend, id);
    if !matches!(body.get_value(state), Some(Value::List(_))) {
        body.insert(state.clone(), Value::List(Vec::new()));
    }
    match body.get_value_mut(state) {
        Some(Value::List(run)) => run,
        _ => unreachable!("a list was put there"),
    }
}

fn map_under<'a>(map: &'a mut Map, key: &Value) -> &'a mut Map {
    if !matches!(map.get_value(key), Some(Value::Map(_))) {
        map.insert(key.clone(), Map::new());
    }
    match map.get_value_mut(key) {
        Some(Value::Map(map)) => map,
        _ => unreachable!("a map was put there"),
    }
}

/// Gives every id of an SLS with each of its states.
fn ids_of_sls(sls: &Value, high: &Map) -> Vec<(Value, Value)> {
    let of_sls = bodies(high).filter(|(_, body)| body.get("__sls__") == Some(sls));
    let mut found = Vec::new();
    for (id, body) in of_sls {
        let states = body.keys().filter(|state| !is_internal(state));
        found.extend(states.map(|state| (id.clone(), state.clone())));
    }
    found
}
