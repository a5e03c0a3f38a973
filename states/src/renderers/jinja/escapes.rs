//! Python's string escapes, as Jinja's lexer decodes them: an unknown one keeps its backslash, so
//! that `'\d+'` is a regular expression.

use super::fault::{Fault, FaultKind, Outcome};

/// Decodes the inside of a string literal.
pub(super) fn decode(text: &str) -> Outcome<String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let Some(kind) = behind.chars().next() else {
            out.push('\\');
            return Ok(out);
        };
        let after = &behind[kind.len_utf8()..];
        rest = after;
        match kind {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(kind),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' => rest = hex(after, 2, "\\xXX", &mut out)?,
            'u' => rest = hex(after, 4, "\\uXXXX", &mut out)?,
            'U' => rest = hex(after, 8, "\\UXXXXXXXX", &mut out)?,
            '0'..='7' => {
                let count = behind
                    .bytes()
                    .take(3)
                    .take_while(|b| (b'0'..=b'7').contains(b))
                    .count();
                let code = u32::from_str_radix(&behind[..count], 8).unwrap_or(0);
                out.extend(char::from_u32(code));
                rest = &behind[count..];
            }
            'N' => return Err(bad("named characters (\\N{...}) are not supported")),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn bad(reason: &str) -> Box<Fault> {
    Fault::new(FaultKind::Syntax, reason)
}

fn hex<'a>(text: &'a str, count: usize, form: &str, out: &mut String) -> Outcome<&'a str> {
    let digits = text
        .get(..count)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match code.map(char::from_u32) {
        Some(Some(character)) => out.push(character),
        Some(None) => return Err(bad("illegal Unicode character")),
        None => return Err(bad(&format!("truncated {form} escape"))),
    }
    Ok(&text[count..])
}
