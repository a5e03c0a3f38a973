//! What YAML, msgpack and JSON have in common, as Python programs see it.
//!
//! Maps keep their order and take any scalar as a key; bytes stay apart from text. Equality follows
//! Python where minions depend on it only in keys: `1` and `"1"` are different keys.

mod map;
mod path;
mod serde_impl;

pub use map::Map;

/// One piece of data of a Salt program.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Python's `None`.
    #[default]
    Nil,
    /// `True` or `False`.
    Bool(bool),
    /// An integer. The wire carries at most `i64::MIN..=u64::MAX`; larger ones travel as decimal
    /// text.
    Int(i128),
    /// A 64-bit float.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes that are not UTF-8 text.
    Bytes(Vec<u8>),
    /// A list (tuples and sets arrive as lists too).
    List(Vec<Value>),
    /// An ordered map.
    Map(Map),
    /// A msgpack extension that nobody here interprets: its code and its bytes.
    Ext(i8, Vec<u8>),
}

impl Value {
    /// Makes text.
    pub fn str(text: impl Into<String>) -> Self {
        Value::Str(text.into())
    }

    /// Gives the text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Gives the raw bytes of text or bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Str(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Gives the integer, if this is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(int) => i64::try_from(*int).ok(),
            _ => None,
        }
    }

    /// Gives the integer, if this is one that is not negative and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Int(int) => u64::try_from(*int).ok(),
            _ => None,
        }
    }

    /// Gives an integer or a float as a float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// Gives the boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// Gives the list, if this is one.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Gives the map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Gives the map for changing, if this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Looks up a text key in a map; `None` for anything else.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Says whether this is `None`.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// Says what Python's `bool(x)` would say.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(bool) => *bool,
            Value::Int(int) => *int != 0,
            Value::Float(float) => *float != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Ext(..) => true,
        }
    }

    /// Writes the value as Python's `str()` does at the top: text as it is, the rest as `repr()`.
    pub fn to_text(&self) -> String {
        match self {
            Value::Str(text) => text.clone(),
            other => other.repr(),
        }
    }
}

/// Writes a float as Python's `repr()` does: shortest form, `1e+16`, `inf`, `nan`.
pub fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if float != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let mut text = float.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

impl Value {
    /// Writes the value as Python's `repr()` does.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        self.write_repr(&mut out);
        out
    }

    fn write_repr(&self, out: &mut String) {
        match self {
            Value::Nil => out.push_str("None"),
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Int(int) => out.push_str(&int.to_string()),
            Value::Float(float) => out.push_str(&float_repr(*float)),
            Value::Str(text) => write_quoted(text, out),
            Value::Bytes(bytes) | Value::Ext(_, bytes) => write_bytes(bytes, out),
            Value::List(list) => {
                out.push('[');
                for (index, item) in list.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write_repr(out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    key.write_repr(out);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(character),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push(quote);
}

/// Says whether Python's `isprintable` holds. Rust escapes the same classes of characters in its
/// own debug form, apart from combining marks at a text's head.
pub fn is_printable(character: char) -> bool {
    let mut sample = String::from("a");
    sample.push(character);
    !format!("{sample:?}").contains('\\')
}

fn write_bytes(bytes: &[u8], out: &mut String) {
    out.push_str("b'");
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\'' => out.push_str("\\'"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            32..=126 => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push('\'');
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            // By bits, so that a value equals itself (NaN) and can be a key.
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            (Value::Ext(code, a), Value::Ext(other, b)) => code == other && a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

macro_rules! from_number {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Value {
            fn from(int: $kind) -> Self {
                Value::Int(int as i128)
            }
        }
    )*};
}
from_number!(i8, i16, i32, i64, i128, u8, u16, u32, u64, usize, isize);

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Value::Bool(bool)
    }
}
impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Value::Float(float)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Str(text)
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Str(text.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Value::Bytes(bytes)
    }
}
impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Value::Map(map)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Value::Nil, Into::into)
    }
}
impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Value::List(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
