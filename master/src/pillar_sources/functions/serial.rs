//! Data as text, as Python's `json` and `yaml` write it.

use model::value::float_repr;
use model::{Map, Value};
use states::renderers::load_yaml;
use states::renderers::yaml::{Flow, dump_yaml};

use super::{bad, failed};
use states::context::FunctionError;

/// Writes data with a serializer of Salt.
pub(super) fn serialize(serializer: &str, value: &Value) -> Result<String, FunctionError> {
    match serializer {
        "json" => Ok(json(value)),
        "yaml" => {
            let text = dump_yaml(&sorted(value), Flow::Leaves);
            let text = text.strip_suffix("\n...\n").unwrap_or(&text);
            Ok(text.strip_suffix('\n').unwrap_or(text).to_owned())
        }
        other => Err(unknown(other)),
    }
}

/// Reads text with a serializer of Salt.
pub(super) fn deserialize(serializer: &str, text: &str) -> Result<Value, FunctionError> {
    match serializer {
        "json" => serde_json::from_str(text).map_err(|error| failed(error.to_string())),
        "yaml" => load_yaml(text).map_err(|error| failed(error.to_string())),
        other => Err(unknown(other)),
    }
}

fn unknown(serializer: &str) -> FunctionError {
    bad(format!(
        "the serializer '{serializer}' is not supported; json and yaml are"
    ))
}

/// Sorts all maps by their keys, as PyYAML does unless it is told otherwise.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let mut pairs: Vec<(Value, Value)> =
                map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            pairs.sort_by_key(|(key, _)| key.to_text());
            Value::Map(pairs.into_iter().collect::<Map>())
        }
        Value::List(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn json(value: &Value) -> String {
    let text = |text: &str| Value::str(text);
    match value {
        Value::Nil => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) if float.is_nan() => "NaN".to_owned(),
        Value::Float(float) if float.is_infinite() => if *float > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned(),
        Value::Float(float) => float_repr(*float),
        Value::Str(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Bytes(bytes) | Value::Ext(_, bytes) => json(&text(&String::from_utf8_lossy(bytes))),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let key = |key: &Value| match key {
                Value::Str(_) | Value::Bytes(_) => json(key),
                other => json(&text(&json(other))),
            };
            let pair = |(k, v): (&Value, &Value)| format!("{}: {}", key(k), json(v));
            let items: Vec<String> = map.iter().map(pair).collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}
