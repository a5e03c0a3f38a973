//! Salt's filters on lists and dicts.

use std::rc::Rc;

use super::Filter;
use crate::renderers::jinja::compare::{self, equal};
use crate::renderers::jinja::dict::Dict;
use crate::renderers::jinja::fault::{Fault, FaultKind, Outcome};
use crate::renderers::jinja::interpreter::Interpreter;
use crate::renderers::jinja::object_call::{Args, flag, int_of, required, text_of};
use crate::renderers::jinja::scope::Site;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{attributes, limits, methods, operators};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "sequence" => |_, value, _, _| match &value {
            Py::List(_) | Py::Tuple(_) | Py::Set(_) | Py::Dict(_) => Ok(value),
            _ => Ok(Py::list(vec![value])),
        },
        "to_bool" => |_, value, _, _| to_bool(&value),
        "skip" => |_, _, _, _| Ok(Py::from("")),
        "unique" => |_, value, _, _| unique(&value),
        "avg" => |_, value, _, _| average(&value),
        "union" | "intersect" | "difference" | "symmetric_difference" => return theory(name),
        "method_call" => method_call,
        "flatten" => |_, value, args, _| {
            let [levels, nulls] = args.bind("flatten", ["levels", "preserve_nulls"])?;
            let levels = levels.filter(|levels| !levels.is_none());
            let levels = levels.as_ref().map(int_of).transpose()?;
            let mut flat = Vec::new();
            flatten(&value, levels, flag(nulls.as_ref(), false)?, 0, &mut flat)?;
            Ok(Py::list(flat))
        },
        "traverse" => |_, value, args, _| traverse(value, args),
        "compare_lists" => |_, value, args, _| compare_lists(&value, args),
        "compare_dicts" => |_, value, args, _| compare_dicts(&value, args),
        "exactly_n_true" => |_, value, args, _| {
            let [amount] = args.bind("exactly_n", ["amount"])?;
            exactly(&value, amount.as_ref().map_or(Ok(1), int_of)?)
        },
        "exactly_one_true" => |_, value, _, _| exactly(&value, 1),
        "is_list" => |_, value, _, _| Ok(Py::Bool(matches!(value, Py::List(_)))),
        "is_iter" => |_, value, _, _| Ok(Py::Bool(is_iterable(&value))),
        "sorted_ignorecase" => |_, value, _, _| {
            let mut pairs = Vec::new();
            for item in value.items()? {
                pairs.push((Py::from(text_of(&item)?.to_lowercase()), item));
            }
            compare::sort_by_key(&mut pairs, false)?;
            Ok(Py::list(pairs.into_iter().map(|(_, item)| item).collect()))
        },
        "substring_in_list" => |_, value, args, _| {
            let [list] = args.bind("substr_in_list", ["list_to_search"])?;
            for item in required(list, "substr_in_list", "list_to_search")?.items()? {
                if compare::contains(&item, &value)? {
                    return Ok(Py::Bool(true));
                }
            }
            Ok(Py::Bool(false))
        },
        "mysql_to_dict" => |_, value, args, _| mysql_to_dict(&value, args),
        "json_encode_dict" | "json_encode_list" | "json_decode_dict" | "json_decode_list" => {
            |_, value, _, _| encoded(&value, 0)
        }
        "set_dict_key_value" => |_, value, args, _| change(value, args, "set"),
        "append_dict_key_value" => |_, value, args, _| change(value, args, "append"),
        "extend_dict_key_value" => |_, value, args, _| change(value, args, "extend"),
        "update_dict_key_value" => |_, value, args, _| change(value, args, "update"),
        _ => return None,
    })
}

fn is_iterable(value: &Py) -> bool {
    !matches!(
        value,
        Py::Str(_)
            | Py::Markup(_)
            | Py::None
            | Py::Bool(_)
            | Py::Int(_)
            | Py::Float(_)
            | Py::Object(_)
    )
}

fn is_hashable(value: &Py) -> bool {
    !matches!(value, Py::List(_) | Py::Dict(_) | Py::Set(_))
}

fn to_bool(value: &Py) -> Outcome<Py> {
    Ok(Py::Bool(match value {
        Py::Bool(bool) => *bool,
        Py::Int(int) => *int > 0,
        Py::Str(text) | Py::Markup(text) => {
            matches!(text.to_lowercase().as_str(), "yes" | "1" | "true")
        }
        other if !is_hashable(other) => other.len()? > 0,
        _ => false,
    }))
}

fn without_doubles(items: Vec<Py>) -> Outcome<Py> {
    let mut kept: Vec<Py> = Vec::new();
    for item in items {
        if compare::position(&kept, &item)?.is_none() {
            kept.push(item);
        }
    }
    Ok(Py::list(kept))
}

fn unique(value: &Py) -> Outcome<Py> {
    let items = value.items()?;
    if is_hashable(value) {
        Py::set(items)
    } else {
        without_doubles(items)
    }
}

fn average(value: &Py) -> Outcome<Py> {
    if is_hashable(value) {
        return match value.as_str() {
            Some(text) => super::numbers::parse_float(text),
            None => value.as_float(),
        }
        .map(Py::Float)
        .ok_or_else(|| Fault::python("could not convert to float"));
    }
    let items = value.items()?;
    let mut sum = Py::Int(0);
    for item in &items {
        sum = operators::binary(crate::renderers::jinja::ast::BinaryOp::Add, &sum, item)?;
    }
    let count = Py::from(items.len());
    operators::binary(crate::renderers::jinja::ast::BinaryOp::Div, &sum, &count)
}

fn theory(name: &str) -> Option<Filter> {
    Some(match name {
        "union" => |_, value, args, _| {
            let (left, right, is_set) = two_lists(&value, args, "union")?;
            let all = left.into_iter().chain(right).collect();
            if is_set {
                Py::set(all)
            } else {
                without_doubles(all)
            }
        },
        "intersect" => |_, value, args, _| {
            let (left, right, is_set) = two_lists(&value, args, "intersect")?;
            let kept = part(&left, &right, true)?;
            if is_set {
                Py::set(kept)
            } else {
                without_doubles(kept)
            }
        },
        "difference" => |_, value, args, _| {
            let (left, right, is_set) = two_lists(&value, args, "difference")?;
            let kept = part(&left, &right, false)?;
            if is_set {
                Py::set(kept)
            } else {
                without_doubles(kept)
            }
        },
        _ => |_, value, args, _| {
            let (left, right, is_set) = two_lists(&value, args, "symmetric_difference")?;
            let mut kept = part(&left, &right, false)?;
            kept.extend(part(&right, &left, false)?);
            if is_set {
                Py::set(kept)
            } else {
                without_doubles(kept)
            }
        },
    })
}

fn two_lists(value: &Py, args: Args, name: &str) -> Outcome<(Vec<Py>, Vec<Py>, bool)> {
    let [other] = args.bind(name, ["lst2"])?;
    let other = required(other, name, "lst2")?;
    let is_set = is_hashable(value) && is_hashable(&other);
    if !is_set && matches!(name, "union" | "symmetric_difference") {
        // Salt adds the two first, which lists of different kinds refuse.
        operators::binary(crate::renderers::jinja::ast::BinaryOp::Add, value, &other)?;
    }
    Ok((value.items()?, other.items()?, is_set))
}

fn part(items: &[Py], within: &[Py], wanted: bool) -> Outcome<Vec<Py>> {
    let mut kept = Vec::new();
    for item in items {
        if compare::position(within, item)?.is_some() == wanted {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn method_call(
    interpreter: &mut Interpreter<'_>,
    value: Py,
    mut args: Args,
    _: &Site,
) -> Outcome<Py> {
    if args.positional.is_empty() {
        return Err(Fault::python(
            "method_call() missing 1 required positional argument: 'f_name'",
        ));
    }
    let name = args.positional.remove(0);
    let name = text_of(&name)?;
    match methods::find(&value, name) {
        Some(name) => methods::call(&value, &name, args),
        None => {
            if let Py::Object(_) = &value {
                let found = interpreter.attribute(&value, &Rc::from(name))?;
                if !found.is_undefined() {
                    return interpreter.call(&found, args);
                }
            }
            Ok(Py::None)
        }
    }
}

fn flatten(
    value: &Py,
    levels: Option<i128>,
    keeps_nulls: bool,
    depth: usize,
    out: &mut Vec<Py>,
) -> Outcome<()> {
    limits::depth(depth)?;
    for item in value.items()? {
        limits::spend(4)?;
        limits::items(out.len() + 1)?;
        let is_null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if is_null && !keeps_nulls {
            continue;
        }
        if !is_iterable(&item) {
            out.push(item);
            continue;
        }
        match levels {
            None => flatten(&item, None, keeps_nulls, depth + 1, out)?,
            Some(levels) if levels >= 1 => {
                // Salt forgets `preserve_nulls` on the way down; so do we where levels are given.
                flatten(&item, Some(levels - 1), keeps_nulls, depth + 1, out)?;
            }
            Some(_) => out.push(item),
        }
    }
    Ok(())
}

fn traverse(value: Py, args: Args) -> Outcome<Py> {
    let [key, default, delimiter] = args.bind("traverse", ["key", "default", "delimiter"])?;
    let key = required(key, "traverse_dict_and_list", "key")?;
    let default = default.unwrap_or(Py::None);
    let delimiter = delimiter.as_ref().map_or(Ok(":"), text_of)?;
    let path: Vec<Py> = match &key {
        Py::Str(text) | Py::Markup(text) => text.split(delimiter).map(Py::str).collect(),
        Py::Int(_) => vec![key.clone()],
        other => other.items()?,
    };
    let mut here = value;
    for step in path {
        match one_step(&here, &step)? {
            Some(next) => here = next,
            None => return Ok(default),
        }
    }
    Ok(here)
}

fn one_step(here: &Py, step: &Py) -> Outcome<Option<Py>> {
    let number = match step.as_str() {
        Some(text) => super::numbers::parse_int(text, 10).map(Py::Int),
        None => step.as_int().map(Py::Int),
    };
    match here {
        Py::List(items) => {
            let wanted = number.clone().unwrap_or_else(|| step.clone());
            for item in &items.borrow().0 {
                if let Py::Dict(dict) = item
                    && let Some(found) = dict.borrow().get(&wanted)?
                {
                    return Ok(Some(found.clone()));
                }
            }
            match number {
                Some(index) => {
                    let found = attributes::item(here, &index)?;
                    Ok((!found.is_undefined()).then_some(found))
                }
                None => Ok(None),
            }
        }
        Py::Dict(dict) => {
            let dict = dict.borrow();
            if let Some(found) = dict.get(step)? {
                return Ok(Some(found.clone()));
            }
            match step.as_str().map(crate::renderers::yaml::load_yaml) {
                Some(Ok(loaded)) => {
                    let loaded = Py::from_value(&loaded);
                    if matches!(loaded, Py::List(_) | Py::Dict(_)) {
                        return Ok(None);
                    }
                    Ok(dict.get(&loaded)?.cloned())
                }
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn compare_lists(value: &Py, args: Args) -> Outcome<Py> {
    let [new] = args.bind("compare_lists", ["new"])?;
    let (old, new) = (
        value.items()?,
        required(new, "compare_lists", "new")?.items()?,
    );
    let mut changes = Dict::default();
    let added = part(&new, &old, false)?;
    let removed = part(&old, &new, false)?;
    for (name, items) in [("new", added), ("old", removed)] {
        if !items.is_empty() {
            changes.insert(Py::from(name), Py::list(items))?;
        }
    }
    Ok(Py::dict(changes))
}

fn compare_dicts(value: &Py, args: Args) -> Outcome<Py> {
    let [new] = args.bind("compare_dicts", ["new"])?;
    let new = required(new, "compare_dicts", "new")?;
    let (Py::Dict(old), Py::Dict(new)) = (value, &new) else {
        return Err(Fault::python("compare_dicts() needs two dicts"));
    };
    let (old, new) = (old.borrow(), new.borrow());
    let mut changes = Dict::default();
    let mut note = |key: &Py, before: Py, after: Py, is_removal: bool| -> Outcome<()> {
        let mut change = Dict::default();
        let pairs = if is_removal {
            [("new", after), ("old", before)]
        } else {
            [("old", before), ("new", after)]
        };
        for (name, value) in pairs {
            change.insert(Py::from(name), value)?;
        }
        changes.insert(key.clone(), Py::dict(change))
    };
    for (key, after) in new.iter() {
        match old.get(key)? {
            None => note(key, Py::from(""), after.clone(), false)?,
            Some(before) if !equal(before, after)? => {
                note(key, before.clone(), after.clone(), false)?;
            }
            Some(_) => {}
        }
    }
    for (key, before) in old.iter() {
        if new.get(key)?.is_none() {
            note(key, before.clone(), Py::from(""), true)?;
        }
    }
    Ok(Py::dict(changes))
}

fn exactly(value: &Py, amount: i128) -> Outcome<Py> {
    let mut count = 0;
    for item in value.items()? {
        count += i128::from(item.is_true()?);
    }
    Ok(Py::Bool(count == amount))
}

fn mysql_to_dict(value: &Py, args: Args) -> Outcome<Py> {
    let [key] = args.bind("mysql_to_dict", ["key"])?;
    let key = required(key, "mysql_to_dict", "key")?;
    let mut headers: Vec<String> = Vec::new();
    let mut table = Dict::default();
    for line in value.items()? {
        let line = text_of(&line)?;
        if line.is_empty() || line.starts_with('+') {
            continue;
        }
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        if headers.len() <= 1 {
            headers = cells;
            continue;
        }
        let mut row = Dict::default();
        let last = headers.len() - 1;
        for (index, header) in headers.iter().enumerate().take(last).skip(1) {
            let cell = cells
                .get(index)
                .ok_or_else(|| Fault::python("list index out of range"))?;
            row.insert(Py::str(header), super::salt_text::to_num(cell))?;
        }
        let name = row.get(&key)?.cloned();
        let name = name.ok_or_else(|| Fault::python(compare::shown(&key)))?;
        table.insert(name, Py::dict(row))?;
    }
    Ok(Py::dict(table))
}

/// Texts become bytes, all the way down.
fn encoded(value: &Py, depth: usize) -> Outcome<Py> {
    limits::depth(depth)?;
    limits::spend(2)?;
    Ok(match value.defined()? {
        Py::Str(text) | Py::Markup(text) => Py::Bytes(Rc::from(text.as_bytes())),
        Py::List(_) | Py::Tuple(_) => {
            let items: Outcome<Vec<Py>> = value
                .items()?
                .iter()
                .map(|item| encoded(item, depth + 1))
                .collect();
            Py::list(items?)
        }
        Py::Dict(dict) => {
            let mut made = Dict::default();
            for (key, value) in dict.borrow().iter() {
                made.insert(encoded(key, depth + 1)?, encoded(value, depth + 1)?)?;
            }
            Py::dict(made)
        }
        other => other.clone(),
    })
}

/// Changes a value deep in a dict, making the dicts on the way.
fn change(value: Py, args: Args, verb: &str) -> Outcome<Py> {
    let [keys, new, delimiter, _ordered] =
        args.bind(verb, ["keys", "value", "delimiter", "ordered_dict"])?;
    let keys = required(keys, verb, "keys")?;
    let new = required(new, verb, "value")?;
    let delimiter = delimiter.as_ref().map_or(Ok(":"), text_of)?;
    let mut path: Vec<&str> = text_of(&keys)?.split(delimiter).collect();
    let last = Py::str(path.pop().unwrap_or_default());
    let Py::Dict(root) = &value else {
        return Err(Fault::python("the value before the filter must be a dict"));
    };
    let mut here = root.clone();
    for step in path {
        let next = here.borrow().get_str(step).cloned();
        here = match next {
            Some(Py::Dict(dict)) => dict,
            _ => {
                let made = Py::dict(Dict::default());
                here.borrow_mut().insert(Py::str(step), made.clone())?;
                match made {
                    Py::Dict(dict) => dict,
                    _ => here.clone(),
                }
            }
        };
    }
    if verb == "set" {
        here.borrow_mut().insert(last, new)?;
        return Ok(value);
    }
    let present = here
        .borrow()
        .get(&last)?
        .cloned()
        .filter(|present| !present.is_none());
    let target = match present {
        Some(present) => present,
        None => {
            let made = if verb == "update" {
                Py::dict(Dict::default())
            } else {
                Py::list(Vec::new())
            };
            here.borrow_mut().insert(last, made.clone())?;
            made
        }
    };
    let refuse = |reason: String| Fault::new(FaultKind::Function, reason);
    if methods::find(&target, verb).is_none() {
        return Err(refuse(format!(
            "The last key contains a <class '{}'>, which cannot {verb}.",
            target.type_name()
        )));
    }
    methods::call(&target, verb, Args::one(new.clone())).map_err(|_| {
        refuse(format!(
            "Cannot {verb} <class '{}'> with a <class '{}'>.",
            target.type_name(),
            new.type_name()
        ))
    })?;
    Ok(value)
}
