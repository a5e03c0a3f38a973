//! The `yaml` outputter: block style, keys sorted, as PyYAML's `safe_dump` writes it.

use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};
use model::Value;
use model::value::float_repr;

use crate::yaml::{Kind, kind_of};

use super::Style;

/// Renders; a negative `--out-indent` gives flow style.
pub(crate) fn output(data: &Value, style: &Style) -> String {
    let mut bytes = Vec::new();
    let is_flow = style.indent.is_some_and(|indent| indent < 0);
    let indent = style.indent.and_then(|indent| i32::try_from(indent).ok());
    // Emitting into memory fails only on an event out of order, which this never makes.
    let _ = emit(data, is_flow, indent.unwrap_or(2), &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn emit(
    data: &Value,
    is_flow: bool,
    indent: i32,
    bytes: &mut Vec<u8>,
) -> Result<(), libyaml_safer::Error> {
    let mut emitter = Emitter::new();
    emitter.set_output_string(bytes);
    emitter.set_unicode(true);
    emitter.set_indent(indent);
    emitter.emit(Event::stream_start(Encoding::Utf8))?;
    emitter.emit(Event::document_start(None, &[], true))?;
    write(data, is_flow, &mut emitter)?;
    emitter.emit(Event::document_end(true))?;
    emitter.emit(Event::stream_end())?;
    emitter.flush()
}

fn write(
    data: &Value,
    is_flow: bool,
    emitter: &mut Emitter<'_>,
) -> Result<(), libyaml_safer::Error> {
    match data {
        Value::List(list) => {
            let style = if is_flow {
                SequenceStyle::Flow
            } else {
                SequenceStyle::Block
            };
            emitter.emit(Event::sequence_start(None, None, true, style))?;
            for item in list {
                write(item, is_flow, emitter)?;
            }
            emitter.emit(Event::sequence_end())
        }
        Value::Map(map) => {
            let style = if is_flow {
                MappingStyle::Flow
            } else {
                MappingStyle::Block
            };
            emitter.emit(Event::mapping_start(None, None, true, style))?;
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| key.to_text());
            for (key, value) in pairs {
                write(key, is_flow, emitter)?;
                write(value, is_flow, emitter)?;
            }
            emitter.emit(Event::mapping_end())
        }
        scalar => emitter.emit(scalar_event(scalar)),
    }
}

fn scalar_event(scalar: &Value) -> Event {
    let (kind, text) = match scalar {
        Value::Nil => (Kind::Nil, "null".to_owned()),
        Value::Bool(bool) => (Kind::Bool, bool.to_string()),
        Value::Int(int) => (Kind::Int, int.to_string()),
        Value::Float(float) => (Kind::Float, float_text(*float)),
        other => (Kind::Text, other.to_text()),
    };
    // Text that would be read as something else (yes, 012, 2026-11-21) must be quoted.
    let is_plain = kind != Kind::Text || (kind_of(&text) == Kind::Text && !is_time_stamp(&text));
    Event::scalar(None, None, &text, is_plain, true, ScalarStyle::Any)
}

fn float_text(float: f64) -> String {
    if float.is_nan() {
        return ".nan".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = float_repr(float);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => {
            format!("{mantissa}.0e{exponent}")
        }
        _ => text,
    }
}

/// `2026-11-21` and longer forms: PyYAML resolves them as time stamps.
fn is_time_stamp(text: &str) -> bool {
    let date: Vec<&str> = text
        .split(['T', 't', ' '])
        .next()
        .unwrap_or_default()
        .split('-')
        .collect();
    let is_digits = |part: &str, range: std::ops::RangeInclusive<usize>| {
        range.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let [year, month, day] = date.as_slice() else {
        return false;
    };
    let has_time = text.contains(':');
    is_digits(year, 4..=4)
        && is_digits(month, if has_time { 1..=2 } else { 2..=2 })
        && is_digits(day, if has_time { 1..=2 } else { 2..=2 })
        && (has_time || text.len() == 10)
}
