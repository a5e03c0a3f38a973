//! The `txt` outputter: `minion: line` for every line.

use model::Value;

use crate::python_text::splitlines;

/// Renders; what is no map is printed as Python's `str` or `repr` does.
pub(crate) fn output(data: &Value) -> String {
    let Some(map) = data.as_map() else {
        return data.to_text();
    };
    let mut out = String::new();
    for (key, value) in map.iter() {
        let key = key.to_text();
        match value {
            Value::Str(text) => {
                for line in splitlines(text) {
                    out.push_str(&format!("{key}: {line}\n"));
                }
            }
            other => out.push_str(&format!("{key}: {}\n", other.repr())),
        }
    }
    out
}
