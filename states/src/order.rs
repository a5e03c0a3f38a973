//! Chunks in the order in which Salt would run them.
//!
//! Without a word they run as written: the compiler counts from [`AUTO_ORDER_FIRST`]. `order: 1`
//! comes before all of them, `first` before that, `last` and negative numbers behind everything.

use model::Value;

use crate::high_data::Unordered;
use crate::low_chunk::{LowChunk, NAME_ORDERS_PER_ORDER};

/// The order of the first state that names none.
pub const AUTO_ORDER_FIRST: i64 = 10_000;

/// How far behind the largest number a chunk without one is put.
const BEHIND_LARGEST: i64 = 100;

/// Where `last` is, behind all that have a number; `-1` is just before it.
const LAST: i64 = 1_000_000;

/// A place in parts of `1 / NAME_ORDERS_PER_ORDER`: exact where Salt has a float.
type Parts = i128;

const PARTS: Parts = NAME_ORDERS_PER_ORDER as Parts;

/// Gives every chunk its order and sorts them.
pub(crate) fn order_chunks(chunks: Vec<Unordered>) -> Vec<LowChunk> {
    let cap = Parts::from(cap(&chunks));
    let mut placed: Vec<(Parts, String, LowChunk)> = chunks
        .into_iter()
        .map(|unordered| {
            let parts = place(&unordered, cap);
            let mut chunk = unordered.chunk;
            chunk.order = i64::try_from(parts.div_euclid(PARTS)).unwrap_or(i64::MAX);
            chunk.name_order = u32::try_from(parts.rem_euclid(PARTS)).unwrap_or_default();
            let tie = format!("{}{}{}", chunk.state, chunk.name, chunk.fun);
            (parts, tie, chunk)
        })
        .collect();
    placed.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    placed.into_iter().map(|(_, _, chunk)| chunk).collect()
}

/// Gives the order of a chunk that has none; depends on the order of the chunks as in Salt.
fn cap(chunks: &[Unordered]) -> i64 {
    let numbers = chunks
        .iter()
        .filter_map(|unordered| match &unordered.order {
            Some(Value::Bool(true)) => Some(1),
            Some(value) => value.as_i64(),
            None => None,
        });
    numbers.fold(1, |cap, order| {
        if order > cap - 1 && order > 0 {
            order.saturating_add(BEHIND_LARGEST)
        } else {
            cap
        }
    })
}

fn place(unordered: &Unordered, cap: Parts) -> Parts {
    let last = cap + Parts::from(LAST);
    let own = match &unordered.order {
        None => return cap * PARTS,
        Some(Value::Int(int)) => int.saturating_mul(PARTS),
        Some(Value::Bool(bool)) => Parts::from(*bool) * PARTS,
        Some(Value::Float(float)) => (float * PARTS as f64).round() as Parts,
        Some(Value::Str(text)) if text == "last" => last * PARTS,
        Some(Value::Str(text)) if text == "first" => 0,
        Some(_) => cap * PARTS,
    };
    let own = own.saturating_add(Parts::from(unordered.name_order));
    if own < 0 {
        own.saturating_add(last * PARTS)
    } else {
        own
    }
}
