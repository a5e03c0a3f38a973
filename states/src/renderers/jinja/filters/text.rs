//! Jinja's filters on text.

use std::rc::Rc;

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::interpreter::Interpreter;
use crate::renderers::jinja::object_call::{Args, flag, required, size_of, text_of};
use crate::renderers::jinja::scope::Site;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{limits, methods, percent, text};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "capitalize" => {
            |_, value, _, _| same_kind(&value, methods::capitalize(&text::str(&value)?))
        }
        "lower" => |_, value, _, _| same_kind(&value, text::str(&value)?.to_lowercase()),
        "upper" => |_, value, _, _| same_kind(&value, text::str(&value)?.to_uppercase()),
        "title" => |_, value, _, _| same_kind(&value, title(&text::str(&value)?)),
        "center" => |_, value, args, _| center(&value, args),
        "trim" => |_, value, args, _| trim(&value, args),
        "string" => |_, value, _, _| match &value {
            Py::Str(_) | Py::Markup(_) => Ok(value),
            other => text::str(other).map(Py::from),
        },
        "replace" => |_, value, args, _| replace(&value, args),
        "indent" => |_, value, args, _| indent(&value, args),
        "truncate" => |_, value, args, _| truncate(&value, args),
        "wordcount" => |_, value, _, _| Ok(Py::from(word_count(&text::str(&value)?))),
        "wordwrap" => |_, value, args, _| wordwrap(&value, args),
        "format" => format,
        "escape" | "e" => |_, value, _, _| match &value {
            Py::Markup(_) => Ok(value),
            other => Ok(Py::Markup(Rc::from(text::escaped(&text::str(other)?)?))),
        },
        "forceescape" => {
            |_, value, _, _| Ok(Py::Markup(Rc::from(text::escaped(&text::str(&value)?)?)))
        }
        "safe" => |_, value, _, _| Ok(Py::Markup(Rc::from(text::str(&value)?))),
        "striptags" => |_, value, _, _| Ok(Py::from(strip_tags(&text::str(&value)?))),
        "urlencode" => |_, value, _, _| url_encode(&value),
        "filesizeformat" => |_, value, args, _| file_size(&value, args),
        "xmlattr" => |_, value, args, _| xml_attributes(&value, args),
        _ => return None,
    })
}

/// Markup stays markup.
fn same_kind(value: &Py, text: String) -> Outcome<Py> {
    limits::text(text.len())?;
    Ok(match value {
        Py::Markup(_) => Py::Markup(Rc::from(text)),
        _ => Py::from(text),
    })
}

/// Jinja's title case: every word behind a blank, hyphen or opening bracket.
fn title(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut is_start = true;
    for character in source.chars() {
        if is_start {
            out.extend(character.to_uppercase());
        } else {
            out.extend(character.to_lowercase());
        }
        is_start = character.is_whitespace() || "-({[<".contains(character);
    }
    out
}

fn center(value: &Py, args: Args) -> Outcome<Py> {
    let [width] = args.bind("center", ["width"])?;
    let width = size_of(width.as_ref(), 80)?;
    same_kind(
        value,
        methods::justify(&text::str(value)?, "center", width, None)?,
    )
}

fn trim(value: &Py, args: Args) -> Outcome<Py> {
    let [chars] = args.bind("trim", ["chars"])?;
    let source = text::str(value)?;
    let chars = chars.filter(|chars| !chars.is_none());
    let trimmed = match chars.as_ref().map(text_of).transpose()? {
        Some(chars) => source.trim_matches(|c| chars.contains(c)),
        None => source.trim(),
    };
    same_kind(value, trimmed.to_owned())
}

fn replace(value: &Py, args: Args) -> Outcome<Py> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"])?;
    let (old, new) = (
        required(old, "replace", "old")?,
        required(new, "replace", "new")?,
    );
    let source = text::str(value)?;
    let replaced = methods::replace(
        &source,
        &text::str(&old)?,
        &text::str(&new)?,
        count.as_ref(),
    )?;
    Ok(Py::from(replaced))
}

fn indent(value: &Py, args: Args) -> Outcome<Py> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"])?;
    let indention = match &width {
        Some(Py::Str(text) | Py::Markup(text)) => text.to_string(),
        other => {
            let width = size_of(other.as_ref(), 4)?;
            limits::text(width)?;
            " ".repeat(width)
        }
    };
    let Some(source) = value.defined()?.as_str() else {
        return Err(Fault::python(format!(
            "unsupported operand type(s) for +=: '{}' and 'str'",
            value.type_name()
        )));
    };
    let (first, blank) = (flag(first.as_ref(), false)?, flag(blank.as_ref(), false)?);
    let source = format!("{source}\n");
    let lines = methods::lines(&source, false);
    limits::text(
        source
            .len()
            .saturating_add(lines.len().saturating_mul(indention.len())),
    )?;
    let mut out = String::new();
    if first {
        out.push_str(&indention);
    }
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        }
        out.push_str(line);
    }
    same_kind(value, out)
}

fn truncate(value: &Py, args: Args) -> Outcome<Py> {
    let [length, kill, end, leeway] =
        args.bind("truncate", ["length", "killwords", "end", "leeway"])?;
    let length = size_of(length.as_ref(), 255)?;
    let end = match &end {
        Some(end) => text::str(end)?,
        None => "...".to_owned(),
    };
    let leeway = size_of(leeway.as_ref().filter(|leeway| !leeway.is_none()), 5)?;
    let length_of_value = value.len()?;
    if value.as_str().is_none() && length_of_value <= length.saturating_add(leeway) {
        return Ok(value.clone());
    }
    let source = text_of(value)?;
    let count = source.chars().count();
    let end_count = end.chars().count();
    if length < end_count {
        return Err(Fault::python(format!(
            "expected length >= {end_count}, got {length}"
        )));
    }
    if count <= length.saturating_add(leeway) {
        return Ok(value.clone());
    }
    let mut cut: String = source.chars().take(length - end_count).collect();
    if !flag(kill.as_ref(), false)?
        && let Some((head, _)) = cut.rsplit_once(' ')
    {
        cut = head.to_owned();
    }
    same_kind(value, cut + &end)
}

fn word_count(source: &str) -> usize {
    source
        .split(|c: char| c != '_' && !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .count()
}

/// Wraps at a width. Lines of the source stay lines.
fn wordwrap(value: &Py, args: Args) -> Outcome<Py> {
    let [width, break_long, wrapstring, break_hyphens] = args.bind(
        "wordwrap",
        [
            "width",
            "break_long_words",
            "wrapstring",
            "break_on_hyphens",
        ],
    )?;
    let width = size_of(width.as_ref(), 79)?;
    if width == 0 {
        return Err(Fault::python("invalid width 0 (must be > 0)"));
    }
    let breaks_long = flag(break_long.as_ref(), true)?;
    let breaks_hyphens = flag(break_hyphens.as_ref(), true)?;
    let glue = match &wrapstring {
        Some(text) if !text.is_none() => text::str(text)?,
        _ => "\n".to_owned(),
    };
    let Some(source) = value.defined()?.as_str() else {
        return Err(Fault::python(format!(
            "'{}' object has no attribute 'splitlines'",
            value.type_name()
        )));
    };
    limits::text(source.len().saturating_mul(1 + glue.len()))?;
    let wrapped: Vec<String> = methods::lines(source, false)
        .into_iter()
        .map(|line| wrapped_line(line, width, breaks_long, breaks_hyphens).join(&glue))
        .collect();
    Ok(Py::from(wrapped.join(&glue)))
}

/// Cuts a line into words and the blanks between them, words optionally behind hyphens.
fn chunks(line: &str, breaks_hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut is_blank = None;
    for character in line.chars() {
        let blank = character.is_whitespace();
        let follows_hyphen = breaks_hyphens
            && !blank
            && chunks.last().is_some_and(|chunk| {
                let mut tail = chunk.chars().rev();
                tail.next() == Some('-')
                    && tail.next().is_some_and(char::is_alphabetic)
                    && character.is_alphabetic()
            });
        if is_blank == Some(blank) && !follows_hyphen {
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(character);
            }
        } else {
            chunks.push(character.to_string());
        }
        is_blank = Some(blank);
    }
    chunks
}

fn wrapped_line(line: &str, width: usize, breaks_long: bool, breaks_hyphens: bool) -> Vec<String> {
    let mut rest: Vec<String> = chunks(line, breaks_hyphens);
    rest.reverse();
    let length = |text: &str| text.chars().count();
    let is_blank = |text: &str| text.trim().is_empty();
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let mut current: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && rest.last().is_some_and(|chunk| is_blank(chunk)) {
            rest.pop();
        }
        while let Some(chunk) = rest.pop() {
            if used + length(&chunk) > width {
                rest.push(chunk);
                break;
            }
            used += length(&chunk);
            current.push(chunk);
        }
        if let Some(chunk) = rest.last().filter(|chunk| length(chunk) > width).cloned() {
            let room = width - used;
            if breaks_long && (room > 0) {
                rest.pop();
                current.push(chunk.chars().take(room).collect());
                rest.push(chunk.chars().skip(room).collect());
            } else if current.is_empty() {
                rest.pop();
                current.push(chunk);
            }
        }
        if current.last().is_some_and(|chunk| is_blank(chunk)) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.concat());
        }
    }
    lines
}

/// `"%s" | format(a, b)`
fn format(_: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    if !args.positional.is_empty() && !args.named.is_empty() {
        return Err(Fault::python(
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let source = text::str(&value)?;
    let values = if args.named.is_empty() {
        Py::tuple(args.positional)
    } else {
        let mut dict = crate::renderers::jinja::dict::Dict::default();
        for (name, value) in args.named {
            dict.insert(Py::Str(name), value)?;
        }
        Py::dict(dict)
    };
    let is_markup = matches!(value, Py::Markup(_));
    same_kind(&value, percent::format(&source, &values, is_markup)?)
}

/// Takes comments and tags out, folds blanks, and resolves the common entities.
fn strip_tags(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("<!--") {
            rest[at..].find("-->").map(|end| at + end + 3)
        } else {
            rest[at..].find('>').map(|end| at + end + 1)
        };
        match end {
            Some(end) => rest = &rest[end..],
            None => {
                out.push_str(&rest[at..]);
                rest = "";
            }
        }
    }
    out.push_str(rest);
    let folded = out.split_whitespace().collect::<Vec<_>>().join(" ");
    folded
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// Quotes a text for a URL; `safe` characters stay.
pub(super) fn url_quoted(source: &str, safe: &str, blank: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for byte in source.bytes() {
        let character = char::from(byte);
        if character == ' ' && !blank.is_empty() {
            out.push_str(blank);
        } else if character.is_ascii_alphanumeric()
            || "_.-~".contains(character)
            || safe.contains(character)
        {
            out.push(character);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn url_encode(value: &Py) -> Outcome<Py> {
    let pair = |key: &Py, value: &Py| -> Outcome<String> {
        let key = url_quoted(&text::str(key)?, "", "+");
        Ok(format!("{key}={}", url_quoted(&text::str(value)?, "", "+")))
    };
    match value.defined()? {
        Py::Dict(dict) => {
            let pairs: Outcome<Vec<String>> = dict
                .borrow()
                .iter()
                .map(|(key, value)| pair(key, value))
                .collect();
            Ok(Py::from(pairs?.join("&")))
        }
        Py::List(_) | Py::Tuple(_) | Py::Iterator(..) | Py::Range(_) | Py::Set(_) => {
            let mut pairs = Vec::new();
            for item in value.items()? {
                match item.items()?.as_slice() {
                    [key, value] => pairs.push(pair(key, value)?),
                    _ => return Err(Fault::python("urlencode needs pairs")),
                }
            }
            Ok(Py::from(pairs.join("&")))
        }
        other => Ok(Py::from(url_quoted(&text::str(other)?, "/", ""))),
    }
}

fn file_size(value: &Py, args: Args) -> Outcome<Py> {
    let [is_binary] = args.bind("filesizeformat", ["binary"])?;
    let is_binary = flag(is_binary.as_ref(), false)?;
    let bytes = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_float(),
    };
    let bytes: f64 = bytes.ok_or_else(|| {
        Fault::python(format!("could not convert to float: {}", value.type_name()))
    })?;
    let base: f64 = if is_binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Py::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Py::from(format!("{} Bytes", bytes.trunc() as i64)));
    }
    let units = if is_binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base * base;
    let mut shown = units[0];
    for name in units {
        shown = name;
        if bytes < unit {
            break;
        }
        unit *= base;
    }
    Ok(Py::from(format!("{:.1} {shown}", bytes * base / unit)))
}

fn xml_attributes(value: &Py, args: Args) -> Outcome<Py> {
    let [autospace] = args.bind("xmlattr", ["autospace"])?;
    let Py::Dict(dict) = value.defined()? else {
        return Err(Fault::python(format!(
            "'{}' object has no attribute 'items'",
            value.type_name()
        )));
    };
    let mut parts = Vec::new();
    for (key, value) in dict.borrow().iter() {
        if value.is_none() || value.is_undefined() {
            continue;
        }
        let key = key.as_str().ok_or_else(|| {
            Fault::python(format!(
                "expected string or bytes-like object, got '{}'",
                key.type_name()
            ))
        })?;
        if key.contains(|c: char| c.is_whitespace() || "/>=".contains(c)) {
            return Err(Fault::python(format!(
                "Invalid character in attribute name: {}",
                text::quoted(key)
            )));
        }
        let value = text::escaped(&text::str(value)?)?;
        parts.push(format!("{}=\"{value}\"", text::escaped(key)?));
    }
    let joined = parts.join(" ");
    let has_space = flag(autospace.as_ref(), true)? && !joined.is_empty();
    Ok(Py::from(if has_space {
        format!(" {joined}")
    } else {
        joined
    }))
}
