//! Python's `pprint`: `repr()` in lines of at most 80 columns, dicts sorted by key.

use crate::renderers::jinja::fault::Outcome;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{compare, limits, text};

const WIDTH: usize = 80;

/// Writes a value.
pub(super) fn pretty(value: &Py) -> Outcome<String> {
    let mut out = String::new();
    write(value, 0, 0, 0, &mut out)?;
    Ok(out)
}

/// The pairs of a dict as `pprint` orders them.
fn sorted_pairs(value: &Py) -> Outcome<Vec<(Py, Py)>> {
    let Py::Dict(dict) = value else {
        return Ok(Vec::new());
    };
    let mut pairs: Vec<(Py, Py)> = dict
        .borrow()
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let unsorted = pairs.clone();
    Ok(if compare::sort_by_key(&mut pairs, false).is_ok() {
        pairs
    } else {
        unsorted
    })
}

/// `repr()` with sorted dicts.
fn flat(value: &Py, depth: usize) -> Outcome<String> {
    limits::depth(depth)?;
    let joined = |items: Vec<Py>| -> Outcome<String> {
        let parts: Outcome<Vec<String>> = items.iter().map(|item| flat(item, depth + 1)).collect();
        let joined = parts?.join(", ");
        limits::text(joined.len())?;
        Ok(joined)
    };
    Ok(match value {
        Py::Dict(_) => {
            let mut parts = Vec::new();
            for (key, value) in sorted_pairs(value)? {
                parts.push(format!(
                    "{}: {}",
                    flat(&key, depth + 1)?,
                    flat(&value, depth + 1)?
                ));
            }
            format!("{{{}}}", parts.join(", "))
        }
        Py::List(items) => format!("[{}]", joined(items.borrow().0.clone())?),
        Py::Tuple(items) if items.0.len() == 1 => format!("({},)", joined(items.0.clone())?),
        Py::Tuple(items) => format!("({})", joined(items.0.clone())?),
        other => text::repr(other)?,
    })
}

fn write(
    value: &Py,
    indent: usize,
    allowance: usize,
    depth: usize,
    out: &mut String,
) -> Outcome<()> {
    limits::depth(depth)?;
    let line = flat(value, depth)?;
    let room = WIDTH.saturating_sub(indent + allowance);
    if line.chars().count() <= room {
        out.push_str(&line);
        return Ok(());
    }
    match value {
        Py::Dict(dict) if !dict.borrow().is_empty() => {
            out.push('{');
            let pairs = sorted_pairs(value)?;
            let last = pairs.len() - 1;
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(indent + 1));
                }
                let key = flat(key, depth + 1)?;
                out.push_str(&key);
                out.push_str(": ");
                let inner = indent + 1 + key.chars().count() + 2;
                let allowance = if index == last { allowance + 1 } else { 1 };
                write(value, inner, allowance, depth + 1, out)?;
            }
            out.push('}');
        }
        Py::List(items) if !items.borrow().0.is_empty() => {
            out.push('[');
            let items = items.borrow().0.clone();
            write_items(&items, indent + 1, allowance + 1, depth, out)?;
            out.push(']');
        }
        Py::Tuple(items) if !items.0.is_empty() => {
            out.push('(');
            let end = if items.0.len() == 1 { ",)" } else { ")" };
            write_items(&items.0, indent + 1, allowance + end.len(), depth, out)?;
            out.push_str(end);
        }
        Py::Str(source) => write_text(source, indent, allowance, depth, out),
        _ => out.push_str(&line),
    }
    Ok(())
}

fn write_items(
    items: &[Py],
    indent: usize,
    allowance: usize,
    depth: usize,
    out: &mut String,
) -> Outcome<()> {
    let last = items.len() - 1;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(",\n");
            out.push_str(&" ".repeat(indent));
        }
        let allowance = if index == last { allowance } else { 1 };
        write(item, indent, allowance, depth + 1, out)?;
    }
    Ok(())
}

/// Cuts a long text into several literals, at line ends and blanks.
fn write_text(source: &str, indent: usize, allowance: usize, depth: usize, out: &mut String) {
    let (indent, allowance) = if depth == 0 {
        (indent + 1, allowance + 1)
    } else {
        (indent, allowance)
    };
    let mut chunks: Vec<String> = Vec::new();
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    let last_line = lines.len().saturating_sub(1);
    for (index, line) in lines.iter().enumerate() {
        let room = WIDTH.saturating_sub(indent);
        let room_of_last = if index == last_line {
            room.saturating_sub(allowance)
        } else {
            room
        };
        let whole = text::quoted(line);
        if whole.chars().count() <= room_of_last {
            chunks.push(whole);
            continue;
        }
        let mut words: Vec<String> = Vec::new();
        for character in line.chars() {
            let starts_word = words.last().is_none_or(|word| {
                word.ends_with(char::is_whitespace) && !character.is_whitespace()
            });
            if starts_word {
                words.push(character.to_string());
            } else if let Some(word) = words.last_mut() {
                word.push(character);
            }
        }
        let mut current = String::new();
        let last_word = words.len().saturating_sub(1);
        for (at, word) in words.iter().enumerate() {
            let candidate = format!("{current}{word}");
            let is_end = at == last_word && index == last_line;
            let limit = if is_end {
                room.saturating_sub(allowance)
            } else {
                room
            };
            if text::quoted(&candidate).chars().count() > limit && !current.is_empty() {
                chunks.push(text::quoted(&current));
                current.clone_from(word);
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(text::quoted(&current));
        }
    }
    if chunks.len() == 1 {
        out.push_str(&text::quoted(source));
        return;
    }
    if depth == 0 {
        out.push('(');
    }
    out.push_str(&chunks.join(&format!("\n{}", " ".repeat(indent))));
    if depth == 0 {
        out.push(')');
    }
}
