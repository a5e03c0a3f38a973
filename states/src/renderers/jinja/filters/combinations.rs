//! Python's `itertools` as filters.

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::limits;
use crate::renderers::jinja::object_call::{Args, int_of, required, size_of};
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "combinations" => |_, value, args, _| chosen(&value, args, "combinations"),
        "combinations_with_replacement" => {
            |_, value, args, _| chosen(&value, args, "combinations_with_replacement")
        }
        "permutations" => |_, value, args, _| chosen(&value, args, "permutations"),
        "product" => |_, value, args, _| product(&value, args),
        "zip" => |_, value, args, _| zip(&value, args, None),
        "zip_longest" => |_, value, mut args, _| {
            let fill = args.take_named("fillvalue").unwrap_or(Py::None);
            zip(&value, args, Some(fill))
        },
        "compress" => |_, value, args, _| {
            let [selectors] = args.bind("compress", ["selectors"])?;
            let selectors = required(selectors, "compress", "selectors")?.items()?;
            let mut kept = Vec::new();
            for (item, selector) in value.items()?.into_iter().zip(selectors) {
                if selector.is_true()? {
                    kept.push(item);
                }
            }
            Ok(Py::iterator(kept, "itertools.compress"))
        },
        _ => return None,
    })
}

fn tuples(tuples: Vec<Vec<Py>>, kind: &'static str) -> Py {
    Py::iterator(tuples.into_iter().map(Py::tuple).collect(), kind)
}

/// Walks over index lists of a length, in Python's order.
fn chosen(value: &Py, args: Args, name: &'static str) -> Outcome<Py> {
    let [length] = args.bind(name, ["r"])?;
    let items = value.items()?;
    let length = match length {
        Some(length) if !length.is_none() => {
            if int_of(&length)? < 0 {
                return Err(Fault::python("r must be non-negative"));
            }
            size_of(Some(&length), 0)?
        }
        _ if name == "permutations" => items.len(),
        _ => {
            return Err(Fault::python(format!(
                "{name}() missing required argument 'r' (pos 2)"
            )));
        }
    };
    limits::depth(length)?;
    let mut found = Vec::new();
    let mut indices = Vec::with_capacity(length);
    choose(&items, length, name, &mut indices, &mut found)?;
    Ok(tuples(found, name))
}

fn choose(
    items: &[Py],
    length: usize,
    name: &str,
    indices: &mut Vec<usize>,
    found: &mut Vec<Vec<Py>>,
) -> Outcome<()> {
    if indices.len() == length {
        limits::copied_items(length + 1)?;
        limits::items((found.len() + 1).saturating_mul(length.max(1)))?;
        found.push(indices.iter().map(|index| items[*index].clone()).collect());
        return Ok(());
    }
    for index in 0..items.len() {
        limits::spend(1)?;
        let fits = match name {
            "combinations" => indices.last().is_none_or(|last| index > *last),
            "permutations" => !indices.contains(&index),
            _ => indices.last().is_none_or(|last| index >= *last),
        };
        if fits {
            indices.push(index);
            choose(items, length, name, indices, found)?;
            indices.pop();
        }
    }
    Ok(())
}

fn product(value: &Py, mut args: Args) -> Outcome<Py> {
    let repeat = size_of(args.take_named("repeat").as_ref(), 1)?;
    let mut lists = vec![value.items()?];
    for list in args.only_positional("product")? {
        lists.push(list.items()?);
    }
    limits::depth(lists.len().saturating_mul(repeat))?;
    let pools: Vec<&Vec<Py>> = (0..repeat).flat_map(|_| lists.iter()).collect();
    let mut rows: Vec<Vec<Py>> = vec![Vec::new()];
    for pool in pools {
        let mut longer = Vec::new();
        for row in &rows {
            for item in pool {
                limits::copied_items(row.len() + 1)?;
                limits::items((longer.len() + 1usize).saturating_mul(row.len() + 1))?;
                let mut row = row.clone();
                row.push(item.clone());
                longer.push(row);
            }
        }
        rows = longer;
    }
    Ok(tuples(rows, "itertools.product"))
}

fn zip(value: &Py, args: Args, fill: Option<Py>) -> Outcome<Py> {
    let mut lists = vec![value.items()?];
    for list in args.only_positional("zip")? {
        lists.push(list.items()?);
    }
    let lengths = lists.iter().map(Vec::len);
    let count = if fill.is_some() {
        lengths.max()
    } else {
        lengths.min()
    }
    .unwrap_or(0);
    limits::copied_items(count.saturating_mul(lists.len()))?;
    let fill = fill.unwrap_or(Py::None);
    let rows = (0..count)
        .map(|row| {
            lists
                .iter()
                .map(|list| list.get(row).unwrap_or(&fill).clone())
                .collect()
        })
        .collect();
    Ok(tuples(rows, "zip"))
}
