//! Methods of text.

use std::rc::Rc;

use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::object_call::{Args, flag, int_of, required, size_of, text_of};
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{format, limits, text};

pub(super) const NAMES: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];

pub(super) fn call(source: &str, is_markup: bool, name: &str, args: Args) -> Outcome<Py> {
    let made = |text: String| -> Outcome<Py> {
        limits::text(text.len())?;
        Ok(if is_markup {
            Py::Markup(Rc::from(text))
        } else {
            Py::from(text)
        })
    };
    match name {
        "format" => made(format::format(source, &args)?),
        "join" => join(source, args, is_markup),
        "split" | "rsplit" => marked(split(source, name, args)?, is_markup),
        "splitlines" => {
            let [keep] = args.bind(name, ["keepends"])?;
            let lines = lines(source, flag(keep.as_ref(), false)?);
            Ok(Py::list(lines.into_iter().map(Py::str).collect()))
        }
        "replace" => {
            let [old, new, count] = args.bind(name, ["old", "new", "count"])?;
            let (old, new) = (required(old, name, "old")?, required(new, name, "new")?);
            let new = match &new {
                Py::Str(plain) if is_markup => text::escaped(plain)?,
                other => text_of(other)?.to_owned(),
            };
            made(replace(source, text_of(&old)?, &new, count.as_ref())?)
        }
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = args.bind(name, ["chars"])?;
            let chars = chars.filter(|chars| !chars.is_none());
            let chars = chars.as_ref().map(text_of).transpose()?;
            made(strip(source, name, chars).to_owned())
        }
        "center" | "ljust" | "rjust" => {
            let [width, fill] = args.bind(name, ["width", "fillchar"])?;
            let width = size_of(Some(&required(width, name, "width")?), 0)?;
            made(justify(source, name, width, fill.as_ref())?)
        }
        "zfill" => {
            let [width] = args.bind(name, ["width"])?;
            made(zero_filled(source, &required(width, name, "width")?)?)
        }
        "startswith" | "endswith" => affix(source, name, args),
        "count" | "find" | "index" | "rfind" | "rindex" => search(source, name, args),
        "partition" | "rpartition" => {
            let [separator] = args.bind(name, ["sep"])?;
            let parts = partition(source, name, text_of(&required(separator, name, "sep")?)?)?;
            marked(parts, is_markup)
        }
        "removeprefix" | "removesuffix" => {
            let [part] = args.bind(name, ["prefix"])?;
            let part = required(part, name, "prefix")?;
            made(without_affix(source, name, text_of(&part)?).to_owned())
        }
        "expandtabs" => {
            let [size] = args.bind(name, ["tabsize"])?;
            made(expand_tabs(source, size_of(size.as_ref(), 8)?)?)
        }
        "encode" => Ok(Py::Bytes(Rc::from(source.as_bytes()))),
        _ => {
            args.bind::<0>(name, [])?;
            match changed_case(source, name) {
                Some(text) => made(text),
                None => Ok(Py::Bool(is_of_kind(source, name))),
            }
        }
    }
}

fn without_affix<'a>(source: &'a str, name: &str, affix: &str) -> &'a str {
    let stripped = if name == "removeprefix" {
        source.strip_prefix(affix)
    } else {
        source.strip_suffix(affix)
    };
    stripped.unwrap_or(source)
}

fn zero_filled(source: &str, width: &Py) -> Outcome<String> {
    let width = size_of(Some(width), 0)?;
    limits::text(width)?;
    let sign = source.len() - source.trim_start_matches(['+', '-']).len();
    let (sign, digits) = source.split_at(sign.min(1));
    let missing = width.saturating_sub(source.chars().count());
    Ok(format!("{sign}{}{digits}", "0".repeat(missing)))
}

/// Parts of markup are markup.
fn marked(parts: Py, is_markup: bool) -> Outcome<Py> {
    if !is_markup {
        return Ok(parts);
    }
    let items = parts.items()?.into_iter().map(|part| match part {
        Py::Str(text) => Py::Markup(text),
        other => other,
    });
    Ok(match parts {
        Py::Tuple(_) => Py::tuple(items.collect()),
        _ => Py::list(items.collect()),
    })
}

fn changed_case(source: &str, name: &str) -> Option<String> {
    Some(match name {
        "upper" => source.to_uppercase(),
        "lower" => source.to_lowercase(),
        "casefold" => source.to_lowercase().replace('ß', "ss"),
        "capitalize" => capitalize(source),
        "title" => title(source),
        "swapcase" => source
            .chars()
            .map(|c| {
                if c.is_uppercase() {
                    c.to_lowercase().to_string()
                } else {
                    c.to_uppercase().to_string()
                }
            })
            .collect(),
        _ => return None,
    })
}

pub(in crate::renderers::jinja) fn capitalize(source: &str) -> String {
    let mut characters = source.chars();
    match characters.next() {
        Some(first) => {
            first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase()
        }
        None => String::new(),
    }
}

fn title(source: &str) -> String {
    let mut was_letter = false;
    let mut out = String::with_capacity(source.len());
    for character in source.chars() {
        if was_letter {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        was_letter = character.is_alphabetic();
    }
    out
}

fn is_of_kind(source: &str, name: &str) -> bool {
    let all = |is_kind: fn(char) -> bool| !source.is_empty() && source.chars().all(is_kind);
    match name {
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => source.is_ascii(),
        "isdecimal" | "isdigit" => all(|c| c.is_ascii_digit()),
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(char::is_whitespace),
        "isprintable" => {
            !text::quoted(source).contains('\\')
                || source
                    .chars()
                    .all(|c| c == '\\' || c == '\'' || !c.is_control())
        }
        "isidentifier" => {
            let mut characters = source.chars();
            characters
                .next()
                .is_some_and(|c| c == '_' || c.is_alphabetic())
                && characters.all(|c| c == '_' || c.is_alphanumeric())
        }
        "islower" => {
            source.chars().any(char::is_lowercase) && !source.chars().any(char::is_uppercase)
        }
        "isupper" => {
            source.chars().any(char::is_uppercase) && !source.chars().any(char::is_lowercase)
        }
        _ => source.chars().any(char::is_alphabetic) && title(source) == source,
    }
}

fn join(separator: &str, args: Args, is_markup: bool) -> Outcome<Py> {
    let [items] = args.bind("join", ["iterable"])?;
    let items = required(items, "join", "iterable")?;
    let mut out = String::new();
    for (index, item) in items.items()?.into_iter().enumerate() {
        let Some(part) = item.defined()?.as_str() else {
            return Err(Fault::python(format!(
                "sequence item {index}: expected str instance, {} found",
                item.type_name()
            )));
        };
        if index > 0 {
            out.push_str(separator);
        }
        if is_markup && matches!(item, Py::Str(_)) {
            out.push_str(&text::escaped(part)?);
        } else {
            out.push_str(part);
        }
        limits::text(part.len() + separator.len())?;
        if out.len() > limits::MAX_TEXT {
            limits::text(out.len())?;
        }
    }
    Ok(if is_markup {
        Py::Markup(Rc::from(out))
    } else {
        Py::from(out)
    })
}

fn split(source: &str, name: &str, args: Args) -> Outcome<Py> {
    let [separator, most] = args.bind(name, ["sep", "maxsplit"])?;
    let most = match most {
        Some(most) => usize::try_from(int_of(&most)?).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let separator = separator.filter(|separator| !separator.is_none());
    limits::text(source.len())?;
    let is_from_right = name == "rsplit";
    let parts: Vec<&str> = match &separator {
        Some(separator) => {
            let separator = text_of(separator)?;
            if separator.is_empty() {
                return Err(Fault::python("empty separator"));
            }
            limits::copied_items(source.matches(separator).count())?;
            let most = most.saturating_add(1);
            if is_from_right {
                let mut parts: Vec<&str> = source.rsplitn(most, separator).collect();
                parts.reverse();
                parts
            } else {
                source.splitn(most, separator).collect()
            }
        }
        None if is_from_right => split_blanks_from_right(source, most),
        None => split_blanks(source, most),
    };
    limits::copied_items(parts.len())?;
    Ok(Py::list(parts.into_iter().map(Py::str).collect()))
}

fn split_blanks(source: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = source.trim_start();
    while !rest.is_empty() {
        match rest.find(char::is_whitespace) {
            Some(end) if parts.len() < most => {
                parts.push(&rest[..end]);
                rest = rest[end..].trim_start();
            }
            // The rest keeps its trailing blanks only if the splits ran out before them.
            _ => {
                parts.push(rest);
                break;
            }
        }
    }
    parts
}

fn split_blanks_from_right(source: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = source.trim_end();
    while !rest.is_empty() {
        match rest.char_indices().rev().find(|(_, c)| c.is_whitespace()) {
            Some((at, blank)) if parts.len() < most => {
                parts.push(&rest[at + blank.len_utf8()..]);
                rest = rest[..at].trim_end();
            }
            _ => {
                parts.push(rest);
                break;
            }
        }
    }
    parts.reverse();
    parts
}

/// Splits at Python's line ends, which are more than `\n`.
pub(in crate::renderers::jinja) fn lines(source: &str, keeps_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = source.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_end = matches!(
            character,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !is_end {
            continue;
        }
        let mut end = at + character.len_utf8();
        if character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n') {
            characters.next();
            end += 1;
        }
        lines.push(&source[start..if keeps_ends { end } else { at }]);
        start = end;
    }
    if start < source.len() {
        lines.push(&source[start..]);
    }
    lines
}

pub(in crate::renderers::jinja) fn replace(
    source: &str,
    old: &str,
    new: &str,
    count: Option<&Py>,
) -> Outcome<String> {
    let count = match count {
        Some(count) if !count.is_none() => usize::try_from(int_of(count)?).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let found = if old.is_empty() {
        source.len() + 1
    } else {
        source.matches(old).count()
    };
    limits::text(
        source
            .len()
            .saturating_add(found.min(count).saturating_mul(new.len())),
    )?;
    if old.is_empty() && count == usize::MAX {
        // Rust and Python agree: the new text stands around every character.
        return Ok(source.replace(old, new));
    }
    Ok(source.replacen(old, new, count))
}

fn strip<'a>(source: &'a str, name: &str, chars: Option<&str>) -> &'a str {
    let is_stripped = |c: char| match chars {
        Some(chars) => chars.contains(c),
        None => c.is_whitespace() || matches!(c, '\x1c'..='\x1f'),
    };
    match name {
        "strip" => source.trim_matches(is_stripped),
        "lstrip" => source.trim_start_matches(is_stripped),
        _ => source.trim_end_matches(is_stripped),
    }
}

pub(in crate::renderers::jinja) fn justify(
    source: &str,
    name: &str,
    width: usize,
    fill: Option<&Py>,
) -> Outcome<String> {
    let fill = match fill {
        Some(fill) => text_of(fill)?,
        None => " ",
    };
    if fill.chars().count() != 1 {
        return Err(Fault::python(
            "The fill character must be exactly one character long",
        ));
    }
    let length = source.chars().count();
    let missing = width.saturating_sub(length);
    limits::text(
        source
            .len()
            .saturating_add(missing.saturating_mul(fill.len())),
    )?;
    let (left, right) = match name {
        "ljust" => (0, missing),
        "rjust" => (missing, 0),
        // CPython's rule for the odd blank.
        _ => {
            let left = missing / 2 + (missing & width & 1);
            (left, missing - left)
        }
    };
    Ok(format!(
        "{}{source}{}",
        fill.repeat(left),
        fill.repeat(right)
    ))
}

/// The part of the text between `start` and `stop` (counted in characters), and where it begins.
fn window(source: &str, start: Option<Py>, stop: Option<Py>) -> Outcome<Option<(usize, &str)>> {
    let length = source.chars().count() as i128;
    let bound = |value: Option<Py>, usual: i128| -> Outcome<i128> {
        match value {
            Some(value) if !value.is_none() => {
                let int = int_of(&value)?;
                Ok(if int < 0 { (int + length).max(0) } else { int })
            }
            _ => Ok(usual),
        }
    };
    let (start, stop) = (bound(start, 0)?, bound(stop, length)?.min(length));
    if start > stop {
        return Ok(None);
    }
    let byte = |index: i128| {
        source
            .char_indices()
            .nth(index as usize)
            .map_or(source.len(), |(byte, _)| byte)
    };
    Ok(Some((start as usize, &source[byte(start)..byte(stop)])))
}

fn affix(source: &str, name: &str, args: Args) -> Outcome<Py> {
    let [affix, start, stop] = args.bind(name, ["prefix", "start", "end"])?;
    let affix = required(affix, name, "prefix")?;
    let Some((_, part)) = window(source, start, stop)? else {
        return Ok(Py::Bool(false));
    };
    let matches = |affix: &str| {
        if name == "startswith" {
            part.starts_with(affix)
        } else {
            part.ends_with(affix)
        }
    };
    match &affix {
        Py::Tuple(affixes) => {
            for affix in &affixes.0 {
                if matches(text_of(affix)?) {
                    return Ok(Py::Bool(true));
                }
            }
            Ok(Py::Bool(false))
        }
        other => match other.as_str() {
            Some(affix) => Ok(Py::Bool(matches(affix))),
            None => Err(Fault::python(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                other.type_name()
            ))),
        },
    }
}

fn search(source: &str, name: &str, args: Args) -> Outcome<Py> {
    let [wanted, start, stop] = args.bind(name, ["sub", "start", "end"])?;
    let wanted = required(wanted, name, "sub")?;
    let wanted = text_of(&wanted)?;
    let found = window(source, start, stop)?;
    if name == "count" {
        let count = found.map_or(0, |(_, part)| {
            if wanted.is_empty() {
                part.chars().count() + 1
            } else {
                part.matches(wanted).count()
            }
        });
        return Ok(Py::from(count));
    }
    let index = found.and_then(|(start, part)| {
        let byte = if name.starts_with('r') {
            part.rfind(wanted)
        } else {
            part.find(wanted)
        };
        byte.map(|byte| start + part[..byte].chars().count())
    });
    match index {
        Some(index) => Ok(Py::from(index)),
        None if name.ends_with("index") => Err(Fault::python("substring not found")),
        None => Ok(Py::Int(-1)),
    }
}

fn partition(source: &str, name: &str, separator: &str) -> Outcome<Py> {
    if separator.is_empty() {
        return Err(Fault::python("empty separator"));
    }
    let parts = match (
        name,
        source.split_once(separator),
        source.rsplit_once(separator),
    ) {
        ("partition", Some((head, tail)), _) | ("rpartition", _, Some((head, tail))) => {
            [head, separator, tail]
        }
        ("partition", ..) => [source, "", ""],
        _ => ["", "", source],
    };
    Ok(Py::tuple(parts.iter().map(Py::str).collect()))
}

fn expand_tabs(source: &str, size: usize) -> Outcome<String> {
    let tabs = source.matches('\t').count();
    limits::text(source.len().saturating_add(tabs.saturating_mul(size)))?;
    let mut out = String::new();
    let mut column = 0;
    for character in source.chars() {
        match character {
            '\t' if size > 0 => {
                let blanks = size - column % size;
                out.push_str(&" ".repeat(blanks));
                column += blanks;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(character);
                column = 0;
            }
            other => {
                out.push(other);
                column += 1;
            }
        }
    }
    Ok(out)
}
