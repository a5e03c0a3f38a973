//! Two pillars become one, by `pillar_source_merging_strategy`.

use model::{Map, Value};

/// `pillar_source_merging_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Maps are merged at every depth; anything else is replaced.
    #[default]
    Recurse,
    /// Only the top is merged: values are replaced (lists and maps marked in a yamlex file
    /// excepted, which is not supported).
    Aggregate,
    /// What both have becomes a list of the two; what only the second has is dropped.
    List,
    /// As aggregate: the second's values replace the first's whole.
    Overwrite,
    /// As recurse, but only one environment is read.
    None,
}

impl Strategy {
    /// Reads Salt's name. `smart` (and nothing) looks at the renderer; an unknown name counts as
    /// `recurse`.
    pub fn parse(name: &str, renderer: &str) -> Self {
        match name {
            "aggregate" => Self::Aggregate,
            "list" => Self::List,
            "overwrite" => Self::Overwrite,
            "none" => Self::None,
            "smart" | "" if is_yamlex(renderer) => Self::Aggregate,
            _ => Self::Recurse,
        }
    }
}

fn is_yamlex(renderer: &str) -> bool {
    renderer.split('|').next_back() == Some("yamlex") || renderer.starts_with("yamlex_")
}

/// How pillars are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Merge {
    /// The strategy.
    pub strategy: Strategy,
    /// `pillar_merge_lists`: lists are joined, each value once, where maps are merged.
    pub joins_lists: bool,
}

impl Merge {
    /// Merges the second into the first.
    pub fn merge(self, first: Map, second: Map) -> Map {
        match self.strategy {
            Strategy::Recurse => recurse(first, second, self.joins_lists),
            Strategy::None => recurse(first, second, false),
            Strategy::Aggregate | Strategy::Overwrite => {
                let mut merged = first;
                merged.extend(second);
                merged
            }
            Strategy::List => list(first, second),
        }
    }
}

fn recurse(mut first: Map, second: Map, joins_lists: bool) -> Map {
    for (key, new) in second {
        let merged = match (first.get_value_mut(&key).map(std::mem::take), new) {
            (Some(Value::Map(old)), Value::Map(new)) => recurse(old, new, joins_lists).into(),
            (Some(Value::List(old)), Value::List(new)) if joins_lists => join(old, new),
            (_, new) => new,
        };
        first.insert(key, merged);
    }
    first
}

/// Adds what the first list lacks; a value that the second has twice is added twice, as in Salt.
fn join(mut first: Vec<Value>, second: Vec<Value>) -> Value {
    let new: Vec<Value> = second
        .into_iter()
        .filter(|item| !first.contains(item))
        .collect();
    first.extend(new);
    Value::List(first)
}

fn list(first: Map, mut second: Map) -> Map {
    let pair = |(key, old): (Value, Value)| match second.remove_value(&key) {
        Some(new) => (key, Value::List(vec![old, new])),
        None => (key, old),
    };
    first.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(json: &str) -> Map {
        serde_json::from_str(json).expect("a map")
    }

    #[test]
    fn each_strategy_has_its_own_result() {
        let first = r#"{"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": 3}"#;
        let second = r#"{"a": {"y": [2, 3], "z": 2}, "b": 2, "d": 4}"#;
        let cases = [
            (
                Strategy::Recurse,
                false,
                r#"{"a":{"x":1,"y":[2,3],"z":2},"b":2,"c":3,"d":4}"#,
            ),
            (
                Strategy::Recurse,
                true,
                r#"{"a":{"x":1,"y":[1,2,3],"z":2},"b":2,"c":3,"d":4}"#,
            ),
            (
                Strategy::Aggregate,
                false,
                r#"{"a":{"y":[2,3],"z":2},"b":2,"c":3,"d":4}"#,
            ),
            (
                Strategy::Overwrite,
                true,
                r#"{"a":{"y":[2,3],"z":2},"b":2,"c":3,"d":4}"#,
            ),
            (
                Strategy::List,
                false,
                r#"{"a":[{"x":1,"y":[1,2]},{"y":[2,3],"z":2}],"b":[1,2],"c":3}"#,
            ),
        ];
        for (strategy, joins_lists, expected) in cases {
            let merged = Merge {
                strategy,
                joins_lists,
            }
            .merge(map(first), map(second));
            let merged = serde_json::to_string(&merged).expect("JSON");
            assert_eq!(merged, expected, "{strategy:?} {joins_lists}");
        }
    }

    #[test]
    fn smart_looks_at_the_renderer() {
        assert_eq!(Strategy::parse("smart", "jinja|yaml"), Strategy::Recurse);
        assert_eq!(Strategy::parse("", "jinja|yamlex"), Strategy::Aggregate);
        assert_eq!(Strategy::parse("wrong", "jinja|yaml"), Strategy::Recurse);
    }
}
