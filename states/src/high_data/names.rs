//! High data to low chunks: one for each state, or one for each of its `names`.

use model::{Map, Value};

use super::{bodies, states, text, type_name};
use crate::low_chunk::LowChunk;

/// A chunk before its place is known.
#[derive(Debug, Clone)]
pub(crate) struct Unordered {
    /// The chunk; its order counts for nothing yet.
    pub(crate) chunk: LowChunk,
    /// The `order` as written, or as the compiler counted.
    pub(crate) order: Option<Value>,
    /// The place among the `names` of one state, from 1; 0 without `names`.
    pub(crate) name_order: u32,
}

/// Compiles every state of every id. A name in `names` that is no text is an error here; Salt fails
/// that chunk alone, when it comes to run.
pub(crate) fn compile_chunks(high: &Map) -> Result<Vec<Unordered>, Vec<String>> {
    let mut chunks = Vec::new();
    let mut errors = Vec::new();
    for (id, body) in bodies(high).filter(|(id, _)| !super::is_internal(id)) {
        for (state, run) in states(body) {
            if let Err(error) = compile_state(id, body, state, run, &mut chunks) {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() {
        Ok(chunks)
    } else {
        Err(errors)
    }
}

fn compile_state(
    id: &Value,
    body: &Map,
    state: &Value,
    run: &[Value],
    chunks: &mut Vec<Unordered>,
) -> Result<(), String> {
    let sls = text(body, "__sls__");
    let mut low = Map::from([("name", id.clone()), ("state", state.clone())]);
    low.extend([("__sls__", sls), ("__env__", text(body, "__env__"))]);
    low.insert("__id__", id.clone());
    let mut names: Vec<&Value> = Vec::new();
    let arguments = run.iter().filter_map(Value::as_map).flat_map(Map::iter);
    for (key, value) in arguments {
        match (key.as_str(), value) {
            (Some("names"), Value::List(list)) => {
                for name in list {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            (Some("state" | "names"), _) => {}
            // A name that is no text: the id stands in for it.
            (Some("name"), value) if value.as_str().is_none() => {
                low.insert("name", id.clone());
            }
            _ => {
                low.insert(key.clone(), value.clone());
            }
        }
    }
    let Some(function) = run.iter().rev().find_map(Value::as_str) else {
        return Ok(());
    };
    low.insert("fun", function);
    if names.is_empty() {
        chunks.push(unordered(low, 0));
        return Ok(());
    }
    for (index, name) in names.into_iter().enumerate() {
        let live = named(&low, name, sls)?;
        let place = u32::try_from(index + 1).unwrap_or(u32::MAX);
        chunks.push(unordered(live, place));
    }
    Ok(())
}

/// Gives the arguments for one of the `names`: a text, or a map from the text to more arguments.
fn named(low: &Map, name: &Value, sls: &str) -> Result<Map, String> {
    let mut live = low.clone();
    let pair = name.as_map().and_then(|map| map.get_index(0));
    let (name, more) = pair.map_or((name, None), |(name, more)| (name, Some(more)));
    if !matches!(name, Value::Str(_)) {
        return Err(format!(
            "ID '{}' in SLS '{sls}' is not formed as a string, but is a {}",
            name.to_text(),
            type_name(name)
        ));
    }
    live.insert("name", name.clone());
    let function = live.get("fun").cloned();
    match more {
        Some(Value::List(more)) => {
            for argument in more.iter().filter_map(Value::as_map) {
                live.extend(argument.clone());
            }
        }
        Some(Value::Nil) | None => {}
        Some(_) => {
            let name = name.to_text();
            return Err(format!(
                "The arguments of name '{name}' in SLS '{sls}' are not a list"
            ));
        }
    }
    live.insert("fun", function.unwrap_or_default());
    Ok(live)
}

fn unordered(mut low: Map, name_order: u32) -> Unordered {
    let mut take = |key| {
        low.remove(key)
            .map(|value| value.to_text())
            .unwrap_or_default()
    };
    let chunk = LowChunk {
        state: take("state"),
        fun: take("fun"),
        id: take("__id__"),
        name: take("name"),
        sls: take("__sls__"),
        saltenv: take("__env__"),
        ..LowChunk::default()
    };
    let order = low.remove("order");
    Unordered {
        chunk: LowChunk { args: low, ..chunk },
        order,
        name_order,
    }
}
