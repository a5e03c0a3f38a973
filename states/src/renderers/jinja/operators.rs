//! Arithmetic and joining, with Python's rules and messages.

use std::rc::Rc;

use super::ast::BinaryOp;
use super::fault::{Fault, Outcome};
use super::value::Py;
use super::{limits, percent, text};

/// Applies a binary operator.
pub(super) fn binary(op: BinaryOp, left: &Py, right: &Py) -> Outcome<Py> {
    let (left, right) = (left.usable()?, right.usable()?);
    if op == BinaryOp::Mod
        && let Some(format) = left.as_str()
    {
        let out = percent::format(format, right, matches!(left, Py::Markup(_)))?;
        return Ok(like(left, out));
    }
    if let Some(result) = on_sequences(op, left, right)? {
        return Ok(result);
    }
    let unsupported = || {
        let symbol = match op {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::FloorDiv => "//",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "** or pow()",
        };
        Fault::python(format!(
            "unsupported operand type(s) for {symbol}: '{}' and '{}'",
            left.type_name(),
            right.type_name()
        ))
    };
    match (left.as_int(), right.as_int()) {
        (Some(left), Some(right)) => on_ints(op, left, right),
        _ => match (left.as_float(), right.as_float()) {
            (Some(left), Some(right)) => on_floats(op, left, right),
            _ => Err(unsupported()),
        },
    }
}

/// Makes text of the kind that `model` is of.
fn like(model: &Py, text: String) -> Py {
    match model {
        Py::Markup(_) => Py::Markup(Rc::from(text)),
        _ => Py::from(text),
    }
}

fn on_sequences(op: BinaryOp, left: &Py, right: &Py) -> Outcome<Option<Py>> {
    Ok(match (op, left, right) {
        (BinaryOp::Add, Py::Str(a), Py::Str(b)) => {
            limits::text(a.len() + b.len())?;
            Some(Py::from([a.as_ref(), b.as_ref()].concat()))
        }
        (BinaryOp::Add, Py::Markup(_), _) | (BinaryOp::Add, _, Py::Markup(_)) => {
            return add_markup(left, right).map(Some);
        }
        (BinaryOp::Add, Py::List(a), Py::List(b)) => {
            let (a, b) = (a.borrow(), b.borrow());
            limits::copied_items(a.0.len() + b.0.len())?;
            Some(Py::list(a.0.iter().chain(&b.0).cloned().collect()))
        }
        (BinaryOp::Add, Py::Tuple(a), Py::Tuple(b)) => {
            limits::copied_items(a.0.len() + b.0.len())?;
            Some(Py::tuple(a.0.iter().chain(&b.0).cloned().collect()))
        }
        (BinaryOp::Add, Py::Bytes(a), Py::Bytes(b)) => {
            limits::text(a.len() + b.len())?;
            Some(Py::Bytes(Rc::from([a.as_ref(), b.as_ref()].concat())))
        }
        (BinaryOp::Add, Py::Str(_), _) => {
            return Err(Fault::python(format!(
                "can only concatenate str (not \"{}\") to str",
                right.type_name()
            )));
        }
        (BinaryOp::Add, Py::List(_) | Py::Tuple(_), _) => {
            let (this, other) = (left.type_name(), right.type_name());
            return Err(Fault::python(format!(
                "can only concatenate {this} (not \"{other}\") to {this}"
            )));
        }
        (BinaryOp::Mul, sequence, count) | (BinaryOp::Mul, count, sequence)
            if is_sequence(sequence) && count.as_int().is_some() =>
        {
            Some(repeated(sequence, count.as_int().unwrap_or(0))?)
        }
        (BinaryOp::Mul, sequence, other) if is_sequence(sequence) => {
            return Err(Fault::python(format!(
                "can't multiply sequence by non-int of type '{}'",
                other.type_name()
            )));
        }
        (BinaryOp::Sub, Py::Set(a), Py::Set(b)) => {
            let (a, b) = (a.borrow(), b.borrow());
            let mut kept = Vec::new();
            for key in a.keys() {
                if b.get(key)?.is_none() {
                    kept.push(key.clone());
                }
            }
            Some(Py::set(kept)?)
        }
        _ => None,
    })
}

fn is_sequence(value: &Py) -> bool {
    matches!(
        value,
        Py::Str(_) | Py::Markup(_) | Py::List(_) | Py::Tuple(_) | Py::Bytes(_)
    )
}

fn add_markup(left: &Py, right: &Py) -> Outcome<Py> {
    let part = |value: &Py| match value {
        Py::Markup(text) => Ok(text.to_string()),
        Py::Str(text) => text::escaped(text),
        other => Err(Fault::python(format!(
            "unsupported operand type(s) for +: '{}' and '{}'",
            left.type_name(),
            other.type_name()
        ))),
    };
    let joined = part(left)? + &part(right)?;
    limits::text(joined.len())?;
    Ok(Py::Markup(Rc::from(joined)))
}

fn repeated(sequence: &Py, count: i128) -> Outcome<Py> {
    if i64::try_from(count).is_err() {
        return Err(Fault::python(
            "cannot fit 'int' into an index-sized integer",
        ));
    }
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    let repeat = |items: &[Py]| -> Outcome<Vec<Py>> {
        limits::copied_items(items.len().saturating_mul(count))?;
        Ok((0..count).flat_map(|_| items.iter().cloned()).collect())
    };
    Ok(match sequence {
        Py::Str(text) | Py::Markup(text) => {
            limits::text(text.len().saturating_mul(count))?;
            like(sequence, text.repeat(count))
        }
        Py::Bytes(bytes) => {
            limits::text(bytes.len().saturating_mul(count))?;
            Py::Bytes(Rc::from(bytes.repeat(count)))
        }
        Py::List(items) => Py::list(if items.borrow().0.is_empty() {
            Vec::new()
        } else {
            repeat(&items.borrow().0)?
        }),
        Py::Tuple(items) => Py::tuple(if items.0.is_empty() {
            Vec::new()
        } else {
            repeat(&items.0)?
        }),
        other => other.clone(),
    })
}

fn too_large() -> Box<Fault> {
    Fault::limit("an integer would need more than 128 bits")
}

/// Cuts a finite float's fraction off, as Python's `int()` does.
pub(super) fn whole(float: f64) -> Outcome<i128> {
    // The cast would stop at the largest integer and say nothing.
    let largest = 2f64.powi(127);
    if float.abs() >= largest {
        return Err(too_large());
    }
    Ok(float.trunc() as i128)
}

fn on_ints(op: BinaryOp, left: i128, right: i128) -> Outcome<Py> {
    let by_zero = |what: &str| Fault::python(what.to_owned());
    let result = match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Sub => left.checked_sub(right),
        BinaryOp::Mul => left.checked_mul(right),
        BinaryOp::Div => {
            if right == 0 {
                return Err(by_zero("division by zero"));
            }
            return Ok(Py::Float(left as f64 / right as f64));
        }
        BinaryOp::FloorDiv => {
            if right == 0 {
                return Err(by_zero("integer division or modulo by zero"));
            }
            left.checked_div_euclid(right)
                .map(|_| floor_div(left, right))
        }
        BinaryOp::Mod => {
            if right == 0 {
                return Err(by_zero("integer modulo by zero"));
            }
            left.checked_rem(right).map(|rest| {
                if rest != 0 && (rest < 0) != (right < 0) {
                    rest + right
                } else {
                    rest
                }
            })
        }
        BinaryOp::Pow if right < 0 => {
            if left == 0 {
                return Err(by_zero("0.0 cannot be raised to a negative power"));
            }
            return Ok(Py::Float((left as f64).powf(right as f64)));
        }
        BinaryOp::Pow if matches!(left, 0 | 1) && right > 0 => Some(left),
        BinaryOp::Pow => u32::try_from(right)
            .ok()
            .and_then(|power| left.checked_pow(power)),
    };
    result.map(Py::Int).ok_or_else(too_large)
}

fn floor_div(left: i128, right: i128) -> i128 {
    let quotient = left / right;
    if left % right != 0 && (left < 0) != (right < 0) {
        quotient - 1
    } else {
        quotient
    }
}

fn on_floats(op: BinaryOp, left: f64, right: f64) -> Outcome<Py> {
    let result = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div if right == 0.0 => return Err(Fault::python("float division by zero")),
        BinaryOp::Div => left / right,
        BinaryOp::FloorDiv | BinaryOp::Mod if right == 0.0 => {
            let what = if op == BinaryOp::Mod {
                "float modulo"
            } else {
                "float floor division by zero"
            };
            return Err(Fault::python(what));
        }
        BinaryOp::FloorDiv => floored(left, right).0,
        BinaryOp::Mod => floored(left, right).1,
        BinaryOp::Pow if left == 0.0 && right < 0.0 => {
            return Err(Fault::python("0.0 cannot be raised to a negative power"));
        }
        BinaryOp::Pow if left < 0.0 && right.fract() != 0.0 => {
            return Err(Fault::python("the result is a complex number"));
        }
        BinaryOp::Pow => {
            let power = left.powf(right);
            if power.is_infinite() && left.is_finite() && right.is_finite() {
                return Err(Fault::python("(34, 'Numerical result out of range')"));
            }
            power
        }
    };
    Ok(Py::Float(result))
}

/// Python's quotient and remainder of floats: the remainder has the divisor's sign.
fn floored(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (rest < 0.0) != (right < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(left / right), rest);
    }
    let whole = quotient.floor();
    (
        if quotient - whole > 0.5 {
            whole + 1.0
        } else {
            whole
        },
        rest,
    )
}

/// Joins with `~`: everything becomes text.
pub(super) fn concat(parts: &[Py]) -> Outcome<Py> {
    let mut whole = String::new();
    for part in parts {
        let part = text::str(part)?;
        limits::text(whole.len() + part.len())?;
        whole.push_str(&part);
    }
    Ok(Py::from(whole))
}

/// Applies a sign.
pub(super) fn signed(value: &Py, is_negative: bool) -> Outcome<Py> {
    match value.usable()? {
        Py::Float(float) => Ok(Py::Float(if is_negative { -float } else { *float })),
        other => match other.as_int() {
            Some(int) if is_negative => int.checked_neg().map(Py::Int).ok_or_else(too_large),
            Some(int) => Ok(Py::Int(int)),
            None => Err(Fault::python(format!(
                "bad operand type for unary {}: '{}'",
                if is_negative { '-' } else { '+' },
                other.type_name()
            ))),
        },
    }
}
