//! Plain scalars: what YAML 1.1 takes them for, and the value they get.
//!
//! The patterns are those of YAML 1.1's type repository as PyYAML writes them; the values follow
//! Salt's loader, which reads `0644` as 644 and leaves time stamps as text.

use model::Value;

use super::compose::Tag;

/// Finds the tag of a plain scalar.
pub(super) fn resolve(text: &str) -> Tag {
    match text {
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false"
        | "False" | "FALSE" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => return Tag::Bool,
        "" | "~" | "null" | "Null" | "NULL" => return Tag::Null,
        "<<" => return Tag::Merge,
        "=" => return Tag::Value,
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'-' | b'+' | b'.' | b'0'..=b'9') => {
            if is_float(text) {
                Tag::Float
            } else if is_int(text) {
                Tag::Int
            } else if is_timestamp(text) {
                Tag::Timestamp
            } else {
                Tag::Str
            }
        }
        _ => Tag::Str,
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

fn is_digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn starts_with_digit(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// `[0-9][0-9_]*`
fn is_digits(text: &str) -> bool {
    starts_with_digit(text) && text.bytes().all(is_digit_or_line)
}

/// One or more `[0-5]?[0-9]`, separated by colons.
fn is_sexagesimal(text: &str) -> bool {
    text.split(':').all(|part| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    })
}

/// Nothing, or `[eE][-+][0-9]+`: the sign is not optional.
fn is_exponent(text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        [b'e' | b'E', b'-' | b'+', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (rest, _) = unsigned(text);
    if matches!(rest, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, fraction)) = rest.split_once('.') else {
        return false;
    };
    let digits = fraction
        .bytes()
        .take_while(|byte| is_digit_or_line(*byte))
        .count();
    let (fraction, exponent) = fraction.split_at(digits);
    if whole.is_empty() {
        // Without a sign only: `-.5` is text.
        return rest.len() == text.len() && starts_with_digit(fraction) && is_exponent(exponent);
    }
    match whole.split_once(':') {
        Some((first, others)) => is_digits(first) && is_sexagesimal(others) && exponent.is_empty(),
        None => is_digits(whole) && is_exponent(exponent),
    }
}

fn is_int(text: &str) -> bool {
    let (rest, _) = unsigned(text);
    if let Some(binary) = rest.strip_prefix("0b") {
        return all(binary, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = rest.strip_prefix("0x") {
        return all(hex, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    if rest == "0" {
        return true;
    }
    if let Some(octal) = rest.strip_prefix('0') {
        return all(octal, |byte| matches!(byte, b'0'..=b'7' | b'_'));
    }
    match rest.split_once(':') {
        Some((first, others)) => is_digits(first) && is_sexagesimal(others),
        None => is_digits(rest),
    }
}

/// Reads a date or a date with a time, as PyYAML's pattern has it.
fn is_timestamp(text: &str) -> bool {
    let mut rest = Rest(text.as_bytes());
    if !(rest.digits(4, 4) && rest.take(b'-')) {
        return false;
    }
    if let [d1, d2, b'-', d3, d4] = rest.0 {
        return [d1, d2, d3, d4].iter().all(|digit| digit.is_ascii_digit());
    }
    if !(rest.digits(1, 2) && rest.take(b'-') && rest.digits(1, 2)) {
        return false;
    }
    if !(rest.take(b'T') || rest.take(b't') || rest.blanks() > 0) {
        return false;
    }
    if !(rest.digits(1, 2) && rest.take(b':') && rest.digits(2, 2)) {
        return false;
    }
    if !(rest.take(b':') && rest.digits(2, 2)) {
        return false;
    }
    if rest.take(b'.') {
        while rest.digits(1, 1) {}
    }
    if rest.0.is_empty() {
        return true;
    }
    rest.blanks();
    if rest.take(b'Z') {
        return rest.0.is_empty();
    }
    if !((rest.take(b'-') || rest.take(b'+')) && rest.digits(1, 2)) {
        return false;
    }
    rest.0.is_empty() || (rest.take(b':') && rest.digits(2, 2) && rest.0.is_empty())
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes `least..=most` digits.
    fn digits(&mut self, least: usize, most: usize) -> bool {
        let count = self
            .0
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.0 = &self.0[count..];
        count >= least
    }

    fn blanks(&mut self) -> usize {
        let count = self
            .0
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        self.0 = &self.0[count..];
        count
    }
}

/// Reads a boolean.
pub(super) fn bool_value(text: &str) -> Option<Value> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Some(Value::Bool(true)),
        "no" | "false" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Reads an integer. Salt takes leading zeros off first, so that `0644` is 644; behind a sign they
/// still mean octal. `None` if it is none, or does not fit 128 bits.
pub(super) fn int_value(text: &str) -> Option<Value> {
    let is_octal_look =
        text.starts_with('0') && text != "0" && !text.starts_with("0b") && !text.starts_with("0x");
    let text = if is_octal_look {
        match text.trim_start_matches('0') {
            "" => "0",
            rest => rest,
        }
    } else {
        text
    };
    let plain = text.replace('_', "");
    let (digits, is_negative) = unsigned(&plain);
    let int = if digits == "0" {
        0
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()?
    } else if digits.starts_with('0') {
        i128::from_str_radix(digits, 8).ok()?
    } else if digits.contains(':') {
        let mut sum: i128 = 0;
        for part in digits.split(':') {
            sum = sum.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        }
        sum
    } else {
        digits.trim().parse().ok()?
    };
    Some(Value::Int(if is_negative { -int } else { int }))
}

/// Reads a float. `None` if it is none.
pub(super) fn float_value(text: &str) -> Option<Value> {
    let plain = text.replace('_', "").to_lowercase();
    let (digits, is_negative) = unsigned(&plain);
    let float = if digits == ".inf" {
        f64::INFINITY
    } else if digits == ".nan" {
        f64::NAN
    } else if digits.contains(':') {
        let mut base = 1.0;
        let mut sum = 0.0;
        for part in digits.rsplit(':') {
            sum += part.parse::<f64>().ok()? * base;
            base *= 60.0;
        }
        sum
    } else {
        digits.parse().ok()?
    };
    Some(Value::Float(if is_negative { -float } else { float }))
}
