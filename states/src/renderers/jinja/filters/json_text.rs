//! Data as JSON text, laid out as Python's `json.dumps` does.

use model::value::float_repr;

use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::object_call::size_of;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{compare, limits};

#[derive(Debug, Default, Clone)]
pub(super) struct Layout {
    pub(super) sorts_keys: bool,
    /// The text of one level.
    pub(super) indent: Option<String>,
    pub(super) is_ascii: bool,
    /// Between items, and between key and value.
    pub(super) separators: Option<(String, String)>,
}

/// Reads the argument `indent`: a number of blanks or a text.
pub(super) fn indent(value: Option<&Py>) -> Outcome<Option<String>> {
    Ok(match value {
        None | Some(Py::None) => None,
        Some(value) => Some(match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                let width = size_of(Some(value), 0)?;
                limits::text(width)?;
                " ".repeat(width)
            }
        }),
    })
}

/// Writes a value.
pub(super) fn write(value: &Py, layout: &Layout) -> Outcome<String> {
    let mut out = String::new();
    write_value(value, layout, 0, &mut out)?;
    Ok(out)
}

fn write_value(value: &Py, layout: &Layout, depth: usize, out: &mut String) -> Outcome<()> {
    limits::depth(depth)?;
    let before = out.len();
    match value.defined()? {
        Py::None => out.push_str("null"),
        Py::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Py::Int(int) => out.push_str(&int.to_string()),
        Py::Float(float) => out.push_str(&float_text(*float)),
        Py::Str(text) | Py::Markup(text) => write_text(text, layout.is_ascii, out),
        Py::List(_) | Py::Tuple(_) => {
            let items = value.items()?;
            write_group('[', ']', items.len(), layout, depth, out, |index, out| {
                write_value(&items[index], layout, depth + 1, out)
            })?;
        }
        Py::Dict(dict) => {
            let dict = dict.borrow();
            let mut pairs: Vec<(Py, Py)> = dict
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if layout.sorts_keys {
                compare::sort_by_key(&mut pairs, false)?;
            }
            let colon = layout
                .separators
                .as_ref()
                .map_or(": ", |(_, key)| key.as_str());
            write_group('{', '}', pairs.len(), layout, depth, out, |index, out| {
                let (key, value) = &pairs[index];
                write_text(&key_text(key)?, layout.is_ascii, out);
                out.push_str(colon);
                write_value(value, layout, depth + 1, out)
            })?;
        }
        other => {
            return Err(Fault::python(format!(
                "Object of type {} is not JSON serializable",
                other.type_name()
            )));
        }
    }
    limits::spend((out.len() - before) as u64 / 16)?;
    if out.len() > limits::MAX_TEXT {
        limits::text(out.len())?;
    }
    Ok(())
}

fn write_group(
    open: char,
    close: char,
    count: usize,
    layout: &Layout,
    depth: usize,
    out: &mut String,
    mut write_item: impl FnMut(usize, &mut String) -> Outcome<()>,
) -> Outcome<()> {
    out.push(open);
    let usual = if layout.indent.is_some() { "," } else { ", " };
    let comma = layout
        .separators
        .as_ref()
        .map_or(usual, |(item, _)| item.as_str());
    let new_line = |depth: usize, out: &mut String| {
        if let Some(indent) = &layout.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    };
    for index in 0..count {
        if index > 0 {
            out.push_str(comma);
        }
        new_line(depth + 1, out);
        write_item(index, out)?;
    }
    if count > 0 {
        new_line(depth, out);
    }
    out.push(close);
    Ok(())
}

fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    float_repr(float)
}

fn key_text(key: &Py) -> Outcome<String> {
    Ok(match key {
        Py::Str(text) | Py::Markup(text) => text.to_string(),
        Py::None => "null".to_owned(),
        Py::Bool(bool) => bool.to_string(),
        Py::Int(int) => int.to_string(),
        Py::Float(float) => float_text(*float),
        other => {
            return Err(Fault::python(format!(
                "keys must be str, int, float, bool or None, not {}",
                other.type_name()
            )));
        }
    })
}

fn write_text(text: &str, is_ascii: bool, out: &mut String) {
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
            c if is_ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c if is_ascii && c == '\x7f' => out.push(c),
            c => out.push(c),
        }
    }
    out.push('"');
}
