//! Targets: expressions of every type, as an operator or a minion writes them. An expression is an
//! error or has an answer for any minion.

use model::target::{Candidate, Target, TargetType};
use model::{Grains, MinionId, Value};

/// The types, by the first byte of the input.
const TYPES: [&str; 9] = [
    "compound",
    "glob",
    "pcre",
    "list",
    "grain",
    "grain_pcre",
    "pillar",
    "ipcidr",
    "nodegroup",
];

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let name = TYPES[usize::from(*first) % TYPES.len()];
    let Ok(tgt_type) = TargetType::parse(name) else {
        return;
    };
    let target = Target {
        tgt: Value::str(text),
        tgt_type,
    };
    let id: MinionId = "web01.example".parse().expect("an id");
    let grains = Grains::default();
    let candidate = Candidate {
        id: &id,
        grains: Some(&grains),
        pillar: None,
    };
    let _ = target.matches(candidate);
    let _ = target.needs_pillar();
}
