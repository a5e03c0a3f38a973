//! Takes excluded ids, and the ids of excluded SLS, out of the high data.

use model::{Glob, Map, Value};

use super::{EXCLUDE, is_internal, text};

/// What an `exclude` list names.
#[derive(Debug, Default)]
struct Excluded {
    sls: Vec<Glob>,
    ids: Vec<Value>,
}

/// Applies `__exclude__` and takes it away. A bare text means an SLS; an SLS may be a glob.
pub(crate) fn apply_exclude(high: &mut Map) {
    let Some(Value::List(entries)) = high.remove(EXCLUDE) else {
        return;
    };
    let excluded = read(&entries);
    let is_excluded = |id: &Value, body: &Value| {
        if excluded.ids.contains(id) {
            return true;
        }
        let sls = body
            .as_map()
            .map(|body| text(body, "__sls__"))
            .unwrap_or_default();
        !is_internal(id) && !sls.is_empty() && excluded.sls.iter().any(|glob| glob.matches(sls))
    };
    high.retain(|id, body| !is_excluded(id, body));
}

fn read(entries: &[Value]) -> Excluded {
    let mut excluded = Excluded::default();
    for entry in entries {
        match entry {
            Value::Str(sls) => excluded.sls.push(Glob::new(sls)),
            Value::Map(map) if map.len() == 1 => {
                if let Some(sls) = map.get("sls").and_then(Value::as_str) {
                    excluded.sls.push(Glob::new(sls));
                }
                excluded.ids.extend(map.get("id").cloned());
            }
            _ => {}
        }
    }
    excluded
}

/// Gives the SLS that are excluded, as written: their extensions do not count.
pub(super) fn excluded_sls(high: &Map) -> Vec<String> {
    let Some(Value::List(entries)) = high.get(EXCLUDE) else {
        return Vec::new();
    };
    let sls = |entry: &Value| match entry {
        Value::Str(sls) => Some(sls.clone()),
        entry => entry.get("sls").and_then(Value::as_str).map(str::to_owned),
    };
    entries.iter().filter_map(sls).collect()
}
