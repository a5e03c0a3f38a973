//! Data as text and back: JSON, YAML, Python.

use std::collections::HashMap;
use std::rc::Rc;

use super::Filter;
use super::json_text::{self, Layout};
use crate::renderers::jinja::ast::DataFormat;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::interpreter::Interpreter;
use crate::renderers::jinja::object_call::{Args, flag};
use crate::renderers::jinja::scope::Site;
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{compare, limits, text};
use crate::renderers::yaml::{self, Flow, Written};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "json" => |_, value, args, _| json(&value, args),
        "tojson" => |_, value, args, _| tojson(&value, args),
        "yaml" => |_, value, args, _| {
            let [flow] = args.bind("format_yaml", ["flow_style"])?;
            to_yaml(&value, flag(flow.as_ref(), true)?).map(markup)
        },
        "dict_to_sls_yaml_params" => |_, value, args, _| sls_params(&value, args),
        "load_yaml" => |i, value, _, _| i.load_data(DataFormat::Yaml, &value),
        "load_json" => |i, value, _, _| i.load_data(DataFormat::Json, &value),
        "load_text" => |i, value, _, _| i.load_data(DataFormat::Text, &value),
        "python" => python,
        "pprint" => |_, value, _, _| super::pretty::pretty(&value).map(Py::from),
        "yaml_dquote" => |_, value, _, _| Ok(Py::from(yaml_dquote(&text::str(&value)?))),
        "yaml_squote" => |_, value, _, _| Ok(Py::from(yaml_squote(&text::str(&value)?))),
        "yaml_encode" => |_, value, _, _| yaml_encode(&value),
        _ => return None,
    })
}

fn markup(text: String) -> Py {
    Py::Markup(Rc::from(text))
}

fn json(value: &Py, args: Args) -> Outcome<Py> {
    let [sort, indent] = args.bind("format_json", ["sort_keys", "indent"])?;
    let layout = Layout {
        sorts_keys: flag(sort.as_ref(), true)?,
        indent: json_text::indent(indent.as_ref())?,
        is_ascii: false,
        ..Layout::default()
    };
    json_text::write(value, &layout).map(|text| markup(text.trim().to_owned()))
}

fn tojson(value: &Py, mut args: Args) -> Outcome<Py> {
    let sort = args.take_named("sort_keys");
    let ascii = args.take_named("ensure_ascii");
    let separators = args.take_named("separators");
    let [indent] = args.bind("tojson", ["indent"])?;
    let mut layout = Layout {
        sorts_keys: flag(sort.as_ref(), false)?,
        indent: json_text::indent(indent.as_ref())?,
        is_ascii: flag(ascii.as_ref(), true)?,
        ..Layout::default()
    };
    if let Some(separators) = separators.filter(|separators| !separators.is_none()) {
        let parts = separators.items()?;
        if let [item, key] = parts.as_slice() {
            layout.separators = Some((text::str(item)?, text::str(key)?));
        }
    }
    let text = json_text::write(value, &layout)?;
    Ok(Py::from(
        text.replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\'', "\\u0027"),
    ))
}

fn to_yaml(value: &Py, is_flow: bool) -> Outcome<String> {
    let mut writer = YamlWriter::default();
    writer.count(value, 0)?;
    let document = writer.written(value, 0)?;
    let text = yaml::dump(&document, if is_flow { Flow::Always } else { Flow::Never });
    limits::text(text.len())?;
    let text = text.trim();
    Ok(text.strip_suffix("\n...").unwrap_or(text).to_owned())
}

/// Finds objects that stand in several places: PyYAML writes them once and refers to them.
#[derive(Default)]
struct YamlWriter {
    seen: HashMap<usize, usize>,
    names: HashMap<usize, String>,
    written: std::collections::HashSet<usize>,
}

impl YamlWriter {
    fn identity(value: &Py) -> Option<usize> {
        match value {
            Py::List(items) => Some(Rc::as_ptr(items) as usize),
            Py::Dict(dict) | Py::Set(dict) => Some(Rc::as_ptr(dict) as usize),
            Py::Tuple(items) if !items.0.is_empty() => Some(Rc::as_ptr(items) as usize),
            _ => None,
        }
    }

    fn count(&mut self, value: &Py, depth: usize) -> Outcome<()> {
        limits::depth(depth)?;
        limits::spend(2)?;
        if let Some(identity) = Self::identity(value.defined()?) {
            let count = self.seen.entry(identity).or_insert(0);
            *count += 1;
            if *count == 2 {
                let name = format!("id{:03}", self.names.len() + 1);
                self.names.insert(identity, name);
            }
            if *count > 1 {
                return Ok(());
            }
        }
        match value {
            Py::List(items) => items
                .borrow()
                .0
                .iter()
                .try_for_each(|item| self.count(item, depth + 1)),
            Py::Tuple(items) => items
                .0
                .iter()
                .try_for_each(|item| self.count(item, depth + 1)),
            Py::Dict(dict) => {
                for (key, value) in sorted_pairs(&dict.borrow())? {
                    self.count(&key, depth + 1)?;
                    self.count(&value, depth + 1)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn written(&mut self, value: &Py, depth: usize) -> Outcome<Written> {
        limits::depth(depth)?;
        let identity = Self::identity(value);
        let name = identity.and_then(|identity| self.names.get(&identity).cloned());
        if let (Some(identity), Some(name)) = (identity, &name)
            && !self.written.insert(identity)
        {
            return Ok(Written::Alias(name.clone()));
        }
        let node = match value {
            Py::None => Written::Null("null"),
            Py::Bool(bool) => Written::Bool(*bool),
            Py::Int(int) => Written::Number(int.to_string()),
            Py::Float(float) => Written::Float(*float),
            Py::Str(text) => Written::Text(text.to_string()),
            Py::Bytes(bytes) => Written::Bytes(bytes.to_vec()),
            Py::List(_) | Py::Tuple(_) => {
                let items: Outcome<Vec<Written>> = value
                    .items()?
                    .iter()
                    .map(|item| self.written(item, depth + 1))
                    .collect();
                Written::List(items?)
            }
            Py::Dict(dict) => {
                let mut pairs = Vec::new();
                for (key, value) in sorted_pairs(&dict.borrow())? {
                    let key = self.written(&key, depth + 1)?;
                    pairs.push((key, self.written(&value, depth + 1)?));
                }
                Written::Map(pairs)
            }
            Py::Set(set) => {
                let keys: Vec<Py> = set.borrow().keys().cloned().collect();
                let items: Outcome<Vec<Written>> = sorted(keys)?
                    .iter()
                    .map(|item| self.written(item, depth + 1))
                    .collect();
                Written::Set(items?)
            }
            // What the dumper does not know, markup included, becomes this.
            _ => Written::Null("NULL"),
        };
        Ok(match name {
            Some(name) => Written::Anchored(name, Box::new(node)),
            None => node,
        })
    }
}

/// Sorts by key, if the keys can be compared.
fn sorted_pairs(dict: &crate::renderers::jinja::dict::Dict) -> Outcome<Vec<(Py, Py)>> {
    let pairs: Vec<(Py, Py)> = dict
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if dict.is_ordered {
        return Ok(pairs);
    }
    let mut sorted: Vec<(Py, Py)> = pairs.clone();
    Ok(match compare::sort_by_key(&mut sorted, false) {
        Ok(()) => sorted,
        Err(_) => pairs,
    })
}

fn sorted(items: Vec<Py>) -> Outcome<Vec<Py>> {
    let mut pairs: Vec<(Py, Py)> = items
        .iter()
        .map(|item| (item.clone(), item.clone()))
        .collect();
    Ok(match compare::sort_by_key(&mut pairs, false) {
        Ok(()) => pairs.into_iter().map(|(item, _)| item).collect(),
        Err(_) => items,
    })
}

fn sls_params(value: &Py, args: Args) -> Outcome<Py> {
    let [flow] = args.bind("dict_to_sls_yaml_params", ["flow_style"])?;
    let Py::Dict(dict) = value else {
        return Err(Fault::python(format!(
            "'{}' object has no attribute 'items'",
            value.type_name()
        )));
    };
    let mut items = Vec::new();
    for (key, value) in dict.borrow().iter() {
        let mut single = crate::renderers::jinja::dict::Dict::default();
        single.insert(key.clone(), value.clone())?;
        items.push(Py::dict(single));
    }
    to_yaml(&Py::list(items), flag(flow.as_ref(), false)?).map(markup)
}

fn python(_: &mut Interpreter<'_>, value: Py, _: Args, _: &Site) -> Outcome<Py> {
    super::pretty::pretty(&value).map(|text| markup(text.trim().to_owned()))
}

/// Quotes for YAML, ASCII only.
fn yaml_dquote(source: &str) -> String {
    let mut out = String::from("\"");
    for character in source.chars() {
        let code = u32::from(character);
        match character {
            '\0' => out.push_str("\\0"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\x1b' => out.push_str("\\e"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            ' '..='~' => out.push(character),
            _ if code <= 0xff => out.push_str(&format!("\\x{code:02X}")),
            _ if code <= 0xffff => out.push_str(&format!("\\u{code:04X}")),
            _ => out.push_str(&format!("\\U{code:08X}")),
        }
    }
    out.push('"');
    out
}

/// Quotes for YAML with apostrophes; a line break needs an empty line to be read back.
fn yaml_squote(source: &str) -> String {
    let mut out = String::from("'");
    let mut was_break = false;
    for character in source.chars() {
        match character {
            '\n' if !was_break => out.push_str("\n\n"),
            '\'' => out.push_str("''"),
            other => out.push(other),
        }
        was_break = character == '\n';
    }
    out.push('\'');
    out
}

fn yaml_encode(value: &Py) -> Outcome<Py> {
    Ok(Py::from(match value {
        Py::None => "null".to_owned(),
        Py::Bool(bool) => bool.to_string(),
        Py::Int(int) => int.to_string(),
        Py::Float(float) => yaml::float_text(*float),
        Py::Str(text) => yaml_dquote(text),
        other => {
            return Err(Fault::python(format!(
                "yaml_encode() only works with YAML scalar data; failed for <class '{}'>",
                other.type_name()
            )));
        }
    }))
}
