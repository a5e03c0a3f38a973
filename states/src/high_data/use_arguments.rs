//! Which arguments `use` and `use_in` copy: all that the receiver lacks, but no name and no
//! requisites.

use model::{Map, Value};

use super::single_pair;

/// Never copied.
const KEPT_BACK: [&str; 15] = [
    "require_in",
    "watch_in",
    "onfail_in",
    "onchanges_in",
    "use",
    "use_in",
    "prereq",
    "prereq_in",
    "require",
    "watch",
    "onfail",
    "onfail_stop",
    "onchanges",
    "name",
    "names",
];

/// Gives what the receiver gets of the giver; each is an id and a state.
pub(super) fn copied(
    high: &Map,
    giver: (&Value, &Value),
    receiver: (&Value, &Value),
) -> Vec<Value> {
    let run = |(id, state): (&Value, &Value)| {
        let body = high.get_value(id).and_then(Value::as_map);
        body.and_then(|body| body.get_value(state))
            .and_then(Value::as_list)
            .unwrap_or_default()
    };
    let owned: Vec<&Value> = run(receiver)
        .iter()
        .filter_map(single_pair)
        .map(|(key, _)| key)
        .collect();
    let is_copied = |argument: &&Value| {
        single_pair(argument).is_some_and(|(key, _)| {
            !owned.contains(&key) && key.as_str().is_none_or(|key| !KEPT_BACK.contains(&key))
        })
    };
    run(giver).iter().filter(is_copied).cloned().collect()
}
