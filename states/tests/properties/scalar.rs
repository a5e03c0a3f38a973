//! Plain scalars against the patterns of YAML 1.1's type repository.
//!
//! Two things are Salt's own: digits behind leading zeros are decimal (`0644` is 644), and time
//! stamps stay text.

use std::sync::OnceLock;

use fancy_regex::Regex;
use proptest::prelude::*;
use states::renderers::load_yaml;

const INT: &str = r"(?x)^(?: [-+]?0b[0-1_]+ | [-+]?0[0-7_]+ | [-+]?(?:0|[1-9][0-9_]*)
    | [-+]?0x[0-9a-fA-F_]+ | [-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+ )$";
const FLOAT: &str = r"(?x)^(?: [-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?
    | \.[0-9][0-9_]*(?:[eE][-+][0-9]+)? | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN) )$";
const BOOL: &str =
    "^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$";
const NULL: &str = "^(?:~|null|Null|NULL)$";

fn is(pattern: &'static str, place: usize, text: &str) -> bool {
    static PATTERNS: [OnceLock<Regex>; 4] = [const { OnceLock::new() }; 4];
    let regex = PATTERNS[place].get_or_init(|| Regex::new(pattern).expect("a pattern"));
    regex.is_match(text).expect("a short text")
}

/// Says what a plain scalar is, as Python prints it.
fn expected(text: &str) -> String {
    if is(BOOL, 0, text) {
        let is_true = matches!(text.to_lowercase().as_str(), "yes" | "true" | "on");
        return if is_true { "True" } else { "False" }.to_owned();
    }
    if is(NULL, 1, text) {
        return "None".to_owned();
    }
    if is(FLOAT, 2, text) {
        return python(float(text));
    }
    if is(INT, 3, text) {
        return int(text).to_string();
    }
    format!("'{text}'")
}

fn unsigned(text: &str) -> (i128, String) {
    let plain = text.replace('_', "");
    match plain.strip_prefix('-') {
        Some(rest) => (-1, rest.to_owned()),
        None => (1, plain.trim_start_matches('+').to_owned()),
    }
}

fn int(text: &str) -> i128 {
    let (sign, digits) = unsigned(text);
    let of = |digits: &str, base| i128::from_str_radix(digits, base).expect("digits");
    let size = if let Some(bits) = digits.strip_prefix("0b") {
        of(bits, 2)
    } else if let Some(hex) = digits.strip_prefix("0x") {
        of(hex, 16)
    } else if digits.contains(':') {
        digits
            .split(':')
            .fold(0, |sum, part| sum * 60 + of(part, 10))
    } else if text.starts_with('0') {
        // Leading zeros go first, underscores later: what then begins with a zero is octal.
        let rest = text.trim_start_matches('0').replace('_', "");
        match rest.strip_prefix('0').filter(|octal| !octal.is_empty()) {
            Some(octal) => of(octal, 8),
            None if rest.is_empty() => 0,
            None => of(&rest, 10),
        }
    } else if let Some(octal) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        of(octal, 8)
    } else {
        of(&digits, 10)
    };
    sign * size
}

fn float(text: &str) -> f64 {
    let (sign, digits) = unsigned(&text.to_lowercase());
    let size = match digits.as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        sexagesimal if sexagesimal.contains(':') => {
            let parts: Vec<f64> = sexagesimal
                .split(':')
                .map(|part| part.parse().expect("digits"))
                .collect();
            // From the last part on, as Python adds them up.
            let mut base = 1.0;
            parts.iter().rev().fold(0.0, |sum, part| {
                let sum = sum + part * base;
                base *= 60.0;
                sum
            })
        }
        plain => plain.parse().expect("a float"),
    };
    sign as f64 * size
}

/// Prints a float of a size at which Python uses no exponent; others are not generated.
fn python(float: f64) -> String {
    match float {
        float if float.is_nan() => "nan".to_owned(),
        float if float.is_infinite() => format!("{float}"),
        float => format!("{float:?}"),
    }
}

/// Says whether Python prints a float as Rust does: without an exponent.
fn is_plain(text: &str) -> bool {
    !is(FLOAT, 2, text) || {
        let size = float(text).abs();
        size == 0.0 || !size.is_finite() || (1e-4..1e16).contains(&size)
    }
}

/// Says whether a scalar is one at all behind `- `, and one whose digits are not all underscores.
fn is_scalar(text: &str) -> bool {
    let rest = text.trim_matches(|c| "+-0_".contains(c));
    let is_hollow = text.contains('_') && matches!(rest, "" | "b" | "x" | ".");
    !text.is_empty() && !text.ends_with(':') && text != "-" && !is_hollow
}

fn scalars() -> impl Strategy<Value = String> {
    prop_oneof![
        // Numbers and what nearly is one.
        "[-+]?[0-9][0-9_]{0,8}",
        "[-+]?0[bxo]?[0-9a-fA-F_]{0,8}",
        "[-+]?[0-9_]{0,4}\\.[0-9_]{0,6}([eE][-+]?[0-9]{1,2})?",
        "[-+]?[0-9]{1,3}(:[0-9]{1,2}){1,5}(\\.[0-9_]{0,3})?",
        "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(T[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,3})?Z?)?",
        // Words and what nearly is one.
        "(yes|no|true|false|on|off|null|nan|inf|y|n)",
        "(Yes|NO|True|FALSE|On|oFF|Null|NULL|\\.nan|\\.NaN|[-+]?\\.inf|\\.INF)",
        "[-+.:_0-9a-fxobeEnNyY~]{1,10}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_plain_scalar_is_what_yaml_1_1_says(text in scalars()) {
        prop_assume!(is_scalar(&text) && is_plain(&text));
        let read = load_yaml(&format!("- {text}\n"));
        let read = read.map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        let first = read.as_list().and_then(|list| list.first().cloned());
        prop_assert_eq!(first.unwrap_or_default().repr(), expected(&text), "{:?}", text);
    }

    #[test]
    fn quotes_and_tags_make_text(text in scalars()) {
        for written in [format!("'{text}'"), format!("\"{text}\""), format!("!!str '{text}'")] {
            let read = load_yaml(&written).unwrap();
            prop_assert_eq!(read.as_str(), Some(text.as_str()));
        }
    }
}
