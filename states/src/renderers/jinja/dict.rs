//! Python's dict: ordered, with keys that compare as Python compares (`1`, `1.0` and `True` are one
//! key).

use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};

use super::compare;
use super::fault::{Fault, Outcome};
use super::limits;
use super::value::{Py, defer_drop};

/// Also used for sets, with `None` as every value.
#[derive(Debug, Default)]
pub(super) struct Dict {
    pairs: IndexMap<Key, Py>,
    /// Made by `odict()`: YAML keeps its order instead of sorting.
    pub(super) is_ordered: bool,
}

#[derive(Debug, Clone)]
struct Key(Py);

struct TextKey<'a>(&'a str);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        compare::equal_keys(&self.0, &other.0)
    }
}
impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_text(self.0, state);
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_str() == Some(self.0)
    }
}

fn hash_text<H: Hasher>(text: &str, state: &mut H) {
    state.write_u8(1);
    text.hash(state);
}

fn hash<H: Hasher>(value: &Py, state: &mut H) {
    match value {
        Py::Str(text) | Py::Markup(text) => hash_text(text, state),
        Py::Bool(bool) => i128::from(*bool).hash(state),
        Py::Int(int) => int.hash(state),
        Py::Float(float) if float.fract() == 0.0 && float.abs() < 1e30 => {
            (*float as i128).hash(state);
        }
        Py::Float(float) => float.to_bits().hash(state),
        Py::Bytes(bytes) => bytes.hash(state),
        Py::Tuple(items) => {
            for item in &items.0 {
                hash(item, state);
            }
        }
        _ => state.write_u8(0),
    }
}

/// Refuses what Python cannot hash.
fn check_hashable(value: &Py, depth: usize) -> Outcome<()> {
    limits::depth(depth)?;
    match value.defined()? {
        Py::List(_) | Py::Dict(_) | Py::Set(_) => Err(Fault::python(format!(
            "unhashable type: '{}'",
            value.type_name()
        ))),
        Py::Tuple(items) => items
            .0
            .iter()
            .try_for_each(|item| check_hashable(item, depth + 1)),
        _ => Ok(()),
    }
}

impl Dict {
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Looks up any key; an unhashable one is an error.
    pub(super) fn get(&self, key: &Py) -> Outcome<Option<&Py>> {
        check_hashable(key, 0)?;
        Ok(match key.as_str() {
            Some(text) => self.get_str(text),
            None => self.pairs.get(&Key(key.clone())),
        })
    }

    pub(super) fn get_str(&self, key: &str) -> Option<&Py> {
        self.pairs.get(&TextKey(key))
    }

    pub(super) fn insert(&mut self, key: Py, value: Py) -> Outcome<()> {
        check_hashable(&key, 0)?;
        limits::items(self.pairs.len() + 1)?;
        self.insert_hashable(key, value);
        Ok(())
    }

    /// Puts a pair whose key is known to be hashable.
    pub(super) fn insert_hashable(&mut self, key: Py, value: Py) {
        self.pairs.insert(Key(key), value);
    }

    pub(super) fn remove(&mut self, key: &Py) -> Outcome<Option<Py>> {
        check_hashable(key, 0)?;
        Ok(self.pairs.shift_remove(&Key(key.clone())))
    }

    pub(super) fn pop_last(&mut self) -> Option<(Py, Py)> {
        self.pairs.pop().map(|(key, value)| (key.0, value))
    }

    pub(super) fn clear(&mut self) {
        self.take_all();
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Py, &Py)> + ExactSizeIterator {
        self.pairs.iter().map(|(key, value)| (&key.0, value))
    }

    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &Py> + ExactSizeIterator {
        self.pairs.keys().map(|key| &key.0)
    }

    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &Py> + ExactSizeIterator {
        self.pairs.values()
    }

    /// Copies the pairs; the values themselves are shared.
    pub(super) fn copy(&self) -> Self {
        Self {
            pairs: self.pairs.clone(),
            is_ordered: self.is_ordered,
        }
    }

    fn take_all(&mut self) {
        let mut values: Vec<Py> = Vec::with_capacity(self.pairs.len());
        for (key, value) in std::mem::take(&mut self.pairs) {
            if matches!(key.0, Py::Tuple(_) | Py::Object(_)) {
                values.push(key.0);
            }
            values.push(value);
        }
        defer_drop(&mut values);
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        if !self.pairs.is_empty() {
            self.take_all();
        }
    }
}

impl Dict {
    /// Makes the set of some items.
    pub(super) fn of(items: &[Py]) -> Outcome<Self> {
        let mut dict = Self::default();
        for item in items {
            dict.insert(item.clone(), Py::None)?;
        }
        Ok(dict)
    }
}
