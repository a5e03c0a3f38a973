//! Matches `a:b:value` against grains or pillar, as Salt's `subdict_match` does.
//!
//! Keys and values may hold colons themselves, so every split is tried, the deepest first. A map
//! matches by its keys, a list by its members, and `*` as a key stands for any.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use fancy_regex::Regex;

use super::InvalidTarget;
use super::matcher::regex;
use crate::{Glob, Map, Value};

/// How the last part is compared; letters of both sides are lowered first.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Glob,
    Pcre,
    Exact,
}

/// An expression over data.
#[derive(Debug)]
pub(super) struct Pattern {
    expression: String,
    how: How,
    /// The last parts that were met so far, read: an expression has as many as it has colons, and
    /// is held against thousands of minions.
    ready: RefCell<HashMap<String, Rc<Last>>>,
}

/// A last part, read.
#[derive(Debug)]
enum Last {
    Glob(Glob),
    Pcre(Regex),
    Exact(String),
}

impl Pattern {
    pub(super) fn new(expression: String, how: How) -> Self {
        Self {
            expression,
            how,
            ready: RefCell::default(),
        }
    }

    /// Says whether the data has what the expression names.
    pub(super) fn matches(&self, data: &Map) -> Result<bool, InvalidTarget> {
        self.matches_any_split(data, &self.expression)
    }

    fn matches_any_split(&self, data: &Map, expression: &str) -> Result<bool, InvalidTarget> {
        for (at, _) in expression.rmatch_indices(':') {
            let (path, pattern) = (&expression[..at], &expression[at + 1..]);
            let is_match = if path == "*" {
                self.matches_map(data, expression)?
            } else {
                match look_up(data, path) {
                    Some(found) => self.matches_found(found, pattern)?,
                    None => false,
                }
            };
            if is_match {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn matches_found(&self, found: &Value, pattern: &str) -> Result<bool, InvalidTarget> {
        match found {
            // Salt takes an empty map for a missing one.
            Value::Map(map) if map.is_empty() => Ok(false),
            Value::Map(map) => self.matches_map(map, pattern),
            Value::List(items) => {
                for item in items {
                    if let Value::Map(map) = item
                        && self.matches_map(map, pattern)?
                    {
                        return Ok(true);
                    }
                    if self.compare(item, pattern)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            scalar => self.compare(scalar, pattern),
        }
    }

    fn matches_map(&self, map: &Map, pattern: &str) -> Result<bool, InvalidTarget> {
        let (is_wild, pattern) = match pattern.strip_prefix("*:") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        if pattern == "*" || map.contains_key(pattern) {
            return Ok(true);
        }
        if self.any(map.keys(), pattern)? || self.matches_any_split(map, pattern)? {
            return Ok(true);
        }
        if !is_wild {
            return Ok(false);
        }
        for value in map.values() {
            let is_match = match value {
                Value::Map(map) => self.matches_map(map, pattern)?,
                Value::List(items) => self.any(items, pattern)?,
                scalar => self.compare(scalar, pattern)?,
            };
            if is_match {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn any<'a>(
        &self,
        values: impl IntoIterator<Item = &'a Value>,
        pattern: &str,
    ) -> Result<bool, InvalidTarget> {
        for value in values {
            if self.compare(value, pattern)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare(&self, value: &Value, pattern: &str) -> Result<bool, InvalidTarget> {
        let text = value.to_text().to_lowercase();
        Ok(match self.last(pattern)?.as_ref() {
            Last::Glob(glob) => glob.matches(&text),
            Last::Pcre(regex) => regex.is_match(&text).unwrap_or(false),
            Last::Exact(exact) => text == *exact,
        })
    }

    fn last(&self, pattern: &str) -> Result<Rc<Last>, InvalidTarget> {
        if let Some(last) = self.ready.borrow().get(pattern) {
            return Ok(Rc::clone(last));
        }
        let lowered = pattern.to_lowercase();
        let last = Rc::new(match self.how {
            How::Glob => Last::Glob(Glob::new(&lowered)),
            How::Pcre => Last::Pcre(regex(&lowered)?),
            How::Exact => Last::Exact(lowered),
        });
        let mut ready = self.ready.borrow_mut();
        ready.insert(pattern.to_owned(), Rc::clone(&last));
        Ok(last)
    }
}

fn look_up<'a>(data: &'a Map, path: &str) -> Option<&'a Value> {
    let (first, rest) = path
        .split_once(':')
        .map_or((path, None), |(a, b)| (a, Some(b)));
    let found = data.get(first).or_else(|| {
        let int: i128 = first.parse().ok()?;
        data.get_value(&Value::Int(int))
    })?;
    rest.map_or(Some(found), |rest| found.traverse(rest, ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each answer is that of `salt.utils.data.subdict_match` of Salt 3006.30.
    #[test]
    fn salt_matches_the_same() {
        let data: Map = serde_json::from_str(
            r#"{"os": "SUSE", "a": {"b": {"c": "Deep", "d": ["one", "Two"]}, "e": "x:y"},
                "k:with": {"colon": "v"}, "list": ["p", {"q": "r"}, {"s": {"t": "u"}}],
                "empty": {}, "n": 5, "t": true, "5": "text"}"#,
        )
        .expect("JSON");
        for line in CASES.lines() {
            let (answer, expression) = line.split_once(' ').expect("an answer and an expression");
            let (how, answer) = match answer.split_at(1) {
                ("g", answer) => (How::Glob, answer),
                ("p", answer) => (How::Pcre, answer),
                (_, answer) => (How::Exact, answer),
            };
            let pattern = Pattern::new(expression.to_owned(), how);
            let ours = pattern.matches(&data).expect("a good expression");
            assert_eq!(ours, answer == "+", "{line}");
        }
    }

    const CASES: &str = "\
        g+ os:suse\ng+ os:S*\ng- os\ng+ os:*\n\
        g+ a:b\ng+ a:b:c\ng+ a:b:c:deep\ng+ a:b:c:D*\n\
        g+ a:b:d:two\ng- a:b:d:0\ng+ a:b:d:0:one\ng+ a:e:x:y\n\
        g- a:e:x\ng- k:with:colon:v\ng- k:with:colon\ng+ list:p\n\
        g+ list:q\ng+ list:q:r\ng+ list:s:t:u\ng+ list:s:t\n\
        g+ list:1:q:r\ng- list:z\ng- empty:*\ng- empty:x\n\
        g+ n:5\ng+ n:*\ng+ t:true\ng+ t:True\n\
        g+ 5:text\ng+ *:suse\ng+ *:b\ng+ *:b:c\n\
        g+ *:b:c:deep\ng+ a:*:c:deep\ng- a:*:deep\ng- a:*:two\n\
        g+ a:*\ng+ a:B\ng+ a:b*\ng+ *:*\n\
        g- *:zzz\ng+ a:b:*:one\ng- missing:*\ng- a:b:c:.*\n\
        g+ list:*\ng- *:q\np+ os:suse\np- os\n\
        p+ a:b\np+ a:b:c\np+ a:b:c:deep\np+ a:b:d:two\n\
        p- a:b:d:0\np+ a:b:d:0:one\np+ a:e:x:y\np+ a:e:x\n\
        p- k:with:colon:v\np- k:with:colon\np+ list:p\np+ list:q\n\
        p+ list:q:r\np+ list:s:t:u\np+ list:s:t\np+ list:1:q:r\n\
        p- list:z\np- empty:x\np+ n:5\np+ t:true\n\
        p+ t:True\np+ 5:text\np+ a:B\np+ a:b:c:.*\n\
        e+ os:suse\ne- os:S*\ne- os\ne- os:*\n\
        e+ a:b\ne+ a:b:c\ne+ a:b:c:deep\ne- a:b:c:D*\n\
        e+ a:b:d:two\ne- a:b:d:0\ne+ a:b:d:0:one\ne+ a:e:x:y\n\
        e- a:e:x\ne- k:with:colon:v\ne- k:with:colon\ne+ list:p\n\
        e+ list:q\ne+ list:q:r\ne+ list:s:t:u\ne+ list:s:t\n\
        e+ list:1:q:r\ne- list:z\ne- empty:*\ne- empty:x\n\
        e+ n:5\ne- n:*\ne+ t:true\ne+ t:True\n\
        e+ 5:text\ne+ *:suse\ne+ *:b\ne+ *:b:c\n\
        e+ *:b:c:deep\ne+ a:*:c:deep\ne- a:*:deep\ne- a:*:two\n\
        e+ a:*\ne+ a:B\ne- a:b*\ne+ *:*\n\
        e- *:zzz\ne+ a:b:*:one\ne- missing:*\ne- a:b:c:.*\n\
        e+ list:*\ne- *:q";
}
