//! Python's `str.format` and its format specifications.

use super::attributes;
use super::fault::{Fault, Outcome};
use super::object_call::Args;
use super::value::Py;
use super::{limits, number_text, text};

/// The widest field and the highest precision.
const MAX_WIDTH: usize = 1 << 20;

/// Applies `"...".format(...)`.
pub(super) fn format(format: &str, args: &Args) -> Outcome<String> {
    let mut next = 0;
    formatted(format, args, &mut next, 0)
}

fn formatted(format: &str, args: &Args, next: &mut usize, depth: usize) -> Outcome<String> {
    if depth > 1 {
        return Err(Fault::python("Max string recursion exceeded"));
    }
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        let behind = &rest[at + 1..];
        if behind.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = &behind[1..];
            continue;
        }
        if brace == b'}' {
            return Err(Fault::python("Single '}' encountered in format string"));
        }
        let end = field_end(behind)?;
        out.push_str(&field(&behind[..end], args, next, depth)?);
        rest = &behind[end + 1..];
        limits::text(out.len() / 4)?;
        if out.len() > limits::MAX_TEXT {
            limits::text(out.len())?;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn field_end(text: &str) -> Outcome<usize> {
    let mut open = 0;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Ok(index),
            b'}' => open -= 1,
            _ => {}
        }
    }
    Err(Fault::python("expected '}' before end of string"))
}

fn field(field: &str, args: &Args, next: &mut usize, depth: usize) -> Outcome<String> {
    let (head, spec) = match field.find(':') {
        Some(at) => (&field[..at], &field[at + 1..]),
        None => (field, ""),
    };
    let (path, conversion) = match head.split_once('!') {
        Some((path, conversion)) => (path, Some(conversion)),
        None => (head, None),
    };
    let value = look_up(path, args, next)?;
    let value = match conversion {
        None => value,
        Some("s") => Py::from(text::str(&value)?),
        Some("r") => Py::from(text::repr(&value)?),
        Some("a") => Py::from(text::ascii(&value)?),
        Some(other) => {
            return Err(Fault::python(format!(
                "Unknown conversion specifier {other}"
            )));
        }
    };
    let spec = if spec.contains('{') {
        formatted(spec, args, next, depth + 1)?
    } else {
        spec.to_owned()
    };
    with_spec(&value, &spec)
}

fn look_up(path: &str, args: &Args, next: &mut usize) -> Outcome<Py> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (first, mut rest) = path.split_at(end);
    // Jinja's formatter cannot number a field that goes on; Salt's templates fail at it.
    if first.is_empty() && !rest.is_empty() {
        return Err(Fault::python("''"));
    }
    let mut value = if let Ok(index) = first.parse::<usize>() {
        positional(args, index)?
    } else if first.is_empty() {
        *next += 1;
        positional(args, *next - 1)?
    } else {
        let found = args.named.iter().find(|(name, _)| name.as_ref() == first);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| Fault::python(text::quoted(first)))?
    };
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            let end = behind
                .find(']')
                .ok_or_else(|| Fault::python("Missing ']' in format string"))?;
            let key = &behind[..end];
            let key = match key.parse::<i128>() {
                Ok(int) => Py::Int(int),
                Err(_) => Py::str(key),
            };
            value = attributes::item(&value, &key)?;
            rest = &behind[end + 1..];
        } else {
            let behind = &rest[1..];
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            value = attributes::attribute(&value, &behind[..end])?;
            rest = &behind[end..];
        }
        value.defined()?;
    }
    Ok(value)
}

fn positional(args: &Args, index: usize) -> Outcome<Py> {
    args.positional.get(index).cloned().ok_or_else(|| {
        Fault::python(format!(
            "Replacement index {index} out of range for positional args tuple"
        ))
    })
}

#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    is_alternate: bool,
    /// A `0` before the width: numbers are filled behind their sign.
    is_zero_filled: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn parse(spec: &str) -> Outcome<Spec> {
    let mut parsed = Spec::default();
    let mut characters: Vec<char> = spec.chars().collect();
    characters.reverse();
    let is_align = |c: char| matches!(c, '<' | '>' | '=' | '^');
    if characters.len() > 1 && is_align(characters[characters.len() - 2]) {
        parsed.fill = characters.pop();
        parsed.align = characters.pop();
    } else if characters.last().copied().is_some_and(is_align) {
        parsed.align = characters.pop();
    }
    let mut take = |allowed: &str| {
        let found = characters.last().copied().filter(|c| allowed.contains(*c));
        if found.is_some() {
            characters.pop();
        }
        found
    };
    parsed.sign = take("+- ");
    parsed.is_alternate = take("#").is_some();
    if take("0").is_some() {
        parsed.is_zero_filled = parsed.align.is_none();
        parsed.fill.get_or_insert('0');
    }
    let number = |take: &mut dyn FnMut(&str) -> Option<char>| -> Outcome<Option<usize>> {
        let mut found = None;
        while let Some(digit) = take("0123456789") {
            let digit = digit.to_digit(10).unwrap_or(0) as usize;
            let value = found.unwrap_or(0usize) * 10 + digit;
            if value > MAX_WIDTH {
                return Err(Fault::limit(format!(
                    "a field would be wider than {MAX_WIDTH}"
                )));
            }
            found = Some(value);
        }
        Ok(found)
    };
    parsed.width = number(&mut take)?.unwrap_or(0);
    parsed.grouping = take(",_");
    if take(".").is_some() {
        let precision = number(&mut take)?;
        parsed.precision =
            Some(precision.ok_or_else(|| Fault::python("Format specifier missing precision"))?);
    }
    parsed.kind = characters.pop();
    if !characters.is_empty() {
        return Err(Fault::python("Invalid format specifier"));
    }
    Ok(parsed)
}

/// Applies a format specification to a value, as `format(value, spec)` does.
pub(super) fn with_spec(value: &Py, spec: &str) -> Outcome<String> {
    if spec.is_empty() {
        return text::str(value);
    }
    let spec = parse(spec)?;
    let unknown = |kind: char| {
        Fault::python(format!(
            "Unknown format code '{kind}' for object of type '{}'",
            value.type_name()
        ))
    };
    check_grouping(&spec)?;
    match value.defined()? {
        Py::Str(_) | Py::Markup(_) => text_with_spec(value, &spec, unknown),
        Py::Int(_) | Py::Bool(_)
            if matches!(
                spec.kind,
                None | Some('d' | 'b' | 'o' | 'x' | 'X' | 'c' | 'n')
            ) =>
        {
            if spec.precision.is_some() {
                return Err(Fault::python(
                    "Precision not allowed in integer format specifier",
                ));
            }
            let int = value.as_int().unwrap_or(0);
            int_with_spec(int, &spec)
        }
        Py::Int(_) | Py::Bool(_) | Py::Float(_) => {
            let float = value.as_float().unwrap_or(0.0);
            let digits =
                float_digits(float, &spec).ok_or_else(|| unknown(spec.kind.unwrap_or('?')))?;
            Ok(padded(
                sign(float.is_sign_negative(), &spec),
                &digits,
                &spec,
                '>',
            ))
        }
        _ => Err(Fault::python(format!(
            "unsupported format string passed to {}.__format__",
            value.type_name()
        ))),
    }
}

fn text_with_spec(
    value: &Py,
    spec: &Spec,
    unknown: impl Fn(char) -> Box<Fault>,
) -> Outcome<String> {
    if let Some(kind) = spec.kind.filter(|kind| *kind != 's') {
        return Err(unknown(kind));
    }
    if let Some(separator) = spec.grouping {
        return Err(Fault::python(format!(
            "Cannot specify '{separator}' with 's'."
        )));
    }
    if spec.sign.is_some() {
        return Err(Fault::python("Sign not allowed in string format specifier"));
    }
    if spec.is_alternate {
        return Err(Fault::python(
            "Alternate form (#) not allowed in string format specifier",
        ));
    }
    if spec.align == Some('=') {
        return Err(Fault::python(
            "'=' alignment not allowed in string format specifier",
        ));
    }
    let text = text::str(value)?;
    let text: String = match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text,
    };
    Ok(padded("", &text, spec, '<'))
}

/// Says which kinds of numbers can have their digits in groups.
fn check_grouping(spec: &Spec) -> Outcome<()> {
    match (spec.grouping, spec.kind) {
        (None, _) | (_, None | Some('d' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')) => Ok(()),
        (Some('_'), Some('b' | 'o' | 'x' | 'X')) => Ok(()),
        (Some(separator), Some(kind)) => Err(Fault::python(format!(
            "Cannot specify '{separator}' with '{kind}'."
        ))),
    }
}

fn int_with_spec(int: i128, spec: &Spec) -> Outcome<String> {
    if spec.kind == Some('c') {
        let character = u32::try_from(int).ok().and_then(char::from_u32);
        let character = character.ok_or_else(|| Fault::python("%c arg not in range(0x110000)"))?;
        return Ok(padded("", &character.to_string(), spec, '<'));
    }
    let kind = spec.kind.unwrap_or('d');
    let prefix = match kind {
        'x' if spec.is_alternate => "0x",
        'X' if spec.is_alternate => "0X",
        'o' if spec.is_alternate => "0o",
        'b' if spec.is_alternate => "0b",
        _ => "",
    };
    let head = format!("{}{prefix}", sign(int < 0, spec));
    let mut digits = number_text::digits(int, kind);
    if let Some(separator) = spec.grouping {
        let is_binary = matches!(kind, 'x' | 'X' | 'o' | 'b');
        let size = if is_binary { 4 } else { 3 };
        digits = number_text::grouped(&digits, separator, size);
        if spec.fills_groups() {
            digits = number_text::zero_filled(&digits, separator, size, spec.width, head.len());
        }
    }
    Ok(padded(&head, &digits, spec, '>'))
}

fn float_digits(float: f64, spec: &Spec) -> Option<String> {
    let magnitude = float.abs();
    let digits = match spec.kind {
        Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G')) => number_text::float(
            magnitude,
            spec.precision.unwrap_or(6),
            kind,
            spec.is_alternate,
        ),
        Some('n') => number_text::float(magnitude, spec.precision.unwrap_or(6), 'g', false),
        Some('%') => {
            let precision = spec.precision.unwrap_or(6);
            number_text::float(magnitude * 100.0, precision, 'f', false) + "%"
        }
        None => match spec.precision {
            None => model::value::float_repr(magnitude),
            Some(precision) => {
                let text = number_text::float(magnitude, precision, 'g', false);
                if text.contains(['.', 'e']) || !magnitude.is_finite() {
                    text
                } else {
                    text + ".0"
                }
            }
        },
        Some(_) => return None,
    };
    Some(match spec.grouping {
        Some(separator) => {
            let digits = number_text::grouped(&digits, separator, 3);
            if spec.fills_groups() && magnitude.is_finite() {
                let head = sign(float.is_sign_negative(), spec).len();
                number_text::zero_filled(&digits, separator, 3, spec.width, head)
            } else {
                digits
            }
        }
        None => digits,
    })
}

impl Spec {
    /// Says whether zeros fill the number up between its groups.
    fn fills_groups(&self) -> bool {
        self.fill == Some('0') && (self.is_zero_filled || self.align == Some('='))
    }
}

fn sign(is_negative: bool, spec: &Spec) -> &'static str {
    match spec.sign {
        _ if is_negative => "-",
        Some('+') => "+",
        Some(' ') => " ",
        _ => "",
    }
}

fn padded(head: &str, body: &str, spec: &Spec, usual: char) -> String {
    let length = head.chars().count() + body.chars().count();
    let missing = spec.width.saturating_sub(length);
    let fill = |count: usize| spec.fill.unwrap_or(' ').to_string().repeat(count);
    let usual = if spec.is_zero_filled && usual == '>' {
        '='
    } else {
        usual
    };
    match spec.align.unwrap_or(usual) {
        '<' => format!("{head}{body}{}", fill(missing)),
        '^' => {
            let left = missing / 2;
            format!("{}{head}{body}{}", fill(left), fill(missing - left))
        }
        '=' => format!("{head}{}{body}", fill(missing)),
        _ => format!("{}{head}{body}", fill(missing)),
    }
}
