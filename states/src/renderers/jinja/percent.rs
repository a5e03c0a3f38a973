//! Python's `%` on text: `"%s is %(size)d" % value`.

use super::fault::{Fault, Outcome};
use super::value::Py;
use super::{limits, number_text, operators, text};

/// The widest field: more is a mistake or an attack.
const MAX_WIDTH: usize = 1 << 20;

/// Formats; for markup, plain texts among the values are escaped.
pub(super) fn format(format: &str, values: &Py, is_markup: bool) -> Outcome<String> {
    let mut source = Values::new(values, is_markup);
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = conversion(&rest[at + 1..], &mut source, &mut out)?;
        limits::text(out.len() / 4)?;
        if out.len() > limits::MAX_TEXT {
            limits::text(out.len())?;
        }
    }
    out.push_str(rest);
    source.finish()?;
    Ok(out)
}

/// Where the values come from: one, a tuple's items, or a dict's by name.
struct Values<'a> {
    all: &'a Py,
    at: usize,
    was_named: bool,
    is_markup: bool,
}

impl<'a> Values<'a> {
    fn new(all: &'a Py, is_markup: bool) -> Self {
        Self {
            all,
            at: 0,
            was_named: false,
            is_markup,
        }
    }

    fn next(&mut self) -> Outcome<Py> {
        let value = match self.all {
            Py::Tuple(items) => items.0.get(self.at).cloned(),
            other => (self.at == 0).then(|| other.clone()),
        };
        self.at += 1;
        let value = value.ok_or_else(|| Fault::python("not enough arguments for format string"))?;
        self.prepared(value)
    }

    fn named(&mut self, name: &str) -> Outcome<Py> {
        self.was_named = true;
        match self.all {
            Py::Dict(dict) => {
                let value = dict.borrow().get_str(name).cloned();
                let value = value.ok_or_else(|| Fault::python(text::quoted(name)))?;
                self.prepared(value)
            }
            _ => Err(Fault::python("format requires a mapping")),
        }
    }

    fn prepared(&self, value: Py) -> Outcome<Py> {
        match value.defined()? {
            Py::Str(text) if self.is_markup => Ok(Py::from(text::escaped(text)?)),
            _ => Ok(value),
        }
    }

    fn finish(&self) -> Outcome<()> {
        let count = match self.all {
            Py::Tuple(items) => items.0.len(),
            // What has items by key counts as a mapping, whose values need not all be used.
            Py::Dict(_) | Py::List(_) | Py::Range(_) | Py::Bytes(_) => return Ok(()),
            _ => 1,
        };
        if self.at < count && !self.was_named {
            return Err(Fault::python(
                "not all arguments converted during string formatting",
            ));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Flags {
    is_left: bool,
    is_zero: bool,
    shows_plus: bool,
    shows_blank: bool,
    is_alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Writes one conversion and gives the text behind it.
fn conversion<'t>(text: &'t str, values: &mut Values<'_>, out: &mut String) -> Outcome<&'t str> {
    let mut rest = text;
    let mut named = None;
    if let Some(inner) = rest.strip_prefix('(') {
        let end = inner
            .find(')')
            .ok_or_else(|| Fault::python("incomplete format key"))?;
        named = Some(&inner[..end]);
        rest = &inner[end + 1..];
    }
    let mut flags = Flags::default();
    loop {
        match rest.as_bytes().first() {
            Some(b'-') => flags.is_left = true,
            Some(b'0') => flags.is_zero = true,
            Some(b'+') => flags.shows_plus = true,
            Some(b' ') => flags.shows_blank = true,
            Some(b'#') => flags.is_alternate = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    (flags.width, rest) = count(rest, values, &mut flags.is_left)?;
    if let Some(behind) = rest.strip_prefix('.') {
        let mut is_negative = false;
        let (precision, behind) = count(behind, values, &mut is_negative)?;
        flags.precision = Some(if is_negative { 0 } else { precision });
        rest = behind;
    }
    let rest = rest.trim_start_matches(['h', 'l', 'L']);
    let Some(kind) = rest.chars().next() else {
        return Err(Fault::python("incomplete format"));
    };
    if kind == '%' {
        out.push('%');
    } else {
        let value = match named {
            Some(name) => values.named(name)?,
            None => values.next()?,
        };
        let body = converted(kind, &value, &flags, rest, text)?;
        pad(&body, kind, &flags, out);
    }
    Ok(&rest[kind.len_utf8()..])
}

/// Reads a number or `*`.
fn count<'t>(
    text: &'t str,
    values: &mut Values<'_>,
    is_left: &mut bool,
) -> Outcome<(usize, &'t str)> {
    let (found, rest) = if let Some(rest) = text.strip_prefix('*') {
        let value = values.next()?;
        let int = value.as_int().ok_or_else(|| Fault::python("* wants int"))?;
        *is_left |= int < 0;
        (
            usize::try_from(int.unsigned_abs()).unwrap_or(usize::MAX),
            rest,
        )
    } else {
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &text[..length];
        let found = if digits.is_empty() {
            0
        } else {
            digits.parse().unwrap_or(usize::MAX)
        };
        (found, &text[length..])
    };
    if found > MAX_WIDTH {
        return Err(Fault::limit(format!(
            "a field would be wider than {MAX_WIDTH}"
        )));
    }
    Ok((found, rest))
}

fn converted(kind: char, value: &Py, flags: &Flags, rest: &str, all: &str) -> Outcome<String> {
    let cut = |text: String| match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text,
    };
    let needs = |what: &str| {
        let found = value.type_name();
        Fault::python(format!("%{kind} format: {what} is required, not {found}"))
    };
    match kind {
        's' => Ok(cut(text::str(value)?)),
        'r' => Ok(cut(text::repr(value)?)),
        'a' => Ok(cut(text::ascii(value)?)),
        'c' => match (value.as_str(), value.as_int()) {
            (Some(text), _) if text.chars().count() == 1 => Ok(text.to_owned()),
            (_, Some(code)) => u32::try_from(code)
                .ok()
                .and_then(char::from_u32)
                .map(String::from)
                .ok_or_else(|| Fault::python("%c arg not in range(0x110000)")),
            _ => Err(Fault::python("%c requires int or char")),
        },
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let is_decimal = matches!(kind, 'd' | 'i' | 'u');
            let int = match value {
                Py::Float(float) if is_decimal && float.is_finite() => operators::whole(*float)?,
                _ => value.as_int().ok_or_else(|| {
                    needs(if is_decimal {
                        "a real number"
                    } else {
                        "an integer"
                    })
                })?,
            };
            let mut digits = number_text::digits(int, kind);
            if let Some(precision) = flags.precision {
                while digits.len() < precision {
                    digits.insert(0, '0');
                }
            }
            let prefix = match kind {
                'x' if flags.is_alternate => "0x",
                'X' if flags.is_alternate => "0X",
                'o' if flags.is_alternate => "0o",
                _ => "",
            };
            Ok(format!("{}{prefix}{digits}", sign(int < 0, flags)))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let float = value.as_float().ok_or_else(|| {
                Fault::python(format!("must be real number, not {}", value.type_name()))
            })?;
            let precision = flags.precision.unwrap_or(6);
            let digits = number_text::float(float.abs(), precision, kind, flags.is_alternate);
            Ok(format!("{}{digits}", sign(float.is_sign_negative(), flags)))
        }
        other => {
            let index = all.len() - rest.len() + 1;
            Err(Fault::python(format!(
                "unsupported format character '{other}' ({:#x}) at index {index}",
                u32::from(other)
            )))
        }
    }
}

fn sign(is_negative: bool, flags: &Flags) -> &'static str {
    if is_negative {
        "-"
    } else if flags.shows_plus {
        "+"
    } else if flags.shows_blank {
        " "
    } else {
        ""
    }
}

fn pad(body: &str, kind: char, flags: &Flags, out: &mut String) {
    let missing = flags.width.saturating_sub(body.chars().count());
    let is_number = !matches!(kind, 's' | 'r' | 'a' | 'c');
    if flags.is_left {
        out.push_str(body);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if flags.is_zero && is_number {
        let head = body.len() - body.trim_start_matches(['-', '+', ' ']).len();
        let head = if body[head..].starts_with("0x") {
            head + 2
        } else {
            head
        };
        out.push_str(&body[..head]);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(&body[head..]);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(body);
    }
}
