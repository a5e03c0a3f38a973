//! Reads one YAML document as Salt's loader does, for arguments; resolves plain scalars for the
//! yaml outputter.
//!
//! The events come from libyaml, as in Salt; the types follow YAML 1.1 with Salt's two changes:
//! `0644` is the decimal number 644, and a time stamp stays text. A duplicate key, an unknown tag
//! or a merge key is an error.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use model::{Map, Value};

/// Deeper than any argument a person types; far from the end of the stack.
const DEPTH_MAX: usize = 100;
/// Values that aliases may expand to: enough for any argument, and an end for `&a [*b,*b]` towers.
const VALUES_MAX: usize = 100_000;

/// The text is no YAML that Salt's loader would take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Loads the only document of a text; no document is `None`.
pub(crate) fn load(text: &str) -> Result<Value, Unreadable> {
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input(&mut input);
    let mut loader = Loader {
        parser,
        anchors: HashMap::new(),
        values: 0,
    };
    let mut document = None;
    loop {
        match loader.next()?.data {
            EventData::StreamEnd => return Ok(document.unwrap_or_default()),
            EventData::DocumentStart { .. } if document.is_some() => return Err(Unreadable),
            EventData::DocumentStart { .. } => {
                let event = loader.next()?;
                document = Some(loader.value(event, 0)?);
            }
            _ => {}
        }
    }
}

struct Loader<'r, 'b> {
    parser: Parser<&'r mut &'b [u8]>,
    anchors: HashMap<String, Value>,
    values: usize,
}

impl Loader<'_, '_> {
    fn next(&mut self) -> Result<Event, Unreadable> {
        self.parser.parse().map_err(|_| Unreadable)
    }

    fn value(&mut self, event: Event, depth: usize) -> Result<Value, Unreadable> {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return Err(Unreadable);
        }
        let (anchor, value) = match event.data {
            EventData::Alias { anchor } => {
                let value = self.anchors.get(&anchor).cloned().ok_or(Unreadable)?;
                self.values = self.values.saturating_add(size(&value));
                return Ok(value);
            }
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                style,
                ..
            } => {
                let is_plain = plain_implicit && style == ScalarStyle::Plain;
                (anchor, scalar(&value, tag.as_deref(), is_plain)?)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                expect_tag(tag.as_deref(), "seq")?;
                (anchor, self.list(depth)?)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                expect_tag(tag.as_deref(), "map")?;
                (anchor, self.map(depth)?)
            }
            _ => return Err(Unreadable),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Unreadable> {
        let mut list = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                return Ok(Value::List(list));
            }
            list.push(self.value(event, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Unreadable> {
        let mut map = Map::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                return Ok(Value::Map(map));
            }
            let key = self.key(event, depth)?;
            let event = self.next()?;
            let value = self.value(event, depth + 1)?;
            if map.insert(key, value).is_some() {
                return Err(Unreadable);
            }
        }
    }

    /// A key cannot be a list or a map, and `<<` as one would merge.
    fn key(&mut self, event: Event, depth: usize) -> Result<Value, Unreadable> {
        if let EventData::Scalar { value, style, .. } = &event.data
            && *style == ScalarStyle::Plain
            && value == "<<"
        {
            return Err(Unreadable);
        }
        match self.value(event, depth + 1)? {
            Value::List(_) | Value::Map(_) => Err(Unreadable),
            key => Ok(key),
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(size).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn expect_tag(tag: Option<&str>, wanted: &str) -> Result<(), Unreadable> {
    match tag {
        None | Some("!") => Ok(()),
        Some(tag) if tag.strip_prefix("tag:yaml.org,2002:") == Some(wanted) => Ok(()),
        Some(_) => Err(Unreadable),
    }
}

fn scalar(text: &str, tag: Option<&str>, is_plain: bool) -> Result<Value, Unreadable> {
    let kind = match tag {
        None if is_plain => kind_of(text),
        None | Some("!") => Kind::Text,
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Kind::Text,
            Some("int") => Kind::Int,
            Some("float") => Kind::Float,
            Some("bool") => Kind::Bool,
            Some("null") => Kind::Nil,
            _ => return Err(Unreadable),
        },
    };
    match kind {
        Kind::Text => Ok(Value::str(text)),
        Kind::Nil => Ok(Value::Nil),
        Kind::Bool => bool_of(text).map(Value::Bool).ok_or(Unreadable),
        Kind::Int => int_of(text).map(Value::Int).ok_or(Unreadable),
        Kind::Float => float_of(text).map(Value::Float).ok_or(Unreadable),
        Kind::Special => Err(Unreadable),
    }
}

/// What a plain scalar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, time stamps included.
    Text,
    /// `~`, `null`, nothing.
    Nil,
    /// `yes`, `off`, ...
    Bool,
    /// A number without a point.
    Int,
    /// A number with a point.
    Float,
    /// `<<` and `=`, which Salt's loader refuses as values.
    Special,
}

/// Says what a plain scalar means by YAML 1.1, as PyYAML writes its rules.
pub(crate) fn kind_of(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Nil,
        "<<" | "=" => Kind::Special,
        _ if bool_of(text).is_some() && is_one_case(text) => Kind::Bool,
        _ if is_float(text) => Kind::Float,
        _ if is_int(text) => Kind::Int,
        _ => Kind::Text,
    }
}

/// `yes`, `Yes` and `YES` count; `yEs` does not.
fn is_one_case(text: &str) -> bool {
    let tail = text.get(1..).unwrap_or_default();
    let head_is_upper = text.starts_with(|c: char| c.is_ascii_uppercase());
    let tail_is_lower = tail.bytes().all(|byte| byte.is_ascii_lowercase());
    let tail_is_upper = tail.bytes().all(|byte| byte.is_ascii_uppercase());
    tail_is_lower || (head_is_upper && tail_is_upper)
}

fn bool_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

fn unsigned(text: &str) -> (&str, bool) {
    match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    }
}

fn all(text: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(is_allowed)
}

fn is_digit_or_bar(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// The minutes and seconds of `1:30:00`: one or two digits below 60 each.
fn is_sexagesimal(text: &str) -> bool {
    text.split(':').all(|part| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    })
}

fn is_int(text: &str) -> bool {
    let (digits, _) = unsigned(text);
    if let Some(bits) = digits.strip_prefix("0b") {
        return all(bits, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return all(hex, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    match digits.as_bytes() {
        [b'0'] => true,
        [b'0', octal @ ..] => octal.iter().all(|byte| matches!(byte, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', ..] => match digits.split_once(':') {
            Some((head, tail)) => all(head, is_digit_or_bar) && is_sexagesimal(tail),
            None => all(digits, is_digit_or_bar),
        },
        _ => false,
    }
}

fn is_exponent(text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        // YAML 1.1 wants the sign: 1.5e3 is text.
        [b'e' | b'E', b'+' | b'-', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn is_float(text: &str) -> bool {
    let (number, _) = unsigned(text);
    if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(number, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else {
        return false;
    };
    let end = fraction
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(fraction.len());
    let (digits, exponent) = fraction.split_at(end);
    if whole.is_empty() {
        let has_digit = digits.starts_with(|c: char| c.is_ascii_digit());
        return number.len() == text.len() && has_digit && is_exponent(exponent);
    }
    if !whole.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    match whole.split_once(':') {
        Some((head, tail)) => {
            exponent.is_empty() && all(head, is_digit_or_bar) && is_sexagesimal(tail)
        }
        None => all(whole, is_digit_or_bar) && is_exponent(exponent),
    }
}

fn int_of(text: &str) -> Option<i128> {
    let has_radix = text.starts_with("0b") || text.starts_with("0x");
    let text = if text.starts_with('0') && !has_radix {
        // Salt: file modes are written with a leading zero and meant in decimal.
        text.trim_start_matches('0')
    } else {
        text
    };
    let text = text.replace('_', "");
    let (digits, is_negative) = unsigned(&text);
    let number = if digits.is_empty() {
        0
    } else if let Some(bits) = digits.strip_prefix("0b") {
        i128::from_str_radix(bits, 2).ok()?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(digits, 8).ok()?
    } else {
        digits.split(':').try_fold(0i128, |sum, part| {
            sum.checked_mul(60)?.checked_add(part.parse().ok()?)
        })?
    };
    Some(if is_negative { -number } else { number })
}

fn float_of(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (number, is_negative) = unsigned(&text);
    let float = match number {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => number.split(':').try_fold(0.0, |sum: f64, part| {
            Some(sum * 60.0 + part.parse::<f64>().ok()?)
        })?,
    };
    Some(if is_negative { -float } else { float })
}
