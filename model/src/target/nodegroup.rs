//! Nodegroups: names for compound expressions, from the option `nodegroups`.
//!
//! A group may name others (`N@other`). Minions know no groups, so the master sends what they stand
//! for.

use super::InvalidTarget;
use crate::{Map, Value};

/// Deepest nesting of groups. Salt stops only at a circle; this many levels are one.
const DEPTH_MAX: usize = 32;

/// Gives the compound expression of a group.
///
/// # Errors
/// There is no such group, or it names itself.
pub fn expression(group: &str, nodegroups: &Map) -> Result<String, InvalidTarget> {
    group_words(group, nodegroups, 0).map(|words| words.join(" "))
}

/// Replaces every `N@group` of a compound expression by what it stands for.
///
/// # Errors
/// There is no such group, or it names itself.
pub fn expand(compound: &str, nodegroups: &Map) -> Result<String, InvalidTarget> {
    if !compound.contains("N@") {
        return Ok(compound.to_owned());
    }
    let words: Vec<String> = compound.split_whitespace().map(str::to_owned).collect();
    expand_words(words, nodegroups, 0).map(|words| words.join(" "))
}

fn group_words(group: &str, nodegroups: &Map, depth: usize) -> Result<Vec<String>, InvalidTarget> {
    let error = |problem: &str| InvalidTarget::Expression(format!("N@{group}"), problem.to_owned());
    if depth > DEPTH_MAX {
        return Err(error("the nodegroup names itself"));
    }
    let words: Vec<String> = match nodegroups.get(group) {
        Some(Value::Str(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::List(words)) => words.iter().map(Value::to_text).collect(),
        Some(_) => return Err(error("the nodegroup is neither text nor a list")),
        None => return Err(error("the option nodegroups has no such group")),
    };
    expand_words(plain_words(words), nodegroups, depth)
}

/// Reads words without operators, wildcards and matchers as a list of ids, or as a regular
/// expression if one has a bracket, a backslash or a question mark.
fn plain_words(words: Vec<String>) -> Vec<String> {
    let has_matcher = |word: &String| {
        word.contains('*')
            || ["and", "or", "not", "(", ")"].contains(&word.as_str())
            || (word.as_bytes().get(1) == Some(&b'@') && word.as_bytes()[0].is_ascii_uppercase())
    };
    if words.is_empty() || words.iter().any(has_matcher) {
        return words;
    }
    let is_regex = words
        .iter()
        .any(|word| word.contains(['(', '[', '{', '\\', '?', '}', ']', ')']));
    let letter = if is_regex { 'E' } else { 'L' };
    vec![format!("{letter}@{}", words.join(","))]
}

fn expand_words(
    words: Vec<String>,
    nodegroups: &Map,
    depth: usize,
) -> Result<Vec<String>, InvalidTarget> {
    let mut expanded = Vec::with_capacity(words.len());
    for word in words {
        match word.strip_prefix("N@") {
            Some(group) => {
                expanded.push("(".to_owned());
                expanded.extend(group_words(group, nodegroups, depth + 1)?);
                expanded.push(")".to_owned());
            }
            None => expanded.push(word),
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_name_each_other_but_not_themselves() {
        let groups = Map::from([
            ("web", Value::str("web* and G@os:SUSE")),
            ("ids", Value::List(vec![Value::str("a"), Value::str("b")])),
            (
                "all",
                Value::List(vec!["N@web".into(), "or".into(), "N@ids".into()]),
            ),
            ("regex", Value::str("web[12]")),
            ("loop", Value::str("N@loop")),
        ]);
        assert_eq!(
            expression("all", &groups).as_deref(),
            Ok("( web* and G@os:SUSE ) or ( L@a,b )")
        );
        assert_eq!(expand("not N@ids", &groups).as_deref(), Ok("not ( L@a,b )"));
        assert_eq!(expression("regex", &groups).as_deref(), Ok("E@web[12]"));
        assert!(expression("loop", &groups).is_err());
        assert!(expression("none", &groups).is_err());
    }
}
