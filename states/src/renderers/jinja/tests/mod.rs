//! Tests: what stands behind `is`.

use super::ast::{BinaryOp, CompareOp};
use super::fault::{Fault, Outcome};
use super::object_call::{Args, flag, int_of, required, text_of};
use super::value::Py;
use super::{compare, filters, operators};

/// A test takes the value before `is` and the arguments behind its name.
pub(super) type Test = fn(&Py, Args) -> Outcome<bool>;

/// Tests that take nothing but the value before `is`.
pub(super) const WITHOUT_ARGUMENTS: [&str; 21] = [
    "boolean",
    "callable",
    "defined",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "integer",
    "iterable",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Finds a test.
pub(super) fn find(name: &str) -> Option<Test> {
    Some(match name {
        "defined" => |value, _| Ok(!value.is_undefined()),
        "undefined" => |value, _| Ok(value.is_undefined()),
        "none" => |value, _| Ok(value.is_none()),
        "boolean" => |value, _| Ok(matches!(value, Py::Bool(_))),
        "true" => |value, _| Ok(matches!(value, Py::Bool(true))),
        "false" => |value, _| Ok(matches!(value, Py::Bool(false))),
        "integer" => |value, _| Ok(matches!(value, Py::Int(_))),
        "float" => |value, _| Ok(matches!(value, Py::Float(_))),
        "number" => |value, _| Ok(matches!(value, Py::Int(_) | Py::Float(_) | Py::Bool(_))),
        "string" => |value, _| Ok(value.as_str().is_some()),
        "mapping" => |value, _| Ok(matches!(value, Py::Dict(_))),
        "list" => |value, _| Ok(matches!(value, Py::List(_))),
        "sequence" => |value, _| is_sequence(value),
        "iterable" => |value, _| is_iterable(value),
        "callable" => |value, _| Ok(is_callable(value)),
        "lower" => |value, _| Ok(is_cased(&super::text::str(value)?, char::is_uppercase)),
        "upper" => |value, _| Ok(is_cased(&super::text::str(value)?, char::is_lowercase)),
        "escaped" => |value, _| Ok(matches!(value, Py::Markup(_))),
        "even" => |value, _| leaves(value, 2, 0),
        "odd" => |value, _| leaves(value, 2, 1),
        "divisibleby" => |value, args| {
            let [by] = args.bind("divisibleby", ["num"])?;
            leaves(value, int_of(&required(by, "test_divisibleby", "num")?)?, 0)
        },
        "filter" => |value, _| is_name(value, |name| filters::find(name).is_some()),
        "test" => |value, _| is_name(value, |name| find(name).is_some()),
        "sameas" => |value, args| {
            let [other] = args.bind("sameas", ["other"])?;
            let other = required(other, "test_sameas", "other")?;
            Ok(compare::same(value, &other)
                || matches!((value, &other), (Py::Int(a), Py::Int(b)) if a == b)
                || matches!((value, &other), (Py::Str(a), Py::Str(b)) if a == b))
        },
        "match" => matches_pattern,
        "equalto" | "eq" | "==" => |value, args| with(CompareOp::Eq, value, args),
        "ne" | "!=" => |value, args| with(CompareOp::Ne, value, args),
        "lt" | "<" | "lessthan" => |value, args| with(CompareOp::Lt, value, args),
        "le" | "<=" => |value, args| with(CompareOp::Le, value, args),
        "gt" | ">" | "greaterthan" => |value, args| with(CompareOp::Gt, value, args),
        "ge" | ">=" => |value, args| with(CompareOp::Ge, value, args),
        "in" => |value, args| with(CompareOp::In, value, args),
        _ => return None,
    })
}

fn with(op: CompareOp, value: &Py, args: Args) -> Outcome<bool> {
    let [other] = args.bind("test", ["other"])?;
    let other = required(other, "test", "other")?;
    compare::compare(op, value, &other)
}

/// Looks a name up; what is no text names nothing, and what cannot be a key is an error.
fn is_name(value: &Py, is_known: fn(&str) -> bool) -> Outcome<bool> {
    match value.defined()? {
        Py::List(_) | Py::Dict(_) | Py::Set(_) => Err(Fault::python(format!(
            "unhashable type: '{}'",
            value.type_name()
        ))),
        other => Ok(other.as_str().is_some_and(is_known)),
    }
}

/// What has a length and gives items by key.
fn is_sequence(value: &Py) -> Outcome<bool> {
    Ok(matches!(
        value,
        Py::Str(_)
            | Py::Markup(_)
            | Py::Bytes(_)
            | Py::List(_)
            | Py::Tuple(_)
            | Py::Dict(_)
            | Py::Range(_)
    ))
}

fn is_iterable(value: &Py) -> Outcome<bool> {
    Ok(match value.defined()? {
        Py::None | Py::Bool(_) | Py::Int(_) | Py::Float(_) => false,
        Py::Object(object) => object.items().is_some(),
        _ => true,
    })
}

fn is_callable(value: &Py) -> bool {
    match value {
        // The undefined value has a `__call__`, even if it only fails.
        Py::Undefined(_) | Py::Lenient(_) => true,
        Py::Object(object) => object.is_callable(),
        _ => false,
    }
}

fn is_cased(text: &str, is_wrong: fn(char) -> bool) -> bool {
    text.chars().any(char::is_alphabetic) && !text.chars().any(is_wrong)
}

/// Says whether `value % by == rest`. A text on the left is a format, as in Python.
fn leaves(value: &Py, by: i128, rest: i128) -> Outcome<bool> {
    let found = operators::binary(BinaryOp::Mod, value, &Py::Int(by))?;
    compare::equal(&found, &Py::Int(rest))
}

/// Salt's `match`: the pattern must fit at the beginning.
fn matches_pattern(value: &Py, args: Args) -> Outcome<bool> {
    let [pattern, ignores_case, is_multiline] =
        args.bind("match", ["rgx", "ignorecase", "multiline"])?;
    let pattern = required(pattern, "test_match", "rgx")?;
    let pattern = filters::pattern(
        text_of(&pattern)?,
        flag(ignores_case.as_ref(), false)?,
        flag(is_multiline.as_ref(), false)?,
    )?;
    Ok(filters::match_at_start(&pattern, text_of(value)?)?.is_some())
}
