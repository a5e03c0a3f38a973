//! Regular expressions as Python's `re` reads them.

use std::rc::Rc;

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::limits;
use crate::renderers::jinja::object_call::{Args, flag, required, text_of};
use crate::renderers::jinja::value::Py;

/// How many steps back a match may take before it is given up.
const BACKTRACKS: usize = 2_000_000;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "regex_search" => |_, value, args, _| groups(&value, args, false),
        "regex_match" => |_, value, args, _| groups(&value, args, true),
        "regex_replace" => |_, value, args, _| replace(&value, args),
        "regex_escape" => |_, value, _, _| Ok(Py::from(escape(text_of(&value)?))),
        _ => return None,
    })
}

/// Compiles a pattern of Python's syntax.
pub(in crate::renderers::jinja) fn pattern(
    source: &str,
    ignores_case: bool,
    is_multiline: bool,
) -> Outcome<Regex> {
    limits::spend(1000 + source.len() as u64)?;
    let mut flags = String::new();
    if ignores_case {
        flags.push('i');
    }
    if is_multiline {
        flags.push('m');
    }
    let source = translated(source, is_multiline);
    let source = if flags.is_empty() {
        source
    } else {
        format!("(?{flags}:{source})")
    };
    RegexBuilder::new(&source)
        .backtrack_limit(BACKTRACKS)
        .delegate_size_limit(4 << 20)
        .build()
        .map_err(|error| Fault::python(format!("bad regular expression: {error}")))
}

/// Rewrites what Python spells differently: `\Z`, `(?P=name)`, and `$`, which also matches before a
/// line break at the end.
fn translated(source: &str, is_multiline: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("\\Z") {
            out.push_str("\\z");
            rest = behind;
            continue;
        }
        if character == '\\' {
            let length = rest.chars().take(2).map(char::len_utf8).sum();
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if !in_class {
            if let Some(behind) = rest.strip_prefix("(?P=")
                && let Some((name, behind)) = behind.split_once(')')
            {
                out.push_str(&format!("\\k<{name}>"));
                rest = behind;
                continue;
            }
            if character == '$' && !is_multiline && !source.contains("(?m") {
                out.push_str("(?=\\n?\\z)");
                rest = &rest[1..];
                continue;
            }
        }
        match character {
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                rest = &rest[1..];
                // A bracket that closes at once is an ordinary character.
                for head in ["^]", "]"] {
                    if let Some(behind) = rest.strip_prefix(head) {
                        out.push_str(&head.replace(']', "\\]"));
                        rest = behind;
                        break;
                    }
                }
                continue;
            }
            '[' => out.push_str("\\["),
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
        rest = &rest[character.len_utf8()..];
    }
    out
}

fn failed(error: &fancy_regex::Error) -> Box<Fault> {
    Fault::limit(format!("the regular expression gave up: {error}"))
}

/// Matches at the beginning of the text.
pub(in crate::renderers::jinja) fn match_at_start<'t>(
    pattern: &Regex,
    text: &'t str,
) -> Outcome<Option<Captures<'t, str>>> {
    limits::spend(text.len() as u64 / 4)?;
    let anchored = RegexBuilder::new(&format!("\\A(?:{})", pattern.as_str()))
        .backtrack_limit(BACKTRACKS)
        .build()
        .map_err(|error| Fault::python(format!("bad regular expression: {error}")))?;
    anchored.captures(text).map_err(|error| failed(&error))
}

fn groups(value: &Py, args: Args, at_start: bool) -> Outcome<Py> {
    let name = if at_start {
        "regex_match"
    } else {
        "regex_search"
    };
    let [rgx, ignores_case, is_multiline] = args.bind(name, ["rgx", "ignorecase", "multiline"])?;
    let rgx = required(rgx, name, "rgx")?;
    let pattern = pattern(
        text_of(&rgx)?,
        flag(ignores_case.as_ref(), false)?,
        flag(is_multiline.as_ref(), false)?,
    )?;
    let text = text_of(value)?;
    let found = if at_start {
        match_at_start(&pattern, text)?
    } else {
        limits::spend(text.len() as u64 / 4)?;
        pattern.captures(text).map_err(|error| failed(&error))?
    };
    Ok(match found {
        None => Py::None,
        Some(captures) => Py::tuple(
            (1..captures.len())
                .map(|group| {
                    captures
                        .get(group)
                        .map_or(Py::None, |found| Py::str(found.as_str()))
                })
                .collect(),
        ),
    })
}

fn replace(value: &Py, args: Args) -> Outcome<Py> {
    let [rgx, val, ignores_case, is_multiline] =
        args.bind("regex_replace", ["rgx", "val", "ignorecase", "multiline"])?;
    let rgx = required(rgx, "regex_replace", "rgx")?;
    let val = required(val, "regex_replace", "val")?;
    let pattern = pattern(
        text_of(&rgx)?,
        flag(ignores_case.as_ref(), false)?,
        flag(is_multiline.as_ref(), false)?,
    )?;
    let (text, template) = (text_of(value)?, text_of(&val)?);
    let mut out = String::new();
    let mut at = 0;
    for found in pattern.captures_iter(text) {
        let captures = found.map_err(|error| failed(&error))?;
        let Some(whole) = captures.get(0) else {
            continue;
        };
        out.push_str(&text[at..whole.start()]);
        expand(template, &captures, &mut out)?;
        at = whole.end();
        limits::text(out.len() / 16)?;
        if out.len() > limits::MAX_TEXT {
            limits::text(out.len())?;
        }
    }
    out.push_str(&text[at..]);
    Ok(Py::Str(Rc::from(out)))
}

/// Writes Python's replacement template: `\1`, `\g<1>`, `\g<name>`, `\n`.
fn expand(template: &str, captures: &Captures<'_, str>, out: &mut String) -> Outcome<()> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(named) = behind.strip_prefix("g<") {
            let (name, after) = named
                .split_once('>')
                .ok_or_else(|| Fault::python("missing >, unterminated name"))?;
            let group = match name.parse::<usize>() {
                Ok(index) => group(captures, index)?,
                Err(_) => captures.name(name).map_or("", |found| found.as_str()),
            };
            out.push_str(group);
            rest = after;
            continue;
        }
        let digits = behind
            .bytes()
            .take(2)
            .take_while(u8::is_ascii_digit)
            .count();
        if digits > 0 {
            let index = behind[..digits].parse().unwrap_or(0);
            out.push_str(group(captures, index)?);
            rest = &behind[digits..];
            continue;
        }
        let Some(character) = behind.chars().next() else {
            return Err(Fault::python("bad escape (end of pattern)"));
        };
        match character {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '\\' => out.push('\\'),
            c if c.is_ascii_alphabetic() => {
                return Err(Fault::python(format!("bad escape \\{c} at position 0")));
            }
            c => {
                out.push('\\');
                out.push(c);
            }
        }
        rest = &behind[character.len_utf8()..];
    }
    out.push_str(rest);
    Ok(())
}

fn group<'t>(captures: &Captures<'t, str>, index: usize) -> Outcome<&'t str> {
    if index >= captures.len() {
        return Err(Fault::python(format!(
            "invalid group reference {index} at position 1"
        )));
    }
    Ok(captures.get(index).map_or("", |found| found.as_str()))
}

/// Escapes as `re.escape` does.
fn escape(source: &str) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    for character in source.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
