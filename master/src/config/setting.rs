//! What a value may be: one reader for each type of option.
//!
//! Strict where Python's master is lax, because its warnings are read too late: text is no list,
//! `"no"` is no boolean. Numbers may be written as text, as Salt allows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Map, Value};

/// Environments and their directories, in the order of the search.
pub type Roots = BTreeMap<String, Vec<String>>;

/// One option: its name, what it expects, its default and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub expected: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// A type that an option can have.
pub(super) trait Setting: Sized {
    /// Says what a value may be, after "expected".
    const EXPECTED: &'static str;

    /// Reads a value; `None` if it is something else.
    fn read(value: &Value) -> Option<Self>;

    /// Gives the value back, for showing.
    fn show(&self) -> Value;

    /// Puts a path below `root_dir`; other types stay as they are.
    fn put_under(&mut self, _root_dir: &Path) {}
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn show(&self) -> Value {
        Value::Bool(*self)
    }
}

/// Reads a whole number, also one written as text.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Str(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    }
}

impl Setting for u64 {
    const EXPECTED: &'static str = "a whole number, 0 or more";

    fn read(value: &Value) -> Option<Self> {
        match value {
            // `loop_interval: 0.5` and the like: Salt takes floats for some intervals.
            Value::Float(float) if *float >= 0.0 && *float < 1e15 => Some(float.ceil() as u64),
            other => whole(other),
        }
    }

    fn show(&self) -> Value {
        Value::Int(i128::from(*self))
    }
}

impl Setting for u16 {
    const EXPECTED: &'static str = "a port number, 0 to 65535";

    fn read(value: &Value) -> Option<Self> {
        whole(value).and_then(|number| u16::try_from(number).ok())
    }

    fn show(&self) -> Value {
        Value::Int(i128::from(*self))
    }
}

impl Setting for u8 {
    const EXPECTED: &'static str = "a whole number, 0 to 255";

    fn read(value: &Value) -> Option<Self> {
        whole(value).and_then(|number| u8::try_from(number).ok())
    }

    fn show(&self) -> Value {
        Value::Int(i128::from(*self))
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "text";

    fn read(value: &Value) -> Option<Self> {
        match value {
            // A secret kept elsewhere would be taken for its address.
            Value::Str(text) if text.starts_with("sdb://") => None,
            Value::Str(text) => Some(text.clone()),
            // `id: 12345`: Salt makes text of it.
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn show(&self) -> Value {
        Value::str(self.as_str())
    }
}

impl Setting for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(value: &Value) -> Option<Self> {
        let text = value.as_str()?;
        let is_path = !text.is_empty() && !text.contains('\0') && !text.starts_with("sdb://");
        is_path.then(|| Self::from(text))
    }

    fn show(&self) -> Value {
        Value::str(self.to_string_lossy())
    }

    fn put_under(&mut self, root_dir: &Path) {
        // `log_file: file:///dev/log` is an address, not a path.
        if !self.to_string_lossy().contains("://") {
            let below = self.strip_prefix(root_dir).unwrap_or(self);
            let below = below.strip_prefix("/").unwrap_or(below);
            *self = root_dir.join(below);
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Value) -> Option<Self> {
        T::read(value).map(Some)
    }

    fn show(&self) -> Value {
        self.as_ref().map(T::show).unwrap_or_default()
    }

    fn put_under(&mut self, root_dir: &Path) {
        if let Some(inner) = self {
            inner.put_under(root_dir);
        }
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Str(text) => Some(vec![text.clone()]),
            Value::List(list) => list.iter().map(String::read).collect(),
            _ => None,
        }
    }

    fn show(&self) -> Value {
        Value::List(self.iter().map(String::show).collect())
    }
}

impl Setting for Vec<Value> {
    const EXPECTED: &'static str = "a list";

    fn read(value: &Value) -> Option<Self> {
        value.as_list().map(<[Value]>::to_vec)
    }

    fn show(&self) -> Value {
        Value::List(self.clone())
    }
}

impl Setting for Map {
    const EXPECTED: &'static str = "a map (name: value)";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Map(map) => Some(map.clone()),
            // A list of one-entry maps, as Salt takes it for nodegroups.
            Value::List(list) => {
                let mut all = Map::default();
                for item in list {
                    all.extend(item.as_map()?.clone());
                }
                Some(all)
            }
            _ => None,
        }
    }

    fn show(&self) -> Value {
        Value::Map(self.clone())
    }
}

impl Setting for Roots {
    const EXPECTED: &'static str = "environments with lists of directories (base: [/srv/salt])";

    fn read(value: &Value) -> Option<Self> {
        let directories = |value: &Value| match value {
            Value::Nil => Some(Vec::new()),
            other => Vec::read(other),
        };
        let environments = value.as_map()?.iter();
        environments
            .map(|(name, value)| Some((name.to_text(), directories(value)?)))
            .collect()
    }

    fn show(&self) -> Value {
        let environments = self
            .iter()
            .map(|(name, list)| (Value::str(name.as_str()), list.show()));
        Value::Map(environments.collect())
    }
}

impl Setting for Value {
    const EXPECTED: &'static str = "any value";

    fn read(value: &Value) -> Option<Self> {
        Some(value.clone())
    }

    fn show(&self) -> Value {
        self.clone()
    }
}

/// Says what a value is, in YAML's words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Str(_) => "text",
        Value::Bytes(_) | Value::Ext(..) => "bytes",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

/// How much of a bad value a message shows.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// Shows a value and what it is: `text 'ten'`.
pub(super) fn describe(value: &Value) -> String {
    if value.is_nil() {
        return "nothing".to_owned();
    }
    let text: String = value.repr().chars().take(SHOWN_CHARACTERS_MAX).collect();
    format!("{} {text}", kind_of(value))
}
