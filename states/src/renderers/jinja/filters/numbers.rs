//! Jinja's filters on numbers.

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::object_call::{Args, int_of};
use crate::renderers::jinja::operators;
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "abs" => |_, value, _, _| match &value {
            Py::Float(float) => Ok(Py::Float(float.abs())),
            other => match other.as_int() {
                Some(int) if int < 0 => operators::signed(&value, true),
                Some(int) => Ok(Py::Int(int)),
                None => Err(Fault::python(format!(
                    "bad operand type for abs(): '{}'",
                    other.type_name()
                ))),
            },
        },
        "int" => |_, value, args, _| int(&value, args),
        "float" => |_, value, args, _| float(&value, args),
        "round" => |_, value, args, _| round(&value, args),
        _ => return None,
    })
}

/// Reads an integer as Python's `int(text, base)` does.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") if matches!(base, 0 | 16) => (16, &lower[2..]),
        Some("0o") if matches!(base, 0 | 8) => (8, &lower[2..]),
        Some("0b") if matches!(base, 0 | 2) => (2, &lower[2..]),
        _ => (if base == 0 { 10 } else { base }, lower.as_str()),
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    if digits.starts_with(['+', '-']) || !(2..=36).contains(&radix) {
        return None;
    }
    let int = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if is_negative { -int } else { int })
}

/// Reads a float as Python's `float(text)` does.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let plain = text.replace('_', "");
    match plain.trim_start_matches(['+', '-']) {
        "inf" | "infinity" | "nan" => {}
        other if other.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
        _ => return None,
    }
    plain.parse().ok()
}

fn int(value: &Py, args: Args) -> Outcome<Py> {
    let [default, base] = args.bind("int", ["default", "base"])?;
    let default = default.unwrap_or(Py::Int(0));
    let base = base.as_ref().map_or(Ok(10), int_of)?;
    let base = u32::try_from(base).unwrap_or(10);
    let truncated = |float: f64| {
        (float.is_finite() && float.abs() < 1e38).then(|| Py::Int(float.trunc() as i128))
    };
    let found = match value {
        Py::Float(float) => truncated(*float),
        other => match (other.as_str(), other.as_int()) {
            (Some(text), _) => parse_int(text, base)
                .map(Py::Int)
                .or_else(|| parse_float(text).and_then(truncated)),
            (_, int) => int.map(Py::Int),
        },
    };
    Ok(found.unwrap_or(default))
}

fn float(value: &Py, args: Args) -> Outcome<Py> {
    let [default] = args.bind("float", ["default"])?;
    let found = match value.as_str() {
        Some(text) => parse_float(text),
        None => value.as_float(),
    };
    Ok(found.map(Py::Float).or(default).unwrap_or(Py::Float(0.0)))
}

fn round(value: &Py, args: Args) -> Outcome<Py> {
    let [precision, method] = args.bind("round", ["precision", "method"])?;
    let precision = precision.as_ref().map_or(Ok(0), int_of)?.clamp(-300, 300) as i32;
    let method = method.as_ref().and_then(Py::as_str).unwrap_or("common");
    let number = value.as_float().ok_or_else(|| {
        Fault::python(format!(
            "type {} doesn't define __round__ method",
            value.type_name()
        ))
    })?;
    let scale = 10f64.powi(precision);
    match method {
        "ceil" => Ok(Py::Float((number * scale).ceil() / scale)),
        "floor" => Ok(Py::Float((number * scale).floor() / scale)),
        "common" => match value {
            Py::Float(_) => Ok(Py::Float(python_round(number, precision))),
            // An integer stays one.
            other => {
                let int = other.as_int().unwrap_or(0);
                if precision >= 0 {
                    return Ok(Py::Int(int));
                }
                Ok(Py::Int(python_round(number, precision) as i128))
            }
        },
        _ => Err(Fault::python("method must be common, ceil or floor")),
    }
}

/// Rounds to the nearest, ties to even, correctly in decimal.
pub(super) fn python_round(number: f64, precision: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    if precision >= 0 {
        let digits = usize::try_from(precision).unwrap_or(0);
        return format!("{number:.digits$}").parse().unwrap_or(number);
    }
    let scale = 10f64.powi(-precision);
    (number / scale).round_ties_even() * scale
}
