//! `hide_output`: what a step gave, without what it said.
//!
//! Whether it went well, and how many things there were, stays; every text goes. Taken off before
//! anything is recorded, so that neither the log nor an event nor a result holds it.

use model::{Map, Value};

/// What stands for a text.
const HIDDEN: &str = "** hidden **";

/// Keys of a state result that say what was done, not what came out.
const KEPT: [&str; 7] = [
    "result",
    "__id__",
    "__sls__",
    "__run_num__",
    "start_time",
    "duration",
    "outputter",
];

/// Gives a value without its texts. Booleans, nothing and the keys of maps stay.
pub(crate) fn hidden(value: &Value) -> Value {
    match value {
        Value::Nil | Value::Bool(_) => value.clone(),
        Value::Str(text) if text.is_empty() => value.clone(),
        Value::List(items) => items.iter().map(hidden).collect(),
        Value::Map(map) => {
            let pairs = map.iter().map(|(key, value)| {
                let is_kept = key.as_str().is_some_and(|key| KEPT.contains(&key));
                let value = if is_kept {
                    value.clone()
                } else {
                    hidden(value)
                };
                (key.clone(), value)
            });
            pairs.collect::<Map>().into()
        }
        _ => HIDDEN.into(),
    }
}
