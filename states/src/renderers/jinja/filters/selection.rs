//! `map`, `select`, `reject` and their attribute forms, and the paths they follow.

use std::rc::Rc;

use super::Filter;
use crate::renderers::jinja::attributes;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::interpreter::Interpreter;
use crate::renderers::jinja::object_call::{Args, text_of};
use crate::renderers::jinja::scope::Site;
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "map" => map,
        "select" => |i, value, args, _| choose(i, &value, args, true, false),
        "reject" => |i, value, args, _| choose(i, &value, args, false, false),
        "selectattr" => |i, value, args, _| choose(i, &value, args, true, true),
        "rejectattr" => |i, value, args, _| choose(i, &value, args, false, true),
        _ => return None,
    })
}

/// Cuts an attribute argument (`a.b.0`, `3`) into keys; `None` stays `None`.
pub(super) fn attribute_path(attribute: Option<&Py>) -> Outcome<Option<Vec<Py>>> {
    Ok(match attribute {
        None | Some(Py::None) => None,
        Some(value) => Some(match value.defined()?.as_str() {
            Some(text) => text
                .split('.')
                .map(|part| match part.parse::<i128>() {
                    Ok(int) if part.bytes().all(|byte| byte.is_ascii_digit()) => Py::Int(int),
                    _ => Py::str(part),
                })
                .collect(),
            None => vec![value.clone()],
        }),
    })
}

/// Follows a path of keys; what is missing is undefined.
pub(super) fn follow(interpreter: &mut Interpreter<'_>, mut value: Py, path: &[Py]) -> Outcome<Py> {
    for key in path {
        value = match (&value, key.as_str()) {
            (Py::Object(_), Some(name)) => interpreter.attribute(&value, &Rc::from(name))?,
            _ => attributes::item(&value, key)?,
        };
    }
    Ok(value)
}

fn map(interpreter: &mut Interpreter<'_>, value: Py, mut args: Args, site: &Site) -> Outcome<Py> {
    let items = if !value.is_true()? {
        Vec::new()
    } else {
        value.items()?
    };
    let mut mapped = Vec::with_capacity(items.len());
    if args.positional.is_empty() {
        let attribute = args.take_named("attribute");
        let default = args.take_named("default");
        if let Some((name, _)) = args.named.first() {
            return Err(Fault::python(format!(
                "Unexpected keyword argument '{name}'"
            )));
        }
        let path = attribute_path(attribute.as_ref())?
            .ok_or_else(|| Fault::python("map requires a filter argument"))?;
        for item in items {
            let mut found = follow(interpreter, item, &path)?;
            if let (true, Some(default)) = (found.is_undefined(), &default) {
                found = default.clone();
            }
            mapped.push(found);
        }
    } else {
        let name = args.positional.remove(0);
        let name = text_of(&name)?.to_owned();
        for item in items {
            mapped.push(interpreter.filter(&name, item, args.clone(), site)?);
        }
    }
    Ok(Py::iterator(mapped, "generator"))
}

fn choose(
    interpreter: &mut Interpreter<'_>,
    value: &Py,
    mut args: Args,
    wanted: bool,
    by_attribute: bool,
) -> Outcome<Py> {
    let path = if by_attribute {
        if args.positional.is_empty() {
            return Err(Fault::python("Missing parameter for attribute name"));
        }
        attribute_path(Some(&args.positional.remove(0)))?
    } else {
        None
    };
    let test = if args.positional.is_empty() {
        None
    } else {
        Some(args.positional.remove(0))
    };
    let test = test.as_ref().map(text_of).transpose()?;
    let items = if !value.is_true()? {
        Vec::new()
    } else {
        value.items()?
    };
    let mut kept = Vec::new();
    for item in items {
        let subject = match &path {
            Some(path) => follow(interpreter, item.clone(), path)?,
            None => item.clone(),
        };
        let holds = match test {
            Some(test) => interpreter.test(test, &subject, args.clone())?,
            None => subject.is_true()?,
        };
        if holds == wanted {
            kept.push(item);
        }
    }
    Ok(Py::iterator(kept, "generator"))
}
