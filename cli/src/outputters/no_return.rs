//! The `no_return` outputter: minions that did not answer, in red.

use model::Value;

use super::{Color, Style};

/// Renders.
pub(crate) fn output(data: &Value, style: &Style) -> String {
    let mut out = String::new();
    show(data, 0, style, &mut out);
    out
}

fn show(data: &Value, indent: usize, style: &Style, out: &mut String) {
    let pad = " ".repeat(indent);
    match data {
        Value::Str(text) => {
            for line in text.split('\n') {
                let line = style.palette.paint(Color::Red, &format!("{pad}{line}"));
                out.push_str(&format!("{line}\n"));
            }
        }
        Value::Map(map) => {
            for (key, value) in super::nested::sorted(map) {
                let key = style.palette.paint(Color::Cyan, &format!("{pad}{key}"));
                out.push_str(&format!("{key}:\n"));
                show(value, indent + 4, style, out);
            }
        }
        _ => {}
    }
}
