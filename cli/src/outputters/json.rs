//! The `json` outputter, and JSON as Python's `json.dumps` writes it.

use model::value::float_repr;
use model::{Map, Value};

use super::Style;

/// How Python lays JSON out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Spaces per level; `None` is one line with a space after `,` and `:`.
    pub(crate) indent: Option<usize>,
    /// Keys in alphabetical order, instead of the order in which they came.
    pub(crate) is_sorted: bool,
}

/// Renders: four spaces, or what `--out-indent` says; a negative one is a single line.
pub(crate) fn output(data: &Value, style: &Style) -> String {
    let indent = match style.indent {
        None => Some(4),
        Some(indent) => usize::try_from(indent).ok(),
    };
    let layout = Layout {
        indent,
        is_sorted: false,
    };
    write_json(data, layout)
}

/// Writes a value as JSON. Non-ASCII text stays as it is.
pub(crate) fn write_json(data: &Value, layout: Layout) -> String {
    let mut out = String::new();
    write(data, layout, 0, &mut out);
    out
}

fn write(data: &Value, layout: Layout, level: usize, out: &mut String) {
    match data {
        Value::Nil => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Float(float) => out.push_str(&number(*float)),
        Value::Str(text) => write_text(text, out),
        Value::Bytes(_) | Value::Ext(..) => write_text(&data.repr(), out),
        Value::List(list) => {
            let items = list.iter().map(|item| (None, item)).collect();
            write_items(items, ['[', ']'], layout, level, out);
        }
        Value::Map(map) => {
            write_items(pairs(map, layout), ['{', '}'], layout, level, out);
        }
    }
}

fn pairs(map: &Map, layout: Layout) -> Vec<(Option<String>, &Value)> {
    let mut pairs: Vec<_> = map
        .iter()
        .map(|(key, value)| (Some(key_text(key)), value))
        .collect();
    if layout.is_sorted {
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    pairs
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Nil => "null".into(),
        Value::Bool(bool) => bool.to_string(),
        Value::Float(float) => number(*float),
        other => other.to_text(),
    }
}

fn number(float: f64) -> String {
    if float.is_nan() {
        "NaN".into()
    } else if float.is_infinite() {
        if float > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        float_repr(float)
    }
}

fn write_items(
    items: Vec<(Option<String>, &Value)>,
    ends: [char; 2],
    layout: Layout,
    level: usize,
    out: &mut String,
) {
    let [open, close] = ends;
    out.push(open);
    let is_empty = items.is_empty();
    for (index, (key, value)) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match layout.indent {
            Some(indent) => new_line(indent, level + 1, out),
            None if index > 0 => out.push(' '),
            None => {}
        }
        if let Some(key) = key {
            write_text(&key, out);
            out.push_str(": ");
        }
        write(value, layout, level + 1, out);
    }
    if let Some(indent) = layout.indent
        && !is_empty
    {
        new_line(indent, level, out);
    }
    out.push(close);
}

fn new_line(indent: usize, level: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent * level));
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
