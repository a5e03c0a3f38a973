//! Matches `a:b:value` against grains or pillar, as Salt's `subdict_match` does.
//!
//! Keys and values may hold colons themselves, so every split is tried, the deepest first. A map
//! matches by its keys, a list by its members, and `*` as a key stands for any.

use super::{InvalidTarget, regex};
use crate::{Glob, Map, Value};

/// How the last part is compared; letters of both sides are lowered first.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Glob,
    Pcre,
    Exact,
}

/// Says whether the data has what the expression names.
pub(super) fn matches(data: &Map, expression: &str, how: How) -> Result<bool, InvalidTarget> {
    for (at, _) in expression.rmatch_indices(':') {
        let (path, pattern) = (&expression[..at], &expression[at + 1..]);
        let is_match = if path == "*" {
            matches_map(data, expression, how)?
        } else {
            match look_up(data, path) {
                Some(found) => matches_found(found, pattern, how)?,
                None => false,
            }
        };
        if is_match {
            return Ok(true);
        }
    }
    Ok(false)
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

fn matches_found(found: &Value, pattern: &str, how: How) -> Result<bool, InvalidTarget> {
    match found {
        // Salt takes an empty map for a missing one.
        Value::Map(map) if map.is_empty() => Ok(false),
        Value::Map(map) => matches_map(map, pattern, how),
        Value::List(items) => {
            for item in items {
                if let Value::Map(map) = item
                    && matches_map(map, pattern, how)?
                {
                    return Ok(true);
                }
                if compare(item, pattern, how)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        scalar => compare(scalar, pattern, how),
    }
}

fn matches_map(map: &Map, pattern: &str, how: How) -> Result<bool, InvalidTarget> {
    let (is_wild, pattern) = match pattern.strip_prefix("*:") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    if pattern == "*" || map.contains_key(pattern) {
        return Ok(true);
    }
    for key in map.keys() {
        if compare(key, pattern, how)? {
            return Ok(true);
        }
    }
    if matches(map, pattern, how)? {
        return Ok(true);
    }
    if !is_wild {
        return Ok(false);
    }
    for value in map.values() {
        let is_match = match value {
            Value::Map(map) => matches_map(map, pattern, how)?,
            Value::List(items) => any(items, pattern, how)?,
            scalar => compare(scalar, pattern, how)?,
        };
        if is_match {
            return Ok(true);
        }
    }
    Ok(false)
}

fn any(items: &[Value], pattern: &str, how: How) -> Result<bool, InvalidTarget> {
    for item in items {
        if compare(item, pattern, how)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(value: &Value, pattern: &str, how: How) -> Result<bool, InvalidTarget> {
    let (text, pattern) = (value.to_text().to_lowercase(), pattern.to_lowercase());
    Ok(match how {
        How::Glob => Glob::new(&pattern).matches(&text),
        How::Pcre => regex(&pattern)?.is_match(&text).unwrap_or(false),
        How::Exact => text == pattern,
    })
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
            let ours = matches(&data, expression, how).expect("a good expression");
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
