//! The `nested` outputter: data as an indented outline, keys sorted.

use model::Value;

use crate::python_text::{splitlines, without_escapes};

use super::{Color, Palette};

/// Renders with every line moved right by `indent` columns.
pub(crate) fn output(data: &Value, palette: Palette, indent: usize, retcode: i64) -> String {
    let mut outline = Outline {
        palette,
        has_failed: retcode != 0,
        lines: Vec::new(),
    };
    outline.show(data, indent, "");
    outline.lines.join("\n")
}

struct Outline {
    palette: Palette,
    has_failed: bool,
    lines: Vec<String>,
}

impl Outline {
    fn push(&mut self, indent: usize, color: Color, prefix: &str, text: &str, suffix: &str) {
        let (start, end) = (self.palette.start(color), self.palette.end());
        let pad = " ".repeat(indent);
        self.lines
            .push(format!("{pad}{start}{prefix}{text}{end}{suffix}"));
    }

    fn structure(&self, otherwise: Color) -> Color {
        if self.has_failed {
            Color::Red
        } else {
            otherwise
        }
    }

    fn show(&mut self, data: &Value, indent: usize, prefix: &str) {
        match data {
            Value::Str(text) => self.text(text, indent, prefix),
            Value::List(list) => self.list(list, indent),
            Value::Map(map) => {
                if indent > 0 {
                    let color = self.structure(Color::Cyan);
                    self.push(indent, color, "", "----------", "");
                }
                let color = self.structure(Color::Cyan);
                for (key, value) in sorted(map) {
                    self.push(indent, color, prefix, &key, ":");
                    self.show(value, indent + 4, "");
                }
            }
            other => self.push(indent, Color::LightYellow, prefix, &other.repr(), ""),
        }
    }

    fn text(&mut self, text: &str, indent: usize, prefix: &str) {
        let later = " ".repeat(prefix.len());
        for (number, line) in splitlines(text).into_iter().enumerate() {
            let prefix = if number == 0 { prefix } else { &later };
            self.push(indent, Color::Green, prefix, &without_escapes(line), "");
        }
    }

    fn list(&mut self, list: &[Value], indent: usize) {
        let color = self.structure(Color::Green);
        for item in list {
            match item {
                Value::List(_) => {
                    self.push(indent, color, "", "|_", "");
                    self.show(item, indent + 2, "- ");
                }
                Value::Map(_) => {
                    self.push(indent, color, "", "|_", "");
                    self.show(item, indent + 2, "");
                }
                _ => self.show(item, indent, "- "),
            }
        }
    }
}

/// Gives the pairs in the order of their keys as text.
pub(super) fn sorted(map: &model::Map) -> Vec<(String, &Value)> {
    let mut pairs: Vec<(String, &Value)> = map
        .iter()
        .map(|(key, value)| (key.to_text(), value))
        .collect();
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    pairs
}
