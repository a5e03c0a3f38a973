//! JSON text to data, as Python's `json` reads it: integers of any size up to 128 bits, `NaN` and
//! `Infinity`, the last of two equal keys. An empty text is an empty map for the renderer, as in
//! Salt.

use model::{Map, Value};

use crate::error::{Error, ErrorKind};

/// Deeper nesting is refused, as in YAML; Python ends with a recursion error near 1,000.
const MAX_DEPTH: usize = 200;

/// Renders a text; a `#!` line is skipped.
pub(super) fn render(text: &str) -> Result<Value, Error> {
    let body = match text.strip_prefix("#!") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text,
    };
    if body.trim().is_empty() {
        return Ok(Map::new().into());
    }
    load(body)
}

/// Reads one JSON value.
pub(super) fn load(text: &str) -> Result<Value, Error> {
    let mut reader = Reader { text, at: 0 };
    reader
        .document()
        .map_err(|(message, at)| placed(text, &message, at))
}

/// What is wrong, and the byte where it is.
type Fault = (String, usize);

/// Says it as Python does; line and column count from 1.
fn placed(text: &str, message: &str, at: usize) -> Error {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let index = before.chars().count();
    let message = format!("{message}: line {line} column {column} (char {index})");
    Error::new(ErrorKind::Json, message).at(line, Some(column), text)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fault<T>(&self, message: &str, at: usize) -> Result<T, Fault> {
        Err((message.to_owned(), at))
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        let kept = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - kept.len();
    }

    /// Takes a word if it stands here.
    fn take(&mut self, word: &str) -> bool {
        let is_here = self.rest().starts_with(word);
        if is_here {
            self.at += word.len();
        }
        is_here
    }

    fn document(&mut self) -> Result<Value, Fault> {
        self.skip_blanks();
        let value = self.value(0)?;
        self.skip_blanks();
        if self.at < self.text.len() {
            return self.fault("Extra data", self.at);
        }
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > MAX_DEPTH {
            let message = format!("the data is nested deeper than {MAX_DEPTH} levels");
            return self.fault(&message, self.at);
        }
        match self.rest().as_bytes().first() {
            Some(b'"') => self.string().map(Value::Str),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, Fault> {
        let words = [
            ("null", Value::Nil),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            if self.take(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let start = usize::from(rest.starts_with('-'));
        let mut end = start
            + match digits(start) {
                0 => return self.fault("Expecting value", self.at),
                _ if rest[start..].starts_with('0') => 1,
                count => count,
            };
        let whole = end;
        if rest[end..].starts_with('.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let count = digits(end + 1 + sign);
            if count > 0 {
                end += 1 + sign + count;
            }
        }
        let text = &rest[..end];
        let start = self.at;
        self.at += end;
        if end == whole {
            return text.parse().map(Value::Int).or_else(|_| {
                self.fault(
                    &format!("the integer {text} needs more than 128 bits"),
                    start,
                )
            });
        }
        let float = text.parse().map(Value::Float);
        float.or_else(|_| self.fault("Expecting value", start))
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(index) = rest.find(|c: char| c == '"' || c == '\\' || u32::from(c) < 32)
            else {
                return self.fault("Unterminated string starting at", start);
            };
            out.push_str(&rest[..index]);
            self.at += index;
            match rest.as_bytes()[index] {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => out.push(self.escape(start)?),
                _ => return self.fault("Invalid control character at", self.at),
            }
        }
    }

    /// Reads what stands behind a backslash.
    fn escape(&mut self, start: usize) -> Result<char, Fault> {
        let at = self.at;
        let Some(code) = self.rest()[1..].chars().next() else {
            return self.fault("Unterminated string starting at", start);
        };
        self.at += 1 + code.len_utf8();
        Ok(match code {
            '"' | '\\' | '/' => code,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(at),
            _ => return self.fault("Invalid \\escape", at),
        })
    }

    /// Reads four digits, or eight of a pair of surrogates.
    fn unicode(&mut self, at: usize) -> Result<char, Fault> {
        let first = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            self.at += 2;
            match self.four_digits()? {
                second @ 0xdc00..0xe000 => 0x10000 + ((first - 0xd800) << 10) + second - 0xdc00,
                _ => first,
            }
        } else {
            first
        };
        // Half a pair is a text in Python that no file can hold.
        char::from_u32(code).map_or_else(|| self.fault("Half a surrogate pair at", at), Ok)
    }

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let digits = self.rest().get(..4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u32::from_str_radix(digits, 16) {
            Ok(code) if is_hex => {
                self.at += 4;
                Ok(code)
            }
            _ => self.fault("Invalid \\uXXXX escape", self.at),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return self.fault("Expecting ',' delimiter", self.at);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        let mut map = Map::new();
        self.skip_blanks();
        if self.take("}") {
            return Ok(map.into());
        }
        loop {
            self.skip_blanks();
            if !self.rest().starts_with('"') {
                return self.fault(NAME, self.at);
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(":") {
                return self.fault("Expecting ':' delimiter", self.at);
            }
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            map.insert(key, value);
            self.skip_blanks();
            if self.take("}") {
                return Ok(map.into());
            }
            if !self.take(",") {
                return self.fault("Expecting ',' delimiter", self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr(text: &str) -> String {
        match load(text) {
            Ok(value) => value.repr(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn numbers_are_pythons() {
        let text = "[0, -0, 100000000000000000000, -1.50, 1e3, 1E+400, NaN, -Infinity]";
        let found = "[0, 0, 100000000000000000000, -1.5, 1000.0, inf, nan, -inf]";
        assert_eq!(repr(text), found);
        assert_eq!(
            repr("1000000000000000000000000000000000000000"),
            "the integer 1000000000000000000000000000000000000000 needs more than 128 bits: \
             line 1 column 1 (char 0)"
        );
    }

    #[test]
    fn texts_are_unescaped_and_the_last_of_two_keys_wins() {
        let text = r#"{"a": "\u00e9\ud83d\ude00\n\"", "b": 1, "a": []}"#;
        assert_eq!(repr(text), "{'a': [], 'b': 1}");
        assert_eq!(repr(r#""\u00e9\ud83d\ude00\/""#), "'é😀/'");
        assert!(repr(r#""\ud83d""#).starts_with("Half a surrogate pair"));
        assert!(repr(r#""\ud83d\u0041""#).starts_with("Half a surrogate pair"));
    }

    #[test]
    fn faults_are_told_as_python_tells_them() {
        for (text, fault) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
            (
                "{\"a\" 1}",
                "Expecting ':' delimiter: line 1 column 6 (char 5)",
            ),
            ("1\n 2", "Extra data: line 2 column 2 (char 3)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            (
                "\"ä",
                "Unterminated string starting at: line 1 column 1 (char 0)",
            ),
            ("\"\\q\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
        ] {
            assert_eq!(repr(text), fault, "{text}");
        }
        assert!(repr(&"[".repeat(300)).contains("deeper than 200"));
    }
}
