//! Where a value of a pillar came from: which SLS said it, and on which line.

use model::{Map, Value};

/// What one SLS gave, in the order of merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The environment.
    pub saltenv: String,
    /// The dotted name.
    pub sls: String,
    /// The path below the root.
    pub path: String,
    /// Its data, under the `key` of the include that led to it.
    pub data: Map,
}

/// One place that sets a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The environment.
    pub saltenv: String,
    /// The dotted name.
    pub sls: String,
    /// The path below the root.
    pub path: String,
    /// The line that names the last part of the key, from 1; `None` where a template makes it up.
    pub line: Option<usize>,
    /// What this place says.
    pub value: Value,
}

impl Origin {
    /// Finds where a contribution sets a key (`a:b:c`); `text` is the SLS as written.
    pub fn find(contribution: &Contribution, key: &str, text: Option<&str>) -> Option<Self> {
        let data = Value::Map(contribution.data.clone());
        let value = data.traverse(key, ":")?.clone();
        Some(Self {
            saltenv: contribution.saltenv.clone(),
            sls: contribution.sls.clone(),
            path: contribution.path.clone(),
            line: text.and_then(|text| line_of(text, key)),
            value,
        })
    }
}

/// Finds the parts of a key one below the other, each deeper than the one before.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut found = None;
    let mut parts = key.split(':').peekable();
    let mut depth = None;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start().trim_start_matches("- ");
        let indent = line.len() - line.trim_start().len();
        let Some(part) = parts.peek() else { break };
        let name = content
            .split(':')
            .next()
            .unwrap_or_default()
            .trim_matches(['\'', '"']);
        if content.contains(':') && name == *part && depth.is_none_or(|depth| indent > depth) {
            depth = Some(indent);
            found = Some(index + 1);
            parts.next();
        }
    }
    if parts.peek().is_none() { found } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_below_its_parents() {
        let text = "# b: no\nb: 1\na:\n  x: 1\n  b:\n    'c': {{ value }}\n";
        assert_eq!(line_of(text, "a:b:c"), Some(6));
        assert_eq!(line_of(text, "b"), Some(2));
        assert_eq!(line_of(text, "a:c:b"), None);
    }
}
