//! The `key` outputter: the lists of `salt-key`.

use model::Value;

use crate::python_text::without_escapes;

use super::{Color, Style};

/// Renders `{section: [ids]}` or `{section: {id: text}}`; `None` for anything else.
pub(crate) fn output(data: &Value, style: &Style) -> Option<String> {
    let mut out = String::new();
    for (section, keys) in super::nested::sorted(data.as_map()?) {
        let (title, heading, color) = section_of(&section)?;
        let title = style.palette.paint(heading, title);
        out.push_str(&format!("{title}\n"));
        match keys {
            Value::List(ids) => {
                let mut ids: Vec<String> = ids.iter().map(Value::to_text).collect();
                ids.sort();
                for id in ids {
                    let id = style.palette.paint(color, &without_escapes(&id));
                    out.push_str(&format!("{id}\n"));
                }
            }
            Value::Map(map) => {
                for (id, text) in super::nested::sorted(map) {
                    let line = format!("{}:  {}", without_escapes(&id), text.to_text());
                    out.push_str(&format!("{}\n", style.palette.paint(color, &line)));
                }
            }
            _ => return None,
        }
    }
    Some(out)
}

fn section_of(section: &str) -> Option<(&'static str, Color, Color)> {
    Some(match section {
        "minions" => ("Accepted Keys:", Color::LightGreen, Color::Green),
        "minions_pre" => ("Unaccepted Keys:", Color::LightRed, Color::Red),
        "minions_denied" => ("Denied Keys:", Color::LightMagenta, Color::Magenta),
        "minions_rejected" => ("Rejected Keys:", Color::LightBlue, Color::Blue),
        "local" => ("Local Keys:", Color::LightMagenta, Color::Magenta),
        _ => return None,
    })
}
