//! Numbers as text, as Python's `%` and `format()` write them.

use model::value::float_repr;

/// Writes a float with a conversion of `eEfFgG`.
pub(super) fn float(value: f64, precision: usize, conversion: char, keeps_zeros: bool) -> String {
    if !value.is_finite() {
        let text = float_repr(value);
        return if conversion.is_uppercase() {
            text.to_uppercase()
        } else {
            text
        };
    }
    let text = match conversion.to_ascii_lowercase() {
        'f' => format!("{value:.precision$}"),
        'e' => exponential(value, precision),
        _ => general(value, precision.max(1), keeps_zeros),
    };
    if conversion.is_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}

fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn general(value: f64, precision: usize, keeps_zeros: bool) -> String {
    let scientific = format!("{value:.*e}", precision - 1);
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let is_fixed = exponent >= -4 && i64::from(exponent) < precision as i64;
    let text = if is_fixed {
        let decimals = (precision as i64 - 1 - i64::from(exponent)).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        exponential(value, precision - 1)
    };
    if keeps_zeros {
        return text;
    }
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", without_zeros(mantissa)),
        None => without_zeros(&text).to_owned(),
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Writes an integer's digits in a base of `dioxXb`, without its sign.
pub(super) fn digits(value: i128, conversion: char) -> String {
    let magnitude = value.unsigned_abs();
    match conversion {
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'o' => format!("{magnitude:o}"),
        'b' => format!("{magnitude:b}"),
        _ => magnitude.to_string(),
    }
}

/// Fills grouped digits with zeros, which are grouped too, up to a width that counts a head of this
/// length. A separator never stands first, so the text may become one longer.
pub(super) fn zero_filled(
    grouped: &str,
    separator: char,
    size: usize,
    width: usize,
    head: usize,
) -> String {
    let mut out = grouped.to_owned();
    let whole = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != separator)
            .unwrap_or(text.len())
    };
    while head + out.len() < width {
        let first = out[..whole(&out)]
            .find(separator)
            .unwrap_or_else(|| whole(&out));
        if first == size {
            out.insert(0, separator);
        }
        out.insert(0, '0');
    }
    out
}

/// Puts a separator between groups of digits of the whole part.
pub(super) fn grouped(digits: &str, separator: char, size: usize) -> String {
    let whole_length = digits
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(whole_length);
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % size == 0 {
            out.push(separator);
        }
        out.push(digit);
    }
    out.push_str(rest);
    out
}
