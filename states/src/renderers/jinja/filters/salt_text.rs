//! Salt's filters on text.

use std::rc::Rc;

use super::{Filter, match_at_start, pattern};
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::object_call::{Args, flag, int_of, required, text_of};
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{methods, text};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "quote" => |_, value, _, _| {
            let source = if value.is_true()? {
                text_of(&value)?
            } else {
                ""
            };
            Ok(Py::from(shell_quoted(source)))
        },
        "contains_whitespace" => |_, value, _, _| {
            let items = value.items()?;
            let mut found = false;
            for item in &items {
                found |= text_of(item)?.chars().all(char::is_whitespace);
            }
            Ok(Py::Bool(found))
        },
        "to_num" | "str_to_num" => |_, value, _, _| match &value {
            Py::Str(text) | Py::Markup(text) => Ok(to_num(text)),
            Py::Float(float) => Ok(Py::Int(float.trunc() as i128)),
            Py::Int(_) | Py::Bool(_) => Ok(Py::Int(int_of(&value)?)),
            other => Err(Fault::python(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                other.type_name()
            ))),
        },
        "is_hex" => |_, value, _, _| {
            let digits = value.as_str();
            Ok(Py::Bool(digits.is_some_and(|text| {
                super::numbers::parse_int(text, 16).is_some()
            })))
        },
        "to_bytes" => |_, value, _, _| match &value {
            Py::Bytes(_) => Ok(value),
            Py::Str(text) | Py::Markup(text) => Ok(Py::Bytes(Rc::from(text.as_bytes()))),
            other => Err(Fault::python(format!(
                "expected str, bytes, or bytearray not <class '{}'>",
                other.type_name()
            ))),
        },
        "to_camelcase" => |_, value, args, _| {
            let [upper] = args.bind("snake_to_camel_case", ["uppercamel"])?;
            camel_case(text_of(&value)?, flag(upper.as_ref(), false)?)
        },
        "to_snake_case" => |_, value, _, _| snake_case(text_of(&value)?),
        "human_to_bytes" => |_, value, args, _| human_to_bytes(&value, args),
        "check_whitelist_blacklist" => |_, value, args, _| check_lists(&value, args),
        "path_join" => |_, value, args, _| path_join(&value, args),
        "random_hash" | "rand_str" | "random_str" | "random_sample" | "random_shuffle"
        | "random" | "gen_mac" => |_, _, _, _| {
            Err(Fault::python(
                "a random filter gives another text at each render and is not supported here; let \
                 the minion draw it, or use salt['random.get_str']",
            ))
        },
        "which" | "is_empty" | "is_bin_file" | "is_text_file" | "list_files" | "file_hashsum"
        | "http_query" | "dns_check" | "get_uid" => |_, _, _, _| {
            Err(Fault::python(
                "this filter looks at the machine it runs on and is not supported on the master; \
                 use an execution module",
            ))
        },
        "json_query" => |_, _, _, _| {
            Err(Fault::python(
                "json_query is not supported; use traverse, or map and select",
            ))
        },
        _ => return None,
    })
}

/// Reads a number if the text is one.
pub(super) fn to_num(source: &str) -> Py {
    match super::numbers::parse_int(source, 10) {
        Some(int) => Py::Int(int),
        None => super::numbers::parse_float(source).map_or_else(|| Py::str(source), Py::Float),
    }
}

fn shell_quoted(source: &str) -> String {
    if source.is_empty() {
        return "''".to_owned();
    }
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if source.chars().all(is_safe) {
        return source.to_owned();
    }
    format!("'{}'", source.replace('\'', "'\"'\"'"))
}

fn camel_case(source: &str, is_upper: bool) -> Outcome<Py> {
    let mut words = source.split('_');
    let first = words.next().unwrap_or_default();
    let mut out = if is_upper {
        methods::capitalize(first)
    } else {
        first.to_owned()
    };
    for word in words {
        out.push_str(&methods::capitalize(word));
    }
    Ok(Py::from(out))
}

fn snake_case(source: &str) -> Outcome<Py> {
    let characters: Vec<char> = source.chars().collect();
    let Some(first) = characters.first() else {
        return Err(Fault::python("string index out of range"));
    };
    let mut out: String = first.to_lowercase().collect();
    for (index, character) in characters.iter().enumerate().skip(1) {
        if character.is_uppercase() {
            let follows_lower = characters[index - 1].is_lowercase();
            let precedes_lower = characters
                .get(index + 1)
                .is_some_and(|next| next.is_lowercase());
            if follows_lower || precedes_lower {
                out.push('_');
            }
        }
        out.extend(character.to_lowercase());
    }
    Ok(Py::from(out))
}

fn human_to_bytes(value: &Py, args: Args) -> Outcome<Py> {
    let [default_unit, metric] = args.bind("human_to_bytes", ["default_unit", "handle_metric"])?;
    let source = text::str(value)?;
    let source = source.trim();
    if source.contains('\n') {
        return Err(Fault::python("'NoneType' object has no attribute 'group'"));
    }
    let length = source
        .bytes()
        .take_while(|b| b.is_ascii_digit() || *b == b'.')
        .count();
    let (number, unit) = source.split_at(length);
    let mut unit = unit.trim_start().to_lowercase();
    if unit.is_empty() {
        unit = default_unit
            .as_ref()
            .map_or(Ok("B"), text_of)?
            .to_lowercase();
    }
    let Ok(number) = number.parse::<f64>() else {
        return Ok(Py::Int(0));
    };
    let power = unit.chars().next().and_then(|unit| "bkmgtpezy".find(unit));
    let tail = unit.get(1..).unwrap_or_default();
    let (Some(power), "" | "b" | "ib") = (power, tail) else {
        return Ok(Py::Int(0));
    };
    if unit.starts_with('b') && !tail.is_empty() {
        return Ok(Py::Int(0));
    }
    let power = i32::try_from(power).unwrap_or(0);
    let scale = if tail == "b" && flag(metric.as_ref(), false)? {
        10f64.powi(power * 3)
    } else {
        2f64.powi(power * 10)
    };
    Ok(Py::Int((number * scale).trunc() as i128))
}

fn check_lists(value: &Py, args: Args) -> Outcome<Py> {
    let [white, black] = args.bind("check_whitelist_blacklist", ["whitelist", "blacklist"])?;
    let listed = |list: Option<Py>| -> Outcome<Vec<Py>> {
        match list {
            Some(list) if list.is_true()? => match &list {
                Py::Str(_) | Py::Markup(_) => Ok(vec![list]),
                other => other.items(),
            },
            _ => Ok(Vec::new()),
        }
    };
    let (white, black) = (listed(white)?, listed(black)?);
    let any = |list: &[Py]| -> Outcome<bool> {
        for expr in list {
            if expr_match(value, expr)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let is_white = white.is_empty() || any(&white)?;
    Ok(Py::Bool(is_white && !any(&black)?))
}

/// A shell pattern, or a regular expression for the whole text.
fn expr_match(value: &Py, expr: &Py) -> Outcome<bool> {
    let (Some(text), Some(expr)) = (value.as_str(), expr.as_str()) else {
        return Ok(false);
    };
    if model::Glob::new(expr).matches(text) {
        return Ok(true);
    }
    match pattern(&format!("(?:{expr})\\Z"), false, false) {
        Ok(pattern) => Ok(match_at_start(&pattern, text)?.is_some()),
        Err(_) => Ok(false),
    }
}

/// Brings a path into its shortest form, as `os.path.normpath` does.
fn normal_path(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let root = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if !root.is_empty() && parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

fn path_join(value: &Py, mut args: Args) -> Outcome<Py> {
    args.take_named("use_posixpath");
    let mut path = normal_path(text_of(value)?);
    for part in args.only_positional("path_join")? {
        let part = required(Some(part.clone()), "path_join", "part")?;
        let part = normal_path(text_of(&part)?);
        let separator = if path.ends_with('/') { "" } else { "/" };
        path = format!("{path}{separator}{}", part.trim_start_matches('/'));
    }
    Ok(Py::from(normal_path(&path)))
}
