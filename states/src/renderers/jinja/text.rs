//! Values as text: Python's `str()` and `repr()`, and what `{{ }}` prints in Salt, where dicts are
//! written so that YAML can read them back.

use model::value::float_repr;

use super::fault::{Fault, Outcome};
use super::limits;
use super::object::Object;
use super::value::Py;

/// How a value is written.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// As `repr()`.
    Repr,
    /// As `repr()`, but texts with line breaks that are values of a dict become YAML's
    /// double-quoted form.
    Printed,
}

/// Writes a value as `str()` does.
pub(super) fn str(value: &Py) -> Outcome<String> {
    written(value, Style::Repr)
}

/// Writes a value as `{{ value }}` does.
pub(super) fn printed(value: &Py) -> Outcome<String> {
    written(value, Style::Printed)
}

/// Writes a value as `repr()` does.
pub(super) fn repr(value: &Py) -> Outcome<String> {
    let mut out = String::new();
    write_repr(value, Style::Repr, 0, &mut out)?;
    Ok(out)
}

fn written(value: &Py, style: Style) -> Outcome<String> {
    match value.defined()? {
        Py::Str(text) | Py::Markup(text) => {
            limits::text(text.len())?;
            Ok(text.to_string())
        }
        Py::Lenient(_) => Ok(String::new()),
        Py::Object(object) => match object.as_ref() {
            Object::Module(module) => Ok(module.text.to_string()),
            _ => object_repr(object),
        },
        other => {
            let mut out = String::new();
            write_repr(other, style, 0, &mut out)?;
            Ok(out)
        }
    }
}

fn object_repr(object: &Object) -> Outcome<String> {
    Ok(match object {
        Object::Macro(definition, _) => format!("<Macro {}>", quoted(&definition.name)),
        Object::Module(module) => format!("<TemplateModule {}>", quoted(&module.name)),
        Object::Blocks(_) => "<TemplateReference None>".to_owned(),
        Object::Builtin("range") => "<class 'range'>".to_owned(),
        Object::Builtin("dict") => "<class 'dict'>".to_owned(),
        Object::Namespace(vars) => {
            let mut out = "<Namespace {".to_owned();
            write_pairs(&vars.borrow(), Style::Repr, 0, &mut out)?;
            out.push_str("}>");
            out
        }
        Object::Loop(state) => state.repr(),
        Object::Group(key, items) => format!("({}, {})", repr(key)?, repr(items)?),
        // Python prints addresses for the rest; nobody can mean that.
        other => {
            return Err(Fault::python(format!(
                "a {} was printed; was it to be called?",
                other.type_name()
            )));
        }
    })
}

fn write_repr(value: &Py, style: Style, depth: usize, out: &mut String) -> Outcome<()> {
    limits::depth(depth)?;
    let before = out.len();
    match value.defined()? {
        Py::None => out.push_str("None"),
        Py::Bool(true) => out.push_str("True"),
        Py::Bool(false) => out.push_str("False"),
        Py::Int(int) => out.push_str(&int.to_string()),
        Py::Float(float) => out.push_str(&float_repr(*float)),
        Py::Str(text) => out.push_str(&quoted(text)),
        Py::Markup(text) => {
            out.push_str("Markup(");
            out.push_str(&quoted(text));
            out.push(')');
        }
        Py::Bytes(bytes) => out.push_str(&bytes_repr(bytes)),
        Py::List(items) => {
            let items = items.borrow();
            out.push('[');
            write_items(&items.0, style, depth, out)?;
            out.push(']');
        }
        Py::Tuple(items) => {
            out.push('(');
            write_items(&items.0, style, depth, out)?;
            out.push_str(if items.0.len() == 1 { ",)" } else { ")" });
        }
        Py::Dict(dict) => {
            out.push('{');
            write_pairs(&dict.borrow(), style, depth, out)?;
            out.push('}');
        }
        Py::Set(set) if set.borrow().is_empty() => out.push_str("set()"),
        Py::Set(set) => {
            let items: Vec<Py> = set.borrow().keys().cloned().collect();
            out.push('{');
            write_items(&items, style, depth, out)?;
            out.push('}');
        }
        Py::Range(range) => write_range(*range, out),
        Py::Iterator(items, kind) if kind.starts_with("dict_") => {
            out.push_str(kind);
            out.push_str("([");
            write_items(items.borrow().as_slice(), Style::Repr, depth, out)?;
            out.push_str("])");
        }
        Py::Iterator(_, kind) => {
            return Err(Fault::python(format!(
                "a {kind} was printed; make it a list first (`|list`)"
            )));
        }
        // The walk that makes dicts readable cannot rebuild this kind of tuple, in Salt either.
        Py::Object(object)
            if style == Style::Printed && matches!(object.as_ref(), Object::Group(..)) =>
        {
            return Err(Fault::python(
                "_GroupTuple.__new__() missing 1 required positional argument: 'list'",
            ));
        }
        Py::Object(object) => out.push_str(&object_repr(object)?),
        Py::Undefined(_) => {}
        Py::Lenient(_) => out.push_str("Undefined"),
    }
    limits::text(out.len() - before)?;
    if out.len() > limits::MAX_TEXT {
        return limits::text(out.len());
    }
    Ok(())
}

fn write_range(range: super::value::Range, out: &mut String) {
    out.push_str(&format!("range({}, {}", range.start, range.stop));
    if range.step != 1 {
        out.push_str(&format!(", {}", range.step));
    }
    out.push(')');
}

fn write_items(items: &[Py], style: Style, depth: usize, out: &mut String) -> Outcome<()> {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(item, style, depth + 1, out)?;
    }
    Ok(())
}

fn write_pairs(
    dict: &super::dict::Dict,
    style: Style,
    depth: usize,
    out: &mut String,
) -> Outcome<()> {
    for (index, (key, value)) in dict.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(key, Style::Repr, depth + 1, out)?;
        out.push_str(": ");
        match value.as_str() {
            Some(text) if style == Style::Printed && text.contains(['\n', '\r', '\t']) => {
                out.push_str(&crate::renderers::yaml::double_quoted(text));
            }
            _ => write_repr(value, style, depth + 1, out)?,
        }
    }
    Ok(())
}

/// Writes a text with the quotes and escapes of `repr()`.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
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
            c if model::value::is_printable(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push(quote);
    out
}

/// Writes a value as `ascii()` does: as `repr()`, with escapes for all that is not ASCII.
pub(super) fn ascii(value: &Py) -> Outcome<String> {
    let mut out = String::new();
    for character in repr(value)?.chars() {
        match u32::from(character) {
            0..0x80 => out.push(character),
            code @ 0x80..0x100 => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..0x10000 => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    Ok(out)
}

fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    let mut out = format!("b{}", char::from(quote));
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if *byte == quote => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            32..=126 => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    out.push(char::from(quote));
    out
}

/// Escapes text for markup, as `markupsafe.escape` does.
pub(super) fn escaped(text: &str) -> Outcome<String> {
    limits::text(text.len() * 5)?;
    Ok(text
        .replace('&', "&amp;")
        .replace('>', "&gt;")
        .replace('<', "&lt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;"))
}
