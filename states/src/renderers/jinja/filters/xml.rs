//! Data as indented XML: scalars of a dict become attributes, lists and dicts become elements.

use std::rc::Rc;

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::value::Py;
use crate::renderers::jinja::{limits, text};

pub(super) fn find(name: &str) -> Option<Filter> {
    (name == "xml").then_some(|_, value, _, _| xml(&value))
}

#[derive(Default)]
struct Element {
    tag: String,
    attributes: Vec<(String, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

fn xml(value: &Py) -> Outcome<Py> {
    let mut roots = Vec::new();
    build(&pairs(value)?, &mut roots, 0)?;
    let root = roots
        .pop()
        .ok_or_else(|| Fault::python("no element to write"))?;
    let mut out = String::from("<?xml version=\"1.0\" ?>\n");
    write(&root, 0, &mut out)?;
    Ok(Py::Markup(Rc::from(out)))
}

fn pairs(value: &Py) -> Outcome<Vec<(Py, Py)>> {
    match value {
        Py::Dict(dict) => Ok(dict
            .borrow()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()),
        Py::List(_) | Py::Tuple(_) => {
            let items = value.items()?;
            match items.first() {
                None => Err(Fault::python("list index out of range")),
                Some(first) if first.as_str().is_some() => {
                    // Salt looks at the second character of each text.
                    let is_short =
                        |item: &Py| item.as_str().is_some_and(|text| text.chars().count() < 2);
                    if items.iter().any(is_short) {
                        return Err(Fault::python("string index out of range"));
                    }
                    Ok(Vec::new())
                }
                Some(_) => Ok(Vec::new()),
            }
        }
        _ => Err(Fault::runtime(
            "Value is not a dict or list. Cannot render as XML",
        )),
    }
}

fn build(pairs_of: &[(Py, Py)], siblings: &mut Vec<Element>, depth: usize) -> Outcome<()> {
    limits::depth(depth)?;
    for (tag, value) in pairs_of {
        limits::spend(4)?;
        if let Py::List(_) = value {
            for item in value.items()? {
                build(&[(tag.clone(), item)], siblings, depth + 1)?;
            }
            pairs(value)?;
            continue;
        }
        let mut element = Element {
            tag: text::str(tag)?,
            ..Element::default()
        };
        if matches!(
            value,
            Py::Str(_) | Py::Markup(_) | Py::Int(_) | Py::Bool(_) | Py::Float(_)
        ) {
            element.text = Some(text::str(value)?);
            siblings.push(element);
            continue;
        }
        let all = pairs(value)?;
        let is_deep = |value: &Py| matches!(value, Py::Dict(_) | Py::List(_));
        for (name, value) in all.iter().filter(|(_, value)| !is_deep(value)) {
            element
                .attributes
                .push((text::str(name)?, text::str(value)?));
        }
        let deep: Vec<(Py, Py)> = all
            .into_iter()
            .filter(|(_, value)| is_deep(value))
            .collect();
        build(&deep, &mut element.children, depth + 1)?;
        siblings.push(element);
    }
    Ok(())
}

fn escaped(text: &str, is_attribute: bool) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    if is_attribute {
        text.replace('"', "&quot;")
            .replace('\r', "&#13;")
            .replace('\n', "&#10;")
            .replace('\t', "&#9;")
    } else {
        text
    }
}

fn write(element: &Element, depth: usize, out: &mut String) -> Outcome<()> {
    limits::text(out.len() / 16)?;
    let indent = " ".repeat(depth);
    out.push_str(&format!("{indent}<{}", element.tag));
    for (name, value) in &element.attributes {
        out.push_str(&format!(" {name}=\"{}\"", escaped(value, true)));
    }
    match (&element.text, element.children.is_empty()) {
        (Some(text), _) if !text.is_empty() => {
            out.push_str(&format!(">{}</{}>\n", escaped(text, false), element.tag));
        }
        (_, true) => out.push_str("/>\n"),
        _ => {
            out.push_str(">\n");
            for child in &element.children {
                write(child, depth + 1, out)?;
            }
            out.push_str(&format!("{indent}</{}>\n", element.tag));
        }
    }
    Ok(())
}
