//! `a.b`, `a['b']` and slices: what Jinja's sandbox finds, and the undefined value it gives
//! otherwise.

use std::rc::Rc;

use super::fault::{Fault, FaultKind, Outcome};
use super::methods;
use super::object::Object;
use super::value::Py;
use super::{limits, text};

/// The undefined value for an attribute that is not there.
pub(super) fn missing(value: &Py, name: &str) -> Py {
    let described = value.described();
    Py::Undefined(Rc::from(format!(
        "{} has no attribute {}",
        text::quoted(&described),
        text::quoted(name)
    )))
}

fn missing_item(value: &Py, key: &Py) -> Outcome<Py> {
    if let Some(name) = key.as_str() {
        return Ok(missing(value, name));
    }
    let described = value.described();
    Ok(Py::Undefined(Rc::from(format!(
        "{described} has no element {}",
        text::repr(key)?
    ))))
}

/// Gives `value.name`: a method first, then an item, then the undefined value.
pub(super) fn attribute(value: &Py, name: &str) -> Outcome<Py> {
    if let Some(found) = real_attribute(value, name)? {
        return Ok(found);
    }
    if let Py::Dict(dict) = value
        && let Some(found) = dict.borrow().get_str(name)
    {
        return Ok(found.clone());
    }
    Ok(missing(value, name))
}

/// What Python's `getattr` finds.
fn real_attribute(value: &Py, name: &str) -> Outcome<Option<Py>> {
    value.usable()?;
    if name.starts_with("__") {
        return Err(Fault::new(
            FaultKind::Runtime,
            format!(
                "access to attribute {} of {} object is unsafe.",
                text::quoted(name),
                text::quoted(value.type_name())
            ),
        ));
    }
    if let Some(method) = methods::find(value, name) {
        return Ok(Some(Py::object(Object::Method(value.clone(), method))));
    }
    Ok(match value {
        Py::Object(object) => object_attribute(object, name),
        Py::Int(_) | Py::Bool(_) => match name {
            "real" | "numerator" => value.as_int().map(Py::Int),
            "imag" => Some(Py::Int(0)),
            "denominator" => Some(Py::Int(1)),
            _ => None,
        },
        Py::Float(_) if name == "real" => Some(value.clone()),
        Py::Range(range) => match name {
            "start" => Some(Py::Int(range.start)),
            "stop" => Some(Py::Int(range.stop)),
            "step" => Some(Py::Int(range.step)),
            _ => None,
        },
        _ => None,
    })
}

fn object_attribute(object: &Rc<Object>, name: &str) -> Option<Py> {
    match object.as_ref() {
        Object::Namespace(vars) => vars.borrow().get_str(name).cloned(),
        Object::Module(module) if !name.starts_with('_') => module.scope.get_own(name),
        Object::Loop(state) => state.simple_attribute(name),
        Object::Macro(definition, _) => match name {
            "name" => Some(Py::str(&definition.name)),
            "arguments" => Some(Py::tuple(definition.params.iter().map(Py::str).collect())),
            "catch_kwargs" => Some(Py::Bool(definition.uses_kwargs)),
            "catch_varargs" => Some(Py::Bool(definition.uses_varargs)),
            "caller" => Some(Py::Bool(definition.uses_caller)),
            _ => None,
        },
        Object::Cycler { items, at } => match name {
            "current" => items.get(at.get()).cloned(),
            "next" | "reset" => Some(Py::object(Object::Method(
                Py::Object(object.clone()),
                Rc::from(name),
            ))),
            _ => None,
        },
        Object::Group(key, items) => match name {
            "grouper" => Some(key.clone()),
            "list" => Some(items.clone()),
            _ => None,
        },
        Object::Blocks(site) => {
            let blocks = site.blocks.0.borrow();
            blocks.get(name)?;
            Some(Py::object(Object::Block(site.clone(), Rc::from(name), 0)))
        }
        Object::Block(site, block, index) if name == "super" => {
            let blocks = site.blocks.0.borrow();
            (blocks.get(block)?.len() > index + 1)
                .then(|| Py::object(Object::Block(site.clone(), block.clone(), index + 1)))
        }
        _ => None,
    }
}

/// Gives `value[key]`: an item first, then an attribute, then the undefined value.
pub(super) fn item(value: &Py, key: &Py) -> Outcome<Py> {
    if let Some(found) = real_item(value, key)? {
        return Ok(found);
    }
    if let Some(name) = key.as_str()
        && let Some(found) = real_attribute(value, name)?
    {
        return Ok(found);
    }
    missing_item(value, key)
}

/// What Python's `value[key]` finds; Jinja takes its `TypeError` and `LookupError` for "nothing".
fn real_item(value: &Py, key: &Py) -> Outcome<Option<Py>> {
    let key = key.defined()?;
    let at = |length: usize| -> Option<usize> {
        let int = key.as_int()?;
        let int = if int < 0 { int + length as i128 } else { int };
        usize::try_from(int).ok().filter(|index| *index < length)
    };
    Ok(match value.usable()? {
        Py::Dict(dict) => match dict.borrow().get(key) {
            Ok(found) => found.cloned(),
            Err(_) => None,
        },
        Py::List(items) => {
            let items = items.borrow();
            at(items.0.len()).map(|index| items.0[index].clone())
        }
        Py::Tuple(items) => at(items.0.len()).map(|index| items.0[index].clone()),
        Py::Str(text) | Py::Markup(text) => {
            let length = text.chars().count();
            at(length)
                .and_then(|index| text.chars().nth(index))
                .map(|c| Py::str(c.encode_utf8(&mut [0; 4])))
        }
        Py::Bytes(bytes) => at(bytes.len()).map(|index| Py::Int(bytes[index].into())),
        Py::Range(range) => key.as_int().and_then(|index| range.get(index)).map(Py::Int),
        Py::Object(object) => match (object.as_ref(), key.as_str()) {
            (Object::Blocks(_), Some(name)) => object_attribute(object, name),
            (Object::Group(first, second), None) => at(2).map(|index| {
                if index == 0 {
                    first.clone()
                } else {
                    second.clone()
                }
            }),
            _ => None,
        },
        _ => None,
    })
}

/// Gives `value[start:stop:step]`.
pub(super) fn slice(value: &Py, parts: [Py; 3]) -> Outcome<Py> {
    let mut numbers = [None; 3];
    for (number, part) in numbers.iter_mut().zip(&parts) {
        *number = match part.defined()? {
            Py::None => None,
            other => Some(other.as_int().ok_or_else(|| {
                Fault::python("slice indices must be integers or None or have an __index__ method")
            })?),
        };
    }
    let pick = |length: usize| indices(length, numbers);
    Ok(match value.defined()? {
        Py::List(items) => {
            let items = items.borrow();
            let picked = pick(items.0.len())?;
            limits::copied_items(picked.len())?;
            Py::list(
                picked
                    .into_iter()
                    .map(|index| items.0[index].clone())
                    .collect(),
            )
        }
        Py::Tuple(items) => {
            let picked = pick(items.0.len())?;
            limits::copied_items(picked.len())?;
            Py::tuple(
                picked
                    .into_iter()
                    .map(|index| items.0[index].clone())
                    .collect(),
            )
        }
        Py::Str(text) | Py::Markup(text) => {
            limits::text(text.len() * 4)?;
            let characters: Vec<char> = text.chars().collect();
            let picked: String = pick(characters.len())?
                .into_iter()
                .map(|index| characters[index])
                .collect();
            match value {
                Py::Markup(_) => Py::Markup(Rc::from(picked)),
                _ => Py::from(picked),
            }
        }
        Py::Bytes(bytes) => {
            let picked: Vec<u8> = pick(bytes.len())?
                .into_iter()
                .map(|index| bytes[index])
                .collect();
            Py::Bytes(Rc::from(picked))
        }
        Py::Range(range) => {
            let (start, stop, step) = bounds(usize::try_from(range.len()).unwrap_or(0), numbers)?;
            Py::Range(super::value::Range {
                start: range.start + start * range.step,
                stop: range.start + stop * range.step,
                step: range.step * step,
            })
        }
        // `x[1:2]` of anything else is a TypeError, which Jinja turns into an undefined value.
        other => Py::Undefined(Rc::from(format!(
            "{} has no element slice",
            other.described()
        ))),
    })
}

/// Brings the parts of a slice into the range of a length: first, end (not included), step.
fn bounds(length: usize, [start, stop, step]: [Option<i128>; 3]) -> Outcome<(i128, i128, i128)> {
    let step = step.unwrap_or(1).clamp(-(1 << 62), 1 << 62);
    if step == 0 {
        return Err(Fault::python("slice step cannot be zero"));
    }
    let length = length as i128;
    let (low, high) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let bound = |part: Option<i128>, usual: i128| match part {
        None => usual,
        Some(int) if int < 0 => (int.saturating_add(length)).clamp(low, high),
        Some(int) => int.clamp(low, high),
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    Ok((bound(start, first), bound(stop, last), step))
}

fn indices(length: usize, parts: [Option<i128>; 3]) -> Outcome<Vec<usize>> {
    let (mut at, stop, step) = bounds(length, parts)?;
    let mut picked = Vec::new();
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        picked.push(at as usize);
        at += step;
    }
    Ok(picked)
}
