//! Methods of Python's built-in types.

mod collections;
pub(super) use collections::pairs_of;
mod strings;
pub(super) use strings::{capitalize, justify, lines, replace};

use std::rc::Rc;

use super::fault::{Fault, Outcome};
use super::object_call::Args;
use super::value::Py;

/// Says whether the type of the value has the method.
pub(super) fn find(value: &Py, name: &str) -> Option<Rc<str>> {
    let names: &[&str] = match value {
        Py::Str(_) | Py::Markup(_) => strings::NAMES,
        Py::List(_) => collections::LIST_NAMES,
        Py::Tuple(_) | Py::Range(_) => &["count", "index"],
        Py::Dict(_) => collections::DICT_NAMES,
        Py::Set(_) => collections::SET_NAMES,
        Py::Int(_) | Py::Bool(_) => &["bit_length", "conjugate", "as_integer_ratio"],
        Py::Float(_) => &["is_integer", "conjugate", "hex"],
        Py::Bytes(_) => &["decode", "hex"],
        _ => &[],
    };
    names.contains(&name).then(|| Rc::from(name))
}

/// Calls a method that [`find`] has found.
pub(super) fn call(value: &Py, name: &str, args: Args) -> Outcome<Py> {
    match value {
        Py::Str(text) | Py::Markup(text) => {
            strings::call(text, matches!(value, Py::Markup(_)), name, args)
        }
        Py::List(items) => collections::list(items, name, args),
        Py::Tuple(_) | Py::Range(_) => collections::sequence(&value.items()?, value, name, &args),
        Py::Dict(dict) => collections::dict(dict, name, args),
        Py::Set(set) => collections::set(set, name, args),
        Py::Bytes(bytes) => match name {
            "decode" => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Py::str(text)),
                Err(error) => Err(Fault::python(format!(
                    "'utf-8' codec can't decode: {error}"
                ))),
            },
            _ => Ok(Py::from(
                bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>(),
            )),
        },
        Py::Int(int) => number(*int, value, name),
        Py::Bool(bool) => number((*bool).into(), value, name),
        Py::Float(float) => match name {
            "is_integer" => Ok(Py::Bool(float.is_finite() && float.fract() == 0.0)),
            "conjugate" => Ok(value.clone()),
            _ => Err(no_method(value, name)),
        },
        _ => Err(no_method(value, name)),
    }
}

fn number(int: i128, value: &Py, name: &str) -> Outcome<Py> {
    match name {
        "bit_length" => Ok(Py::Int((128 - int.unsigned_abs().leading_zeros()).into())),
        "conjugate" => Ok(Py::Int(int)),
        _ => Err(no_method(value, name)),
    }
}

fn no_method(value: &Py, name: &str) -> Box<Fault> {
    Fault::python(format!(
        "the method {name} of {} is not supported",
        value.type_name()
    ))
}
