//! Python's values as templates handle them: shared, mutable lists and dicts, text that may be
//! markup, undefined values that know their name.
//!
//! Values live for one render, on one thread. [`Items`] and [`Dict`] free deep nests without
//! recursion.

use std::cell::RefCell;
use std::rc::Rc;

use model::{Map, Value};

use super::dict::Dict;
use super::fault::{Fault, Outcome};
use super::limits;
use super::object::Object;

/// A Python value.
#[derive(Clone, Debug)]
pub(super) enum Py {
    /// Any use is an error that says why there is no value.
    Undefined(Rc<str>),
    /// The undefined value where the options allow it, and of an inline `if` without `else`: it is
    /// empty and false, and only calls, look-ups and arithmetic fail.
    Lenient(Rc<str>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<str>),
    /// Text that counts as safe markup: what `json`, `yaml` and `escape` give. Adding plain text to
    /// it escapes that text.
    Markup(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<RefCell<Items>>),
    Tuple(Rc<Items>),
    Dict(Rc<RefCell<Dict>>),
    Set(Rc<RefCell<Dict>>),
    Range(Range),
    /// A generator or view that was made into values already; the text is Python's type name.
    Iterator(Rc<RefCell<std::vec::IntoIter<Py>>>, &'static str),
    Object(Rc<Object>),
}

/// What `range()` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: i128,
    pub(super) stop: i128,
    pub(super) step: i128,
}

impl Range {
    pub(super) fn len(self) -> i128 {
        let span = if self.step > 0 {
            self.stop.saturating_sub(self.start)
        } else {
            self.start.saturating_sub(self.stop)
        };
        if span <= 0 {
            0
        } else {
            (span - 1) / self.step.saturating_abs() + 1
        }
    }

    pub(super) fn get(self, index: i128) -> Option<i128> {
        let index = if index < 0 { index + self.len() } else { index };
        ((0..self.len()).contains(&index)).then(|| self.start + index * self.step)
    }
}

/// The items of a list or tuple.
#[derive(Debug, Default)]
pub(super) struct Items(pub(super) Vec<Py>);

impl Drop for Items {
    fn drop(&mut self) {
        defer_drop(&mut self.0);
    }
}

thread_local! {
    static DOOMED: RefCell<Option<Vec<Py>>> = const { RefCell::new(None) };
}

/// Frees values one after the other instead of one inside the other: a list nested a million deep
/// must not end the stack.
pub(super) fn defer_drop(values: &mut Vec<Py>) {
    if !values.iter().any(Py::is_container) {
        return;
    }
    let values = std::mem::take(values);
    let waits = DOOMED.try_with(|doomed| match &mut *doomed.borrow_mut() {
        Some(queue) => {
            queue.extend(values.iter().cloned());
            true
        }
        empty => {
            *empty = Some(Vec::new());
            false
        }
    });
    let is_first = waits == Ok(false);
    drop(values);
    if !is_first {
        return;
    }
    loop {
        let next = DOOMED.with(|doomed| doomed.borrow_mut().as_mut().and_then(Vec::pop));
        match next {
            Some(value) => drop(value),
            None => break,
        }
    }
    DOOMED.with(|doomed| *doomed.borrow_mut() = None);
}

impl Py {
    pub(super) fn str(text: impl AsRef<str>) -> Self {
        Py::Str(Rc::from(text.as_ref()))
    }

    pub(super) fn list(items: Vec<Py>) -> Self {
        Py::List(Rc::new(RefCell::new(Items(items))))
    }

    pub(super) fn tuple(items: Vec<Py>) -> Self {
        Py::Tuple(Rc::new(Items(items)))
    }

    pub(super) fn dict(dict: Dict) -> Self {
        Py::Dict(Rc::new(RefCell::new(dict)))
    }

    pub(super) fn set(items: impl IntoIterator<Item = Py>) -> Outcome<Self> {
        let mut dict = Dict::default();
        for item in items {
            dict.insert(item, Py::None)?;
        }
        Ok(Py::Set(Rc::new(RefCell::new(dict))))
    }

    pub(super) fn iterator(items: Vec<Py>, kind: &'static str) -> Self {
        Py::Iterator(Rc::new(RefCell::new(items.into_iter())), kind)
    }

    pub(super) fn object(object: Object) -> Self {
        Py::Object(Rc::new(object))
    }

    fn is_container(&self) -> bool {
        matches!(
            self,
            Py::List(_)
                | Py::Tuple(_)
                | Py::Dict(_)
                | Py::Set(_)
                | Py::Iterator(..)
                | Py::Object(_)
        )
    }

    /// Gives the text of a `str` or markup.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Py::Str(text) | Py::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// Gives an integer, where Python takes one (`True` is 1).
    pub(super) fn as_int(&self) -> Option<i128> {
        match self {
            Py::Int(int) => Some(*int),
            Py::Bool(bool) => Some((*bool).into()),
            _ => None,
        }
    }

    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Py::Float(float) => Some(*float),
            other => other.as_int().map(|int| int as f64),
        }
    }

    pub(super) fn is_undefined(&self) -> bool {
        matches!(self, Py::Undefined(_) | Py::Lenient(_))
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Py::None)
    }

    /// Fails for an undefined value, as every use of it does.
    pub(super) fn defined(&self) -> Outcome<&Self> {
        match self {
            Py::Undefined(message) => Err(Fault::undefined(message.as_ref())),
            other => Ok(other),
        }
    }

    /// Fails for an undefined value of either kind: for what even the lenient one cannot do.
    pub(super) fn usable(&self) -> Outcome<&Self> {
        match self {
            Py::Undefined(message) | Py::Lenient(message) => {
                Err(Fault::undefined(message.as_ref()))
            }
            other => Ok(other),
        }
    }

    /// Names the type as `type(x).__name__` does.
    pub(super) fn type_name(&self) -> &str {
        match self {
            Py::Undefined(_) => "StrictUndefined",
            Py::Lenient(_) => "Undefined",
            Py::None => "NoneType",
            Py::Bool(_) => "bool",
            Py::Int(_) => "int",
            Py::Float(_) => "float",
            Py::Str(_) => "str",
            Py::Markup(_) => "Markup",
            Py::Bytes(_) => "bytes",
            Py::List(_) => "list",
            Py::Tuple(_) => "tuple",
            Py::Dict(_) => "dict",
            Py::Set(_) => "set",
            Py::Range(_) => "range",
            Py::Iterator(_, kind) => kind,
            Py::Object(object) => object.type_name(),
        }
    }

    /// Names a value as Jinja's messages about missing attributes do.
    pub(super) fn described(&self) -> String {
        match self {
            Py::None => "None".to_owned(),
            Py::Markup(_) => "markupsafe.Markup object".to_owned(),
            Py::Object(object) => format!("{} object", object.full_type_name()),
            other => format!("{} object", other.type_name()),
        }
    }

    /// Says what `bool(x)` says; an undefined value fails.
    pub(super) fn is_true(&self) -> Outcome<bool> {
        Ok(match self.defined()? {
            Py::None | Py::Lenient(_) => false,
            Py::Bool(bool) => *bool,
            Py::Int(int) => *int != 0,
            Py::Float(float) => *float != 0.0,
            Py::Str(text) | Py::Markup(text) => !text.is_empty(),
            Py::Bytes(bytes) => !bytes.is_empty(),
            Py::List(items) => !items.borrow().0.is_empty(),
            Py::Tuple(items) => !items.0.is_empty(),
            Py::Dict(dict) | Py::Set(dict) => !dict.borrow().is_empty(),
            Py::Range(range) => range.len() > 0,
            Py::Undefined(_) | Py::Iterator(..) | Py::Object(_) => true,
        })
    }

    /// Gives the length as `len(x)` does.
    pub(super) fn len(&self) -> Outcome<usize> {
        Ok(match self.defined()? {
            Py::Str(text) | Py::Markup(text) => text.chars().count(),
            Py::Bytes(bytes) => bytes.len(),
            Py::List(items) => items.borrow().0.len(),
            Py::Tuple(items) => items.0.len(),
            Py::Dict(dict) | Py::Set(dict) => dict.borrow().len(),
            Py::Range(range) => usize::try_from(range.len()).unwrap_or(usize::MAX),
            Py::Lenient(_) => 0,
            Py::Iterator(items, kind) if kind.starts_with("dict_") => items.borrow().len(),
            Py::Object(object) => match object.len() {
                Some(len) => len,
                None => return Err(self.no_len()),
            },
            _ => return Err(self.no_len()),
        })
    }

    fn no_len(&self) -> Box<Fault> {
        Fault::python(format!(
            "object of type '{}' has no len()",
            self.type_name()
        ))
    }

    /// Lists what iterating over the value gives. A generator is used up by it.
    pub(super) fn items(&self) -> Outcome<Vec<Py>> {
        Ok(match self.defined()? {
            Py::Str(text) | Py::Markup(text) => {
                limits::items(text.len())?;
                text.chars()
                    .map(|c| Py::str(c.encode_utf8(&mut [0; 4])))
                    .collect()
            }
            Py::Bytes(bytes) => bytes.iter().map(|byte| Py::Int((*byte).into())).collect(),
            Py::Lenient(_) => Vec::new(),
            Py::List(items) => items.borrow().0.clone(),
            Py::Tuple(items) => items.0.clone(),
            Py::Dict(dict) | Py::Set(dict) => dict.borrow().keys().cloned().collect(),
            Py::Range(range) => {
                limits::items(usize::try_from(range.len()).unwrap_or(usize::MAX))?;
                (0..range.len())
                    .filter_map(|index| range.get(index))
                    .map(Py::Int)
                    .collect()
            }
            // Views can be walked again and again; generators only once.
            Py::Iterator(items, kind) if kind.starts_with("dict_") => {
                items.borrow().as_slice().to_vec()
            }
            Py::Iterator(items, _) => items.borrow_mut().by_ref().collect(),
            Py::Object(object) => match object.items() {
                Some(items) => items,
                None => return Err(self.not_iterable()),
            },
            _ => return Err(self.not_iterable()),
        })
    }

    fn not_iterable(&self) -> Box<Fault> {
        Fault::python(format!("'{}' object is not iterable", self.type_name()))
    }

    /// Takes data of the outside in.
    pub(super) fn from_value(value: &Value) -> Self {
        match value {
            Value::Nil => Py::None,
            Value::Bool(bool) => Py::Bool(*bool),
            Value::Int(int) => Py::Int(*int),
            Value::Float(float) => Py::Float(*float),
            Value::Str(text) => Py::str(text),
            Value::Bytes(bytes) | Value::Ext(_, bytes) => Py::Bytes(Rc::from(bytes.as_slice())),
            Value::List(list) => Py::list(list.iter().map(Py::from_value).collect()),
            Value::Map(map) => Py::from_map(map),
        }
    }

    /// As [`Py::from_value`], of a map.
    pub(super) fn from_map(map: &Map) -> Self {
        let mut dict = Dict::default();
        for (key, value) in map.iter() {
            dict.insert_hashable(Py::key_from_value(key), Py::from_value(value));
        }
        Py::dict(dict)
    }

    /// A list cannot be a key in Python; a tuple can.
    fn key_from_value(value: &Value) -> Self {
        match value {
            Value::List(list) => Py::tuple(list.iter().map(Py::key_from_value).collect()),
            Value::Map(_) => Py::str(value.repr()),
            other => Py::from_value(other),
        }
    }

    /// Hands the value out as data.
    pub(super) fn to_value(&self) -> Outcome<Value> {
        let mut room = limits::MAX_ITEMS;
        self.to_value_within(&mut room, 0)
    }

    fn to_value_within(&self, room: &mut usize, depth: usize) -> Outcome<Value> {
        limits::depth(depth)?;
        *room = room.checked_sub(1).ok_or_else(limits::too_many_items)?;
        Ok(match self.defined()? {
            Py::None => Value::Nil,
            Py::Bool(bool) => Value::Bool(*bool),
            Py::Int(int) => Value::Int(*int),
            Py::Float(float) => Value::Float(*float),
            Py::Str(text) | Py::Markup(text) => Value::str(text.as_ref()),
            Py::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Py::Dict(dict) => {
                let mut map = Map::new();
                for (key, value) in dict.borrow().iter() {
                    map.insert(
                        key.to_value_within(room, depth + 1)?,
                        value.to_value_within(room, depth + 1)?,
                    );
                }
                Value::Map(map)
            }
            Py::List(_) | Py::Tuple(_) | Py::Set(_) | Py::Range(_) | Py::Iterator(..) => {
                let mut list = Vec::new();
                for item in self.items()? {
                    list.push(item.to_value_within(room, depth + 1)?);
                }
                Value::List(list)
            }
            Py::Undefined(_) | Py::Lenient(_) | Py::Object(_) => {
                Value::Str(super::text::str(self)?)
            }
        })
    }
}

impl From<bool> for Py {
    fn from(bool: bool) -> Self {
        Py::Bool(bool)
    }
}
impl From<String> for Py {
    fn from(text: String) -> Self {
        Py::Str(Rc::from(text))
    }
}
impl From<&str> for Py {
    fn from(text: &str) -> Self {
        Py::Str(Rc::from(text))
    }
}
impl From<usize> for Py {
    fn from(int: usize) -> Self {
        Py::Int(int as i128)
    }
}
