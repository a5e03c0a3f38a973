//! Requisite lists that several states share after a `use`.
//!
//! Salt copies `watch_any` and its like by reference: whatever is later added to the list of one
//! state is in the lists of all. Here the lists stand aside while requisites are rewritten, and the
//! states hold their numbers.

use model::{Map, Value};

/// The requisites that `use` copies; the others it keeps back.
const SHARED: [&str; 6] = [
    "onchanges_any",
    "onfail_any",
    "onfail_all",
    "watch_any",
    "require_any",
    "listen",
];

/// Marks a number that stands for a list. Rendered text never holds an extension.
const MARK: i8 = 1;

/// The lists that stand aside.
#[derive(Debug, Default)]
pub(super) struct SharedLists(Vec<Vec<Value>>);

impl SharedLists {
    /// Takes the lists out of the high data.
    pub(super) fn take(high: &mut Map) -> Self {
        let mut lists = Self::default();
        lists.walk(high, |lists, value| {
            if let Value::List(list) = value {
                let number = lists.0.len().to_be_bytes().to_vec();
                lists.0.push(std::mem::take(list));
                *value = Value::Ext(MARK, number);
            }
        });
        lists
    }

    /// Puts the lists back wherever their numbers are.
    pub(super) fn put_back(mut self, high: &mut Map) {
        self.walk(high, |lists, value| {
            if let Some(index) = lists.index(value) {
                *value = Value::List(lists.0[index].clone());
            }
        });
    }

    /// Adds one requisite list to another. `false` if one of them is none.
    pub(super) fn join(&mut self, list: &mut Value, added: &Value) -> bool {
        let added = match (self.index(added), added) {
            (Some(index), _) => self.0[index].clone(),
            (None, Value::List(added)) => added.clone(),
            _ => return false,
        };
        match (self.index(list), list) {
            (Some(index), _) => self.0[index].extend(added),
            (None, Value::List(list)) => list.extend(added),
            _ => return false,
        }
        true
    }

    fn index(&self, value: &Value) -> Option<usize> {
        let Value::Ext(MARK, number) = value else {
            return None;
        };
        let index = usize::from_be_bytes(number.as_slice().try_into().ok()?);
        (index < self.0.len()).then_some(index)
    }

    fn walk(&mut self, high: &mut Map, mut step: impl FnMut(&mut Self, &mut Value)) {
        let bodies = high.iter_mut().filter_map(|(_, body)| body.as_map_mut());
        let runs = bodies.flat_map(|body| {
            body.iter_mut().filter_map(|(_, run)| match run {
                Value::List(run) => Some(run),
                _ => None,
            })
        });
        for argument in runs.flatten().filter_map(Value::as_map_mut) {
            // A list counts as shared only alone in its map: others are not copied.
            let is_single = argument.len() == 1;
            for (key, value) in argument.iter_mut() {
                if is_single && key.as_str().is_some_and(|key| SHARED.contains(&key)) {
                    step(self, value);
                }
            }
        }
    }
}
