//! The `pprint` outputter: data as Python writes it, broken into lines where it is wide.
//!
//! Unlike Python's it never breaks a long text in two.

use model::Value;

use super::nested::sorted;

/// Columns that Python's `pprint` fills.
const WIDTH: usize = 80;

/// Renders.
pub(super) fn output(data: &Value) -> String {
    let mut out = String::new();
    write(data, 0, 0, &mut out);
    out
}

/// Writes at a column, with `after` characters to follow on the last line.
fn write(data: &Value, column: usize, after: usize, out: &mut String) {
    let flat = flat(data);
    if flat.chars().count() + column + after <= WIDTH {
        return out.push_str(&flat);
    }
    let pad = format!(",\n{}", " ".repeat(column + 1));
    match data {
        Value::Map(map) if !map.is_empty() => {
            out.push('{');
            let last = map.len() - 1;
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| key.to_text());
            for (index, (key, value)) in pairs.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(&pad);
                }
                let key = format!("{}: ", key.repr());
                out.push_str(&key);
                let column = column + 1 + key.chars().count();
                let after = if index == last { after + 1 } else { 1 };
                write(value, column, after, out);
            }
            out.push('}');
        }
        Value::List(list) if !list.is_empty() => {
            out.push('[');
            let last = list.len() - 1;
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(&pad);
                }
                let after = if index == last { after + 1 } else { 1 };
                write(item, column + 1, after, out);
            }
            out.push(']');
        }
        _ => out.push_str(&flat),
    }
}

/// Writes on one line, keys sorted.
fn flat(data: &Value) -> String {
    match data {
        Value::Map(map) => {
            let pairs: Vec<String> = sorted(map)
                .into_iter()
                .map(|(key, value)| format!("{}: {}", Value::Str(key).repr(), flat(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(flat).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.repr(),
    }
}
