//! Turns the words after a function's name into its arguments, as Salt's
//! `salt.utils.args.parse_input` does.
//!
//! `name=value` is a keyword argument; every value is read as YAML unless it would lose something.
//! The table of cases in `testdata/arguments.json` was written by Salt itself.

use model::{Map, Value};

use crate::yaml;

/// The arguments of one call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Arguments {
    /// By place.
    pub(crate) arg: Vec<Value>,
    /// By name.
    pub(crate) kwarg: Map,
}

/// Reads the words; values of the names in `no_parse` stay text.
pub(crate) fn parse_input(words: &[String], no_parse: &[String]) -> Arguments {
    let mut arguments = Arguments::default();
    for word in words {
        match parse_kwarg(word) {
            Some((name, value)) => {
                let is_text = no_parse.iter().any(|kept| kept == name);
                let value = if is_text {
                    Value::str(value)
                } else {
                    yamlify(value)
                };
                arguments.kwarg.insert(name, value);
            }
            None => arguments.arg.push(keep_jid(yamlify(word))),
        }
    }
    arguments
}

/// Splits `name=value`; `None` for anything else, such as `a==b`, `1=2` or a value of several
/// lines.
fn parse_kwarg(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let first = name.chars().next()?;
    let is_name = (first == '_' || first.is_alphabetic())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !is_name || value.starts_with('=') {
        return None;
    }
    // A line end at the very end does not count.
    let value = value.strip_suffix('\n').unwrap_or(value);
    (!value.contains('\n')).then_some((name, value))
}

/// A positional number that is a jid travels as text.
fn keep_jid(value: Value) -> Value {
    match &value {
        Value::Int(int) if int.to_string().len() == 20 => Value::str(int.to_string()),
        _ => value,
    }
}

/// Reads one value as YAML, where that loses nothing; else gives the text back as it came.
pub(crate) fn yamlify(text: &str) -> Value {
    let trimmed = text.trim();
    let original = || Value::str(text);
    let is_barred = text.contains('_') && trimmed.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if matches!(trimmed, "" | "---" | "...") || is_barred || text.contains(['\t', '\r', '\n']) {
        return original();
    }
    if text == "None" {
        return Value::Nil;
    }
    let Ok(value) = yaml::load(text) else {
        return original();
    };
    if text.contains('#') {
        // What follows a # would be lost as a comment, unless the rest is clearly data.
        return match value {
            Value::Str(_) | Value::Nil => original(),
            data => data,
        };
    }
    match value {
        Value::Map(_) if !text.starts_with('{') => original(),
        Value::List(_) if !text.starts_with('[') => original(),
        Value::Str(read) if read.is_empty() && matches!(text, "|" | "!") => original(),
        Value::Nil if text == "!" => original(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        word: String,
        arg: Vec<Value>,
        kwarg: Map,
    }

    #[test]
    fn words_are_read_as_salt_reads_them() {
        let text = include_str!("../testdata/arguments.json");
        let cases: Vec<Case> = serde_json::from_str(text).unwrap();
        assert!(cases.len() > 100);
        let mut wrong = Vec::new();
        for case in cases {
            let read = parse_input(std::slice::from_ref(&case.word), &[]);
            let said = (Value::List(read.arg).repr(), Value::Map(read.kwarg).repr());
            let salt = (Value::List(case.arg).repr(), Value::Map(case.kwarg).repr());
            if said != salt {
                wrong.push(format!("{:?}: {said:?}, Salt {salt:?}", case.word));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_kept_name_stays_text() {
        let words = ["a=1".to_owned(), "b=1".to_owned()];
        let read = parse_input(&words, &["b".to_owned()]);
        assert_eq!(read.kwarg.get("a"), Some(&Value::Int(1)));
        assert_eq!(read.kwarg.get("b"), Some(&Value::str("1")));
    }
}
