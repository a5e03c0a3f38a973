//! Data to YAML as PyYAML's safe dumper writes it: 80 columns, quotes only where plain text would
//! be read as something else, anchors where one object stands in two places.

use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};
use model::Value;
use model::value::float_repr;

use super::compose::Tag;
use super::scalars;

/// A document to be written.
#[derive(Debug)]
pub(in crate::renderers) enum Written {
    Null(&'static str),
    Bool(bool),
    Number(String),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Written>),
    Map(Vec<(Written, Written)>),
    Set(Vec<Written>),
    /// A list or map that is written again elsewhere.
    Anchored(String, Box<Written>),
    Alias(String),
}

/// How the lists and maps are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// `{a: [1, 2]}`
    Always,
    /// One item a line.
    Never,
    /// Only those that hold nothing but scalars.
    Leaves,
}

/// Writes data as Salt's `yaml` outputter and `safe_dump` do. Maps keep their order.
pub fn dump_yaml(value: &Value, flow: Flow) -> String {
    dump(&written(value), flow)
}

fn written(value: &Value) -> Written {
    match value {
        Value::Nil => Written::Null("null"),
        Value::Bool(bool) => Written::Bool(*bool),
        Value::Int(int) => Written::Number(int.to_string()),
        Value::Float(float) => Written::Float(*float),
        Value::Str(text) => Written::Text(text.clone()),
        Value::Bytes(bytes) | Value::Ext(_, bytes) => Written::Bytes(bytes.clone()),
        Value::List(list) => Written::List(list.iter().map(written).collect()),
        Value::Map(map) => Written::Map(
            map.iter()
                .map(|(key, value)| (written(key), written(value)))
                .collect(),
        ),
    }
}

pub(in crate::renderers) fn dump(document: &Written, flow: Flow) -> String {
    emit(document, flow, None, 80)
}

/// Writes text as one double-quoted line.
pub(in crate::renderers) fn double_quoted(text: &str) -> String {
    let document = Written::Text(text.to_owned());
    let out = emit(
        &document,
        Flow::Always,
        Some(ScalarStyle::DoubleQuoted),
        i32::MAX,
    );
    out.trim_end_matches('\n').to_owned()
}

fn emit(document: &Written, flow: Flow, style: Option<ScalarStyle>, width: i32) -> String {
    let mut out = Vec::new();
    {
        let mut emitter = Emitter::new();
        emitter.set_output_string(&mut out);
        emitter.set_unicode(true);
        emitter.set_width(width);
        let mut events = vec![
            Event::stream_start(Encoding::Utf8),
            Event::document_start(None, &[], true),
        ];
        push(
            document,
            None,
            flow,
            style.unwrap_or(ScalarStyle::Any),
            &mut events,
        );
        events.push(Event::document_end(true));
        events.push(Event::stream_end());
        for event in events {
            // Writing to memory cannot fail, and the events are in order.
            if emitter.emit(event).is_err() {
                break;
            }
        }
        let _ = emitter.flush();
    }
    let out = String::from_utf8_lossy(&out).into_owned();
    if !out.chars().any(is_far) {
        return out;
    }
    // They stand in double quotes only, where the emitter left them as they are.
    out.chars()
        .map(|character| {
            if is_far(character) {
                format!("\\U{:08X}", u32::from(character))
            } else {
                character.to_string()
            }
        })
        .collect()
}

fn is_far(character: char) -> bool {
    u32::from(character) > 0xffff
}

fn push(
    node: &Written,
    anchor: Option<&str>,
    flow: Flow,
    style: ScalarStyle,
    events: &mut Vec<Event>,
) {
    match node {
        Written::List(items) => {
            let tag = Some("tag:yaml.org,2002:seq");
            let style_of_list = if flows(flow, items.iter()) {
                SequenceStyle::Flow
            } else {
                SequenceStyle::Block
            };
            events.push(Event::sequence_start(anchor, tag, true, style_of_list));
            for item in items {
                push(item, None, flow, style, events);
            }
            events.push(Event::sequence_end());
        }
        Written::Map(pairs) => {
            let all = pairs.iter().flat_map(|(key, value)| [key, value]);
            open_map(anchor, "tag:yaml.org,2002:map", flows(flow, all), events);
            for (key, value) in pairs {
                push(key, None, flow, style, events);
                push(value, None, flow, style, events);
            }
            events.push(Event::mapping_end());
        }
        Written::Set(items) => {
            let is_flow = flows(flow, items.iter());
            open_map(anchor, "tag:yaml.org,2002:set", is_flow, events);
            for item in items {
                push(item, None, flow, style, events);
                push(&Written::Null("null"), None, flow, style, events);
            }
            events.push(Event::mapping_end());
        }
        Written::Anchored(name, node) => push(node, Some(name), flow, style, events),
        Written::Alias(name) => events.push(Event::alias(name)),
        scalar => events.push(scalar_event(scalar, anchor, style)),
    }
}

fn open_map(anchor: Option<&str>, tag: &str, is_flow: bool, events: &mut Vec<Event>) {
    let style = if is_flow {
        MappingStyle::Flow
    } else {
        MappingStyle::Block
    };
    // A set needs its tag to be read back as one.
    let is_implicit = tag.ends_with(":map");
    events.push(Event::mapping_start(anchor, Some(tag), is_implicit, style));
}

/// A scalar is written plain if it would be read back as what it is.
fn scalar_event(node: &Written, anchor: Option<&str>, style: ScalarStyle) -> Event {
    let (name, wanted, text) = match node {
        Written::Bool(bool) => ("bool", Tag::Bool, bool.to_string()),
        Written::Number(text) => ("int", Tag::Int, text.clone()),
        Written::Float(float) => ("float", Tag::Float, float_text(*float)),
        Written::Text(text) => ("str", Tag::Str, text.clone()),
        Written::Bytes(bytes) => ("binary", Tag::Binary, base64_lines(bytes)),
        Written::Null(text) => ("null", Tag::Null, (*text).to_owned()),
        _ => ("null", Tag::Null, "null".to_owned()),
    };
    let style = if wanted == Tag::Binary {
        ScalarStyle::Literal
    } else {
        style
    };
    // libyaml calls characters beyond the first plane unprintable.
    let style = if text.chars().any(is_far) {
        ScalarStyle::DoubleQuoted
    } else {
        style
    };
    let is_plain = scalars::resolve(&text) == wanted;
    let is_quoted = wanted == Tag::Str;
    let tag = format!("tag:yaml.org,2002:{name}");
    Event::scalar(anchor, Some(&tag), &text, is_plain, is_quoted, style)
}

fn flows<'a>(flow: Flow, mut items: impl Iterator<Item = &'a Written>) -> bool {
    match flow {
        Flow::Always => true,
        Flow::Never => false,
        Flow::Leaves => !items.any(|item| {
            matches!(
                item,
                Written::List(_)
                    | Written::Map(_)
                    | Written::Set(_)
                    | Written::Bytes(_)
                    | Written::Anchored(..)
                    | Written::Alias(_)
            )
        }),
    }
}

/// Writes a float so that YAML 1.1 reads it as one.
pub(in crate::renderers) fn float_text(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = float_repr(float);
    if !text.contains('.') && text.contains('e') {
        text.replacen('e', ".0e", 1)
    } else {
        text
    }
}

/// Writes base64 in lines of 76 characters, as Python's `encodebytes`.
fn base64_lines(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let mut out = String::with_capacity(text.len() + text.len() / 76 + 1);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 76 == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}
