//! The `newline_values_only` outputter: the values without the minions, one a line.

use model::Value;

/// Renders; `None` for what is no map.
pub(crate) fn output(data: &Value) -> Option<String> {
    let mut lines = Vec::new();
    for value in data.as_map()?.values() {
        match value {
            Value::List(list) => lines.extend(list.iter().map(Value::to_text)),
            other => lines.push(other.to_text()),
        }
    }
    Some(lines.join("\n"))
}
