//! Methods of lists, tuples, dicts and sets.

use std::cell::RefCell;
use std::rc::Rc;

use crate::renderers::jinja::compare;
use crate::renderers::jinja::dict::Dict;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::limits;
use crate::renderers::jinja::object_call::{Args, flag, int_of, required};
use crate::renderers::jinja::value::{Items, Py};

pub(super) const LIST_NAMES: &[&str] = &[
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse",
    "sort",
];

pub(super) const DICT_NAMES: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];

pub(super) const SET_NAMES: &[&str] = &[
    "add",
    "clear",
    "copy",
    "difference",
    "discard",
    "intersection",
    "isdisjoint",
    "issubset",
    "issuperset",
    "pop",
    "remove",
    "symmetric_difference",
    "union",
    "update",
];

/// Takes exactly one argument by position.
fn single(args: &Args, name: &str) -> Outcome<Py> {
    match args.only_positional(name)? {
        [one] => Ok(one.clone()),
        other => Err(Fault::python(format!(
            "{name}() takes exactly one argument ({} given)",
            other.len()
        ))),
    }
}

pub(super) fn list(list: &Rc<RefCell<Items>>, name: &str, args: Args) -> Outcome<Py> {
    match name {
        "append" => {
            let item = single(&args, "list.append")?;
            limits::spend(4)?;
            limits::items(list.borrow().0.len() + 1)?;
            list.borrow_mut().0.push(item);
        }
        "extend" => {
            let items = single(&args, "list.extend")?.items()?;
            limits::copied_items(list.borrow().0.len() + items.len())?;
            list.borrow_mut().0.extend(items);
        }
        "insert" => list_insert(list, &args)?,
        "pop" => return list_pop(list, &args),
        "remove" => {
            let wanted = single(&args, "list.remove")?;
            let items = list.borrow().0.clone();
            let index = compare::position(&items, &wanted)?
                .ok_or_else(|| Fault::python("list.remove(x): x not in list"))?;
            list.borrow_mut().0.remove(index);
        }
        "reverse" => list.borrow_mut().0.reverse(),
        "sort" => {
            let [key, is_reversed] = Args {
                positional: Vec::new(),
                ..args
            }
            .bind("sort", ["key", "reverse"])?;
            if key.is_some_and(|key| !key.is_none()) {
                return Err(Fault::python(
                    "list.sort(key=...) is not supported; use the filter sort",
                ));
            }
            let mut items: Vec<(Py, Py)> = list
                .borrow()
                .0
                .iter()
                .map(|item| (item.clone(), Py::None))
                .collect();
            compare::sort_by_key(&mut items, flag(is_reversed.as_ref(), false)?)?;
            list.borrow_mut().0 = items.into_iter().map(|(item, _)| item).collect();
        }
        "clear" => {
            let old = std::mem::take(&mut list.borrow_mut().0);
            drop(Items(old));
        }
        "copy" => {
            limits::copied_items(list.borrow().0.len())?;
            return Ok(Py::list(list.borrow().0.clone()));
        }
        _ => {
            let items = list.borrow().0.clone();
            return sequence(&items, &Py::List(list.clone()), name, &args);
        }
    }
    Ok(Py::None)
}

fn list_insert(list: &Rc<RefCell<Items>>, args: &Args) -> Outcome<()> {
    let [index, item] = args.only_positional("list.insert")? else {
        return Err(Fault::python(format!(
            "insert expected 2 arguments, got {}",
            args.positional.len()
        )));
    };
    let index = int_of(index)?;
    let mut list = list.borrow_mut();
    let length = list.0.len() as i128;
    let index = if index < 0 {
        (index + length).max(0)
    } else {
        index.min(length)
    };
    limits::copied_items(1)?;
    limits::items(list.0.len() + 1)?;
    list.0.insert(index as usize, item.clone());
    Ok(())
}

fn list_pop(list: &Rc<RefCell<Items>>, args: &Args) -> Outcome<Py> {
    let mut list = list.borrow_mut();
    let length = list.0.len() as i128;
    if length == 0 {
        return Err(Fault::python("pop from empty list"));
    }
    let index = match args.only_positional("list.pop")? {
        [] => -1,
        [index, ..] => int_of(index)?,
    };
    let index = if index < 0 { index + length } else { index };
    if !(0..length).contains(&index) {
        return Err(Fault::python("pop index out of range"));
    }
    Ok(list.0.remove(index as usize))
}

/// `count` and `index` of what has an order.
pub(super) fn sequence(items: &[Py], value: &Py, name: &str, args: &Args) -> Outcome<Py> {
    let kind = value.type_name();
    let args = args.only_positional(name)?;
    let Some(wanted) = args.first() else {
        return Err(Fault::python(format!(
            "{name} expected at least 1 argument, got 0"
        )));
    };
    match name {
        "count" => {
            let mut count = 0;
            for item in items {
                limits::spend(1)?;
                count += usize::from(compare::same(item, wanted) || compare::equal(item, wanted)?);
            }
            Ok(Py::from(count))
        }
        _ => {
            let length = items.len() as i128;
            let bound = |index: usize, usual: i128| -> Outcome<usize> {
                let int = args.get(index).map_or(Ok(usual), int_of)?;
                let int = if int < 0 {
                    (int + length).max(0)
                } else {
                    int.min(length)
                };
                Ok(int as usize)
            };
            let (start, stop) = (bound(1, 0)?, bound(2, length)?);
            let part = items.get(start..stop).unwrap_or(&[]);
            match compare::position(part, wanted)? {
                Some(index) => Ok(Py::from(start + index)),
                None if kind == "tuple" => Err(Fault::python("tuple.index(x): x not in tuple")),
                None => Err(Fault::python(format!(
                    "{} is not in {kind}",
                    compare::shown(wanted)
                ))),
            }
        }
    }
}

fn check_count(args: &Args, name: &str, least: usize, most: usize) -> Outcome<()> {
    let given = args.positional.len();
    if !args.named.is_empty() {
        return Err(Fault::python(format!(
            "dict.{name}() takes no keyword arguments"
        )));
    }
    if given < least {
        return Err(Fault::python(format!(
            "{name} expected at least {least} argument, got {given}"
        )));
    }
    if given > most {
        return Err(Fault::python(format!(
            "{name} expected at most {most} arguments, got {given}"
        )));
    }
    Ok(())
}

pub(super) fn dict(dict: &Rc<RefCell<Dict>>, name: &str, args: Args) -> Outcome<Py> {
    if name == "update" {
        let pairs = pairs_of("update", args)?;
        let mut dict = dict.borrow_mut();
        for (key, value) in pairs {
            dict.insert(key, value)?;
        }
        return Ok(Py::None);
    }
    let at_most = |least: usize, most: usize| check_count(&args, name, least, most);
    let positional = &args.positional;
    let argument = |index: usize| positional.get(index).cloned();
    let tuple = |(key, value): (&Py, &Py)| Py::tuple(vec![key.clone(), value.clone()]);
    match name {
        "get" => {
            at_most(1, 2)?;
            let found = dict.borrow().get(&positional[0])?.cloned();
            Ok(found.or_else(|| argument(1)).unwrap_or(Py::None))
        }
        "items" | "keys" | "values" => {
            at_most(0, 0)?;
            let dict = dict.borrow();
            limits::copied_items(dict.len())?;
            Ok(match name {
                "items" => Py::iterator(dict.iter().map(tuple).collect(), "dict_items"),
                "keys" => Py::iterator(dict.keys().cloned().collect(), "dict_keys"),
                _ => Py::iterator(dict.values().cloned().collect(), "dict_values"),
            })
        }
        "pop" => {
            at_most(1, 2)?;
            let found = dict.borrow_mut().remove(&positional[0])?;
            found
                .or_else(|| argument(1))
                .ok_or_else(|| Fault::python(compare::shown(&positional[0])))
        }
        "popitem" => {
            at_most(0, 0)?;
            let popped = dict.borrow_mut().pop_last();
            popped
                .map(|(key, value)| Py::tuple(vec![key, value]))
                .ok_or_else(|| Fault::python("'popitem(): dictionary is empty'"))
        }
        "setdefault" => {
            at_most(1, 2)?;
            if let Some(found) = dict.borrow().get(&positional[0])? {
                return Ok(found.clone());
            }
            let value = argument(1).unwrap_or(Py::None);
            dict.borrow_mut()
                .insert(positional[0].clone(), value.clone())?;
            Ok(value)
        }
        "fromkeys" => {
            at_most(1, 2)?;
            let mut made = Dict::default();
            for key in positional[0].items()? {
                made.insert(key, argument(1).unwrap_or(Py::None))?;
            }
            Ok(Py::dict(made))
        }
        "copy" => {
            at_most(0, 0)?;
            limits::copied_items(dict.borrow().len())?;
            Ok(Py::dict(dict.borrow().copy()))
        }
        _ => {
            dict.borrow_mut().clear();
            Ok(Py::None)
        }
    }
}

/// Lists the pairs that `dict(...)` and `dict.update(...)` take: of a mapping or of pairs, then the
/// named ones.
pub(in crate::renderers::jinja) fn pairs_of(name: &str, args: Args) -> Outcome<Vec<(Py, Py)>> {
    if args.positional.len() > 1 {
        return Err(Fault::python(format!(
            "{name} expected at most 1 argument, got {}",
            args.positional.len()
        )));
    }
    let mut pairs = Vec::new();
    match args.positional.first() {
        None => {}
        Some(Py::Dict(source)) => {
            pairs.extend(
                source
                    .borrow()
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        Some(source) => {
            for (index, pair) in source.items()?.into_iter().enumerate() {
                let parts = pair.items().map_err(|fault| match pair {
                    Py::Undefined(_) => fault,
                    _ => Fault::python(format!(
                        "cannot convert dictionary update sequence element #{index} to a sequence"
                    )),
                })?;
                let [key, value] = parts.as_slice() else {
                    return Err(Fault::python(format!(
                        "dictionary update sequence element #{index} has length {}; 2 is required",
                        parts.len()
                    )));
                };
                pairs.push((key.clone(), value.clone()));
            }
        }
    }
    limits::copied_items(pairs.len())?;
    pairs.extend(
        args.named
            .into_iter()
            .map(|(name, value)| (Py::Str(name), value)),
    );
    Ok(pairs)
}

pub(super) fn set(set: &Rc<RefCell<Dict>>, name: &str, args: Args) -> Outcome<Py> {
    let own: Vec<Py> = set.borrow().keys().cloned().collect();
    let other = || -> Outcome<Vec<Py>> {
        let mut all = Vec::new();
        for source in &args.positional {
            all.extend(source.items()?);
        }
        Ok(all)
    };
    let first = || required(args.positional.first().cloned(), name, "element");
    Ok(match name {
        "add" => {
            set.borrow_mut().insert(first()?, Py::None)?;
            Py::None
        }
        "update" => {
            for item in other()? {
                set.borrow_mut().insert(item, Py::None)?;
            }
            Py::None
        }
        "discard" | "remove" => {
            let item = first()?;
            let found = set.borrow_mut().remove(&item)?.is_some();
            if !found && name == "remove" {
                return Err(Fault::python(compare::shown(&item)));
            }
            Py::None
        }
        "pop" => set
            .borrow_mut()
            .pop_last()
            .map(|(item, _)| item)
            .ok_or_else(|| Fault::python("'pop from an empty set'"))?,
        "clear" => {
            set.borrow_mut().clear();
            Py::None
        }
        "copy" => Py::set(own)?,
        "union" => Py::set(own.into_iter().chain(other()?))?,
        _ => return compare_sets(&own, &other()?, name),
    })
}

fn compare_sets(own: &[Py], other: &[Py], name: &str) -> Outcome<Py> {
    let (own_set, other_set) = (Dict::of(own)?, Dict::of(other)?);
    let part = |items: &[Py], within: &Dict, wanted: bool| -> Outcome<Vec<Py>> {
        let mut kept = Vec::new();
        for item in items {
            if within.get(item)?.is_some() == wanted {
                kept.push(item.clone());
            }
        }
        Ok(kept)
    };
    Ok(match name {
        "difference" => Py::set(part(own, &other_set, false)?)?,
        "intersection" => Py::set(part(own, &other_set, true)?)?,
        "symmetric_difference" => {
            let mut items = part(own, &other_set, false)?;
            items.extend(part(other, &own_set, false)?);
            Py::set(items)?
        }
        "isdisjoint" => Py::Bool(part(own, &other_set, true)?.is_empty()),
        "issubset" => Py::Bool(part(own, &other_set, false)?.is_empty()),
        _ => Py::Bool(part(other, &own_set, false)?.is_empty()),
    })
}
