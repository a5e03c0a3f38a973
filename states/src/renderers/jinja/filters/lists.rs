//! Jinja's filters on lists and dicts.

use std::rc::Rc;

use super::Filter;
use super::selection::{attribute_path, follow};
use crate::renderers::jinja::dict::Dict;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::interpreter::Interpreter;
use crate::renderers::jinja::object::Object;
use crate::renderers::jinja::object_call::{Args, flag, required, size_of};
use crate::renderers::jinja::scope::Site;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{compare, limits, operators, text};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "first" => |_, value, _, _| {
            let first = value.items()?.into_iter().next();
            Ok(first.unwrap_or_else(|| nothing("No first item, sequence was empty.")))
        },
        "last" => |_, value, _, _| {
            let last = value.items()?.pop();
            Ok(last.unwrap_or_else(|| nothing("No last item, sequence was empty.")))
        },
        "length" | "count" => |_, value, _, _| value.len().map(Py::from),
        "list" => |_, value, _, _| {
            let items = value.items()?;
            limits::copied_items(items.len())?;
            Ok(Py::list(items))
        },
        "items" => items,
        "join" => join,
        "reverse" => reverse,
        "batch" => batch,
        "slice" => slice,
        "sum" => sum,
        "dictsort" => dict_sort,
        "sort" => sort,
        "groupby" => group_by,
        "min" => |_, value, args, _| extreme(&value, args, false),
        "max" => |_, value, args, _| extreme(&value, args, true),
        "default" | "d" => default,
        "attr" => attr,
        _ => return None,
    })
}

fn nothing(message: &str) -> Py {
    Py::Undefined(Rc::from(message))
}

fn default(_: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [default, boolean] = args.bind("default", ["default_value", "boolean"])?;
    let takes_default =
        value.is_undefined() || (flag(boolean.as_ref(), false)? && !value.is_true()?);
    Ok(if takes_default {
        default.unwrap_or_else(|| Py::from(""))
    } else {
        value
    })
}

fn attr(interpreter: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [name] = args.bind("attr", ["name"])?;
    let name = text::str(&required(name, "attr", "name")?)?;
    // Only real attributes count, not a dict's keys.
    if let Py::Dict(_) = &value {
        let probe = Py::dict(Dict::default());
        if interpreter
            .attribute(&probe, &Rc::from(name.as_str()))?
            .is_undefined()
        {
            return Ok(crate::renderers::jinja::attributes::missing(&value, &name));
        }
    }
    interpreter.attribute(&value, &Rc::from(name))
}

fn items(_: &mut Interpreter<'_>, value: Py, _: Args, _: &Site) -> Outcome<Py> {
    match &value {
        Py::Undefined(_) | Py::Lenient(_) => Ok(Py::iterator(Vec::new(), "generator")),
        Py::Dict(dict) => {
            let pairs = dict
                .borrow()
                .iter()
                .map(|(key, value)| Py::tuple(vec![key.clone(), value.clone()]))
                .collect();
            Ok(Py::iterator(pairs, "generator"))
        }
        _ => Err(Fault::python("Can only get item pairs from a mapping.")),
    }
}

fn join(interpreter: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [separator, attribute] = args.bind("join", ["d", "attribute"])?;
    let separator = match &separator {
        Some(separator) => text::str(separator)?,
        None => String::new(),
    };
    let path = attribute_path(attribute.as_ref())?;
    let mut out = String::new();
    for (index, item) in value.items()?.into_iter().enumerate() {
        let item = match &path {
            Some(path) => follow(interpreter, item, path)?,
            None => item,
        };
        let part = text::str(&item)?;
        limits::text(part.len() + separator.len())?;
        if out.len() + part.len() + separator.len() > limits::MAX_TEXT {
            limits::text(limits::MAX_TEXT + 1)?;
        }
        if index > 0 {
            out.push_str(&separator);
        }
        out.push_str(&part);
    }
    Ok(Py::from(out))
}

fn reverse(_: &mut Interpreter<'_>, value: Py, _: Args, _: &Site) -> Outcome<Py> {
    if let Some(text) = value.as_str() {
        return Ok(Py::from(text.chars().rev().collect::<String>()));
    }
    let mut items = value.items().map_err(|fault| match &value {
        Py::Undefined(_) => fault,
        _ => Fault::python("argument must be iterable"),
    })?;
    items.reverse();
    Ok(Py::iterator(items, "list_reverseiterator"))
}

fn batch(_: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [count, fill] = args.bind("batch", ["linecount", "fill_with"])?;
    let count = size_of(Some(&required(count, "do_batch", "linecount")?), 1)?.max(1);
    let items = value.items()?;
    limits::copied_items(items.len())?;
    let mut batches: Vec<Vec<Py>> = items.chunks(count).map(<[Py]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (fill.filter(|fill| !fill.is_none()), batches.last_mut()) {
        limits::copied_items(count)?;
        last.resize(count, fill);
    }
    Ok(Py::iterator(
        batches.into_iter().map(Py::list).collect(),
        "generator",
    ))
}

fn slice(_: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [count, fill] = args.bind("slice", ["slices", "fill_with"])?;
    let count = size_of(Some(&required(count, "do_slice", "slices")?), 1)?;
    let items = value.items()?;
    limits::copied_items(items.len() + count)?;
    if count == 0 {
        return Err(Fault::python("integer division or modulo by zero"));
    }
    let (size, extra) = (items.len() / count, items.len() % count);
    let fill = fill.filter(|fill| !fill.is_none());
    let mut slices = Vec::with_capacity(count);
    let mut start = 0;
    for index in 0..count {
        let end = start + size + usize::from(index < extra);
        let mut part = items[start..end].to_vec();
        if let (Some(fill), true) = (&fill, index >= extra) {
            part.push(fill.clone());
        }
        slices.push(Py::list(part));
        start = end;
    }
    Ok(Py::iterator(slices, "generator"))
}

fn sum(interpreter: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [attribute, start] = args.bind("sum", ["attribute", "start"])?;
    let path = attribute_path(attribute.as_ref())?;
    let mut total = start.unwrap_or(Py::Int(0));
    for item in value.items()? {
        let item = match &path {
            Some(path) => follow(interpreter, item, path)?,
            None => item,
        };
        total = operators::binary(crate::renderers::jinja::ast::BinaryOp::Add, &total, &item)?;
    }
    Ok(total)
}

/// The key to sort or compare by: texts count in lower case unless case matters.
fn cased(value: Py, is_sensitive: bool) -> Outcome<Py> {
    match value.as_str() {
        Some(text) if !is_sensitive => Ok(Py::from(text.to_lowercase())),
        _ => Ok(value),
    }
}

fn dict_sort(_: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [sensitive, by, is_reversed] =
        args.bind("dictsort", ["case_sensitive", "by", "reverse"])?;
    let sensitive = flag(sensitive.as_ref(), false)?;
    let by_value = match by.as_ref().and_then(Py::as_str) {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => {
            return Err(Fault::python(
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    let Py::Dict(dict) = value.defined()? else {
        return Err(Fault::python(format!(
            "'{}' object has no attribute 'items'",
            value.type_name()
        )));
    };
    let mut pairs = Vec::new();
    for (key, value) in dict.borrow().iter() {
        let order = cased(
            if by_value { value.clone() } else { key.clone() },
            sensitive,
        )?;
        pairs.push((order, Py::tuple(vec![key.clone(), value.clone()])));
    }
    compare::sort_by_key(&mut pairs, flag(is_reversed.as_ref(), false)?)?;
    Ok(Py::list(pairs.into_iter().map(|(_, pair)| pair).collect()))
}

fn sort(interpreter: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [is_reversed, sensitive, attribute] =
        args.bind("sort", ["reverse", "case_sensitive", "attribute"])?;
    let sensitive = flag(sensitive.as_ref(), false)?;
    let paths: Option<Vec<_>> = match attribute.as_ref().filter(|value| !value.is_none()) {
        None => None,
        Some(names) => match names.as_str() {
            Some(names) => {
                let mut paths = Vec::new();
                for name in names.split(',') {
                    paths.extend(attribute_path(Some(&Py::str(name)))?);
                }
                Some(paths)
            }
            None => Some(attribute_path(Some(names))?.into_iter().collect()),
        },
    };
    let mut pairs = Vec::new();
    for item in value.items()? {
        let key = match &paths {
            None => cased(item.clone(), sensitive)?,
            Some(paths) => {
                let mut keys = Vec::new();
                for path in paths {
                    let key = follow(interpreter, item.clone(), path)?;
                    keys.push(cased(key, sensitive)?);
                }
                Py::list(keys)
            }
        };
        pairs.push((key, item));
    }
    compare::sort_by_key(&mut pairs, flag(is_reversed.as_ref(), false)?)?;
    Ok(Py::list(pairs.into_iter().map(|(_, item)| item).collect()))
}

fn group_by(interpreter: &mut Interpreter<'_>, value: Py, args: Args, _: &Site) -> Outcome<Py> {
    let [attribute, default, sensitive] =
        args.bind("groupby", ["attribute", "default", "case_sensitive"])?;
    let attribute = required(attribute, "do_groupby", "attribute")?;
    let path = attribute_path(Some(&attribute))?.unwrap_or_default();
    let sensitive = flag(sensitive.as_ref(), false)?;
    let mut pairs = Vec::new();
    for item in value.items()? {
        let mut key = follow(interpreter, item.clone(), &path)?;
        if let (true, Some(default)) = (key.is_undefined(), &default) {
            key = default.clone();
        }
        pairs.push((cased(key.clone(), sensitive)?, Py::tuple(vec![key, item])));
    }
    compare::sort_by_key(&mut pairs, false)?;
    let mut groups: Vec<(Py, Py, Vec<Py>)> = Vec::new();
    for (key, pair) in pairs {
        let parts = pair.items()?;
        let [real, item] = parts.as_slice() else {
            continue;
        };
        match groups.last_mut() {
            Some((last, _, items)) if compare::equal(last, &key)? => items.push(item.clone()),
            _ => groups.push((key, real.clone(), vec![item.clone()])),
        }
    }
    let groups = groups
        .into_iter()
        .map(|(_, key, items)| Py::object(Object::Group(key, Py::list(items))))
        .collect();
    Ok(Py::list(groups))
}

/// Salt's `min` and `max`: Python's, on the values as they are.
fn extreme(value: &Py, args: Args, is_max: bool) -> Outcome<Py> {
    let name = if is_max { "max" } else { "min" };
    if !args.positional.is_empty() || !args.named.is_empty() {
        return Err(Fault::python(format!(
            "unique_{name}() takes 1 positional argument"
        )));
    }
    let mut items = value.items()?.into_iter();
    let Some(mut best) = items.next() else {
        return Err(Fault::python(format!("{name}() arg is an empty sequence")));
    };
    best.defined()?;
    for item in items {
        let order = if is_max {
            compare::order(&best, &item)?
        } else {
            compare::order(&item, &best)?
        };
        if order == std::cmp::Ordering::Less {
            best = item;
        }
    }
    Ok(best)
}
