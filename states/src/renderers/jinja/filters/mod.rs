//! Filters: Jinja's own and Salt's, one file a family.

mod combinations;
mod dates;
mod hashes;
mod json_text;
mod lists;
mod network;
mod numbers;
mod pretty;
mod regex;
mod salt_data;
mod salt_text;
mod selection;
mod serial;
mod text;
mod xml;

pub(super) use regex::{match_at_start, pattern};

use super::fault::Outcome;
use super::interpreter::Interpreter;
use super::object::Object;
use super::object_call::Args;
use super::scope::Site;
use super::value::Py;

/// A filter takes the value before the pipe and the arguments behind its name.
pub(super) type Filter = fn(&mut Interpreter<'_>, Py, Args, &Site) -> Outcome<Py>;

/// Filters that take nothing but the value before the pipe. A few of Salt's have rare options that
/// are refused so.
pub(super) const WITHOUT_ARGUMENTS: [&str; 52] = [
    "base64_encode",
    "capitalize",
    "contains_whitespace",
    "count",
    "e",
    "escape",
    "exactly_one_true",
    "first",
    "forceescape",
    "ipwrap",
    "is_hex",
    "is_iter",
    "is_list",
    "json_decode_dict",
    "json_decode_list",
    "json_encode_dict",
    "json_encode_list",
    "last",
    "length",
    "list",
    "load_text",
    "load_yaml",
    "lower",
    "md5",
    "pprint",
    "python",
    "quote",
    "regex_escape",
    "reverse",
    "safe",
    "sequence",
    "sha1",
    "sha256",
    "sha512",
    "skip",
    "sorted_ignorecase",
    "str_to_num",
    "string",
    "striptags",
    "title",
    "to_bool",
    "to_bytes",
    "to_num",
    "to_snake_case",
    "unique",
    "upper",
    "urlencode",
    "uuid",
    "wordcount",
    "yaml_dquote",
    "yaml_encode",
    "yaml_squote",
];

/// Finds a filter.
pub(super) fn find(name: &str) -> Option<Filter> {
    // Salt's own come first: its `unique` is not Jinja's.
    salt_data::find(name)
        .or_else(|| salt_text::find(name))
        .or_else(|| text::find(name))
        .or_else(|| lists::find(name))
        .or_else(|| selection::find(name))
        .or_else(|| numbers::find(name))
        .or_else(|| serial::find(name))
        .or_else(|| regex::find(name))
        .or_else(|| hashes::find(name))
        .or_else(|| network::find(name))
        .or_else(|| combinations::find(name))
        .or_else(|| xml::find(name))
        .or_else(|| dates::find(name))
}

/// Finds a global function.
pub(super) fn global(name: &str) -> Option<Py> {
    const GLOBALS: [&str; 9] = [
        "range",
        "dict",
        "odict",
        "namespace",
        "cycler",
        "joiner",
        "raise",
        "show_full_context",
        "ifelse",
    ];
    let known = GLOBALS.iter().find(|known| **known == name)?;
    Some(Py::object(Object::Builtin(known)))
}
