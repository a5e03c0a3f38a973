//! Equality, order and membership as Python has them.

use std::cmp::Ordering;
use std::rc::Rc;

use super::ast::CompareOp;
use super::fault::{Fault, Outcome};
use super::limits;
use super::text;
use super::value::Py;

/// Compares with an operator of a template.
pub(super) fn compare(op: CompareOp, left: &Py, right: &Py) -> Outcome<bool> {
    match op {
        CompareOp::Eq => equal(left, right),
        CompareOp::Ne => Ok(!equal(left, right)?),
        CompareOp::In => contains(right, left),
        CompareOp::NotIn => Ok(!contains(right, left)?),
        CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => ordered(op, left, right),
    }
}

/// Says whether Python's `==` holds; an undefined value is an error.
pub(super) fn equal(left: &Py, right: &Py) -> Outcome<bool> {
    equal_within(left.defined()?, right.defined()?, 0)
}

/// Equality of keys: they are hashable, hence never deep.
pub(super) fn equal_keys(left: &Py, right: &Py) -> bool {
    equal_within(left, right, 0).unwrap_or(false)
}

fn equal_within(left: &Py, right: &Py, depth: usize) -> Outcome<bool> {
    limits::depth(depth)?;
    let items = |left: &[Py], right: &[Py]| -> Outcome<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        limits::spend(left.len() as u64)?;
        for (left, right) in left.iter().zip(right) {
            if !same(left, right) && !equal_within(left.defined()?, right.defined()?, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(match (left, right) {
        (Py::None, Py::None) => true,
        (Py::Str(a) | Py::Markup(a), Py::Str(b) | Py::Markup(b)) => a == b,
        (Py::Bytes(a), Py::Bytes(b)) => a == b,
        (Py::List(a), Py::List(b)) => {
            if Rc::ptr_eq(a, b) {
                return Ok(true);
            }
            let (a, b) = (a.borrow().0.clone(), b.borrow().0.clone());
            items(&a, &b)?
        }
        (Py::Tuple(a), Py::Tuple(b)) => items(&a.0, &b.0)?,
        (Py::Dict(a), Py::Dict(b)) => {
            let (a, b) = (a.borrow(), b.borrow());
            if a.len() != b.len() {
                return Ok(false);
            }
            limits::spend(a.len() as u64)?;
            for (key, value) in a.iter() {
                match b.get(key)? {
                    Some(other) => {
                        if !same(value, other)
                            && !equal_within(value.defined()?, other.defined()?, depth + 1)?
                        {
                            return Ok(false);
                        }
                    }
                    None => return Ok(false),
                }
            }
            true
        }
        (Py::Set(a), Py::Set(b)) => {
            let (a, b) = (a.borrow(), b.borrow());
            a.len() == b.len() && is_subset(&a, &b)?
        }
        (Py::Range(a), Py::Range(b)) => {
            a.len() == b.len() && (0..a.len().min(2)).all(|index| a.get(index) == b.get(index))
        }
        (Py::Lenient(_), Py::Lenient(_)) => true,
        (Py::Undefined(_) | Py::Lenient(_), _) | (_, Py::Undefined(_) | Py::Lenient(_)) => false,
        _ => match number_order(left, right) {
            Some(order) => order == Some(Ordering::Equal),
            None => same(left, right),
        },
    })
}

/// Says whether both are the very same object.
pub(super) fn same(left: &Py, right: &Py) -> bool {
    match (left, right) {
        (Py::None, Py::None) => true,
        (Py::Bool(a), Py::Bool(b)) => a == b,
        (Py::List(a), Py::List(b)) => Rc::ptr_eq(a, b),
        (Py::Dict(a), Py::Dict(b)) | (Py::Set(a), Py::Set(b)) => Rc::ptr_eq(a, b),
        (Py::Tuple(a), Py::Tuple(b)) => Rc::ptr_eq(a, b),
        (Py::Object(a), Py::Object(b)) => Rc::ptr_eq(a, b),
        (Py::Iterator(a, _), Py::Iterator(b, _)) => Rc::ptr_eq(a, b),
        (Py::Str(a), Py::Str(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

/// Orders two numbers; the outer `None` means one is no number, the inner one that there is a NaN.
#[expect(clippy::option_option, reason = "two different kinds of 'no answer'")]
fn number_order(left: &Py, right: &Py) -> Option<Option<Ordering>> {
    match (left, right) {
        (Py::Float(a), _) => right.as_float().map(|b| a.partial_cmp(&b)),
        (_, Py::Float(b)) => left.as_float().map(|a| a.partial_cmp(b)),
        _ => match (left.as_int(), right.as_int()) {
            (Some(a), Some(b)) => Some(Some(a.cmp(&b))),
            _ => None,
        },
    }
}

fn is_subset(left: &super::dict::Dict, right: &super::dict::Dict) -> Outcome<bool> {
    for key in left.keys() {
        if right.get(key)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ordered(op: CompareOp, left: &Py, right: &Py) -> Outcome<bool> {
    if let (Py::Set(a), Py::Set(b)) = (left, right) {
        let (a, b) = (a.borrow(), b.borrow());
        return match op {
            CompareOp::Lt => Ok(a.len() < b.len() && is_subset(&a, &b)?),
            CompareOp::Le => is_subset(&a, &b),
            CompareOp::Gt => Ok(b.len() < a.len() && is_subset(&b, &a)?),
            _ => is_subset(&b, &a),
        };
    }
    let symbol = match op {
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        _ => ">=",
    };
    let order = order_within(symbol, left, right, 0)?;
    Ok(match op {
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Gt => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Orders two values as Python's `<` does, for sorting.
pub(super) fn order(left: &Py, right: &Py) -> Outcome<Ordering> {
    Ok(order_within("<", left, right, 0)?.unwrap_or(Ordering::Equal))
}

fn order_within(op: &str, left: &Py, right: &Py, depth: usize) -> Outcome<Option<Ordering>> {
    limits::depth(depth)?;
    let (left, right) = (left.usable()?, right.usable()?);
    if let Some(order) = number_order(left, right) {
        return Ok(order);
    }
    let items = |left: &[Py], right: &[Py]| -> Outcome<Option<Ordering>> {
        limits::spend(left.len().min(right.len()) as u64)?;
        for (left, right) in left.iter().zip(right) {
            if !equal_within(left.defined()?, right.defined()?, depth + 1)? {
                return order_within(op, left, right, depth + 1);
            }
        }
        Ok(Some(left.len().cmp(&right.len())))
    };
    match (left, right) {
        (Py::Str(a) | Py::Markup(a), Py::Str(b) | Py::Markup(b)) => Ok(Some(a.cmp(b))),
        (Py::Bytes(a), Py::Bytes(b)) => Ok(Some(a.cmp(b))),
        (Py::List(a), Py::List(b)) => {
            let (a, b) = (a.borrow().0.clone(), b.borrow().0.clone());
            items(&a, &b)
        }
        (Py::Tuple(a), Py::Tuple(b)) => items(&a.0, &b.0),
        _ => Err(Fault::python(format!(
            "'{op}' not supported between instances of '{}' and '{}'",
            left.type_name(),
            right.type_name()
        ))),
    }
}

/// Says whether `item in whole` holds.
pub(super) fn contains(whole: &Py, item: &Py) -> Outcome<bool> {
    match whole.defined()? {
        Py::Str(text) | Py::Markup(text) => match item.defined()?.as_str() {
            Some(part) => Ok(text.contains(part)),
            None => Err(Fault::python(format!(
                "'in <string>' requires string as left operand, not {}",
                item.type_name()
            ))),
        },
        Py::Dict(dict) | Py::Set(dict) => Ok(dict.borrow().get(item)?.is_some()),
        Py::Range(range) => match item.as_int() {
            Some(int) => {
                let offset = int - range.start;
                Ok(offset % range.step == 0 && (0..range.len()).contains(&(offset / range.step)))
            }
            None => Ok(false),
        },
        Py::Bytes(bytes) => match item {
            Py::Bytes(part) => Ok(part.is_empty()
                || bytes
                    .windows(part.len())
                    .any(|window| window == part.as_ref())),
            other => Ok(other
                .as_int()
                .is_some_and(|int| bytes.iter().any(|b| i128::from(*b) == int))),
        },
        Py::Object(_) | Py::None | Py::Bool(_) | Py::Int(_) | Py::Float(_) => Err(Fault::python(
            format!("argument of type '{}' is not iterable", whole.type_name()),
        )),
        _ => {
            let items = whole.items()?;
            limits::spend(items.len() as u64)?;
            for candidate in &items {
                if same(candidate, item) || equal(candidate, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// Finds the place of an item in a list.
pub(super) fn position(items: &[Py], wanted: &Py) -> Outcome<Option<usize>> {
    limits::spend(items.len() as u64)?;
    for (index, item) in items.iter().enumerate() {
        if same(item, wanted) || equal(item, wanted)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Sorts as Python's `sorted` does: stable, and an error if two items cannot be compared.
pub(super) fn sort_by_key(items: &mut [(Py, Py)], is_reversed: bool) -> Outcome<()> {
    limits::spend(items.len() as u64 * 8)?;
    let mut failure = None;
    items.sort_by(|(left, _), (right, _)| {
        let found = if is_reversed {
            order(right, left)
        } else {
            order(left, right)
        };
        found.unwrap_or_else(|fault| {
            failure.get_or_insert(fault);
            Ordering::Equal
        })
    });
    match failure {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Writes a value for a message.
pub(super) fn shown(value: &Py) -> String {
    text::repr(value).unwrap_or_else(|_| value.type_name().to_owned())
}
