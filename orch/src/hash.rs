//! The hash of a plan: what a person looked at is what runs.
//!
//! For guards that want to be told which plan is meant (`--yes-wipe=HASH`), and for `brine run
//! plan`. It covers what will be done (steps, requisites, options) and what is known of the nodes;
//! not the SLS files (a changed comment is no other plan), not the warnings, not who asks or when.

use std::fmt;

use model::{Map, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::plan::{Options, Plan, PlannedStep};

/// Bytes of the hash that are shown. People copy it by hand, and it guards against mistakes, not
/// against forgers.
const BYTES: usize = 8;

/// The hash of a plan and of what is known of its nodes: 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanHash(String);

impl PlanHash {
    /// Gives the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether a person named this plan. Case and spaces around do not count.
    pub fn is_named_by(&self, text: &str) -> bool {
        text.trim().eq_ignore_ascii_case(&self.0)
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What the hash covers of a plan.
#[derive(Serialize)]
struct Covered<'a> {
    name: &'a str,
    steps: &'a [PlannedStep],
    options: &'a Options,
}

impl Plan {
    /// Gives the hash of the plan together with what is known of the nodes: who is targeted, which
    /// disks they have, what is on them. The order of keys in maps does not count, the order of
    /// steps and of lists does. `test=True` and the
    /// hash that a person named do not count either: what was looked at may then run.
    pub fn hash(&self, facts: &Map) -> PlanHash {
        let mut options = self.options.clone();
        options.is_test = false;
        // It names a hash; it would change the hash that it names.
        options.yes_wipe = None;
        options.yes_wipe = None;
        let covered = Covered {
            name: &self.name,
            steps: &self.steps,
            options: &options,
        };
        let bytes = rmp_serde::to_vec_named(&covered)
            .expect("plans hold only types that msgpack can write");
        let plan: Value =
            rmp_serde::from_slice(&bytes).expect("what was just written as msgpack can be read");
        let mut digest = Sha256::new();
        feed(&plan, &mut digest);
        for (key, value) in sorted(facts) {
            feed(key, &mut digest);
            feed(value, &mut digest);
        }
        let digest = digest.finalize();
        let digits = digest.iter().take(BYTES).map(|byte| format!("{byte:02x}"));
        PlanHash(digits.collect())
    }
}

/// Feeds a value: its kind, its length, its content; maps by the order of their keys.
fn feed(value: &Value, digest: &mut Sha256) {
    let mut sized = |kind: &str, length: usize| {
        digest.update(kind);
        digest.update((length as u64).to_be_bytes());
    };
    match value {
        Value::List(items) => {
            sized("list", items.len());
            for item in items {
                feed(item, digest);
            }
        }
        Value::Map(map) => {
            sized("map", map.len());
            for (key, value) in sorted(map) {
                feed(key, digest);
                feed(value, digest);
            }
        }
        Value::Bytes(bytes) => {
            sized("bytes", bytes.len());
            digest.update(bytes);
        }
        // `1`, `'1'` and `1.0` differ in their representation.
        scalar => {
            let text = scalar.repr();
            sized("scalar", text.len());
            digest.update(text);
        }
    }
}

fn sorted(map: &Map) -> Vec<(&Value, &Value)> {
    let mut pairs: Vec<(&Value, &Value)> = map.iter().collect();
    pairs.sort_by_cached_key(|(key, _)| key.repr());
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use states::low_chunk::LowChunk;

    fn chunk(args: Map) -> LowChunk {
        let mut all = Map::from([("tgt", "*")]);
        all.extend(args);
        LowChunk {
            state: "salt".into(),
            fun: "function".into(),
            id: "ping".into(),
            name: "test.ping".into(),
            sls: "orch.a".into(),
            saltenv: "base".into(),
            args: all,
            ..LowChunk::default()
        }
    }

    fn plan(args: Map, source: &str) -> Plan {
        let sources = vec![("orch/a.sls".to_owned(), source.to_owned())];
        Plan::compile("orch.a", vec![chunk(args)], sources, Options::default()).unwrap()
    }

    #[test]
    fn the_order_of_keys_and_the_files_do_not_count() {
        let one = plan(
            Map::from([("kwarg", Map::from([("a", 1), ("b", 2)]))]),
            "aa",
        );
        let two = plan(
            Map::from([("kwarg", Map::from([("b", 2), ("a", 1)]))]),
            "bb",
        );
        let facts = Map::from([("n1", "disk 1"), ("n2", "disk 2")]);
        let facts_turned = Map::from([("n2", "disk 2"), ("n1", "disk 1")]);
        assert_eq!(one.hash(&facts), two.hash(&facts_turned));
    }

    #[test]
    fn what_is_done_and_what_is_known_count() {
        let one = plan(Map::from([("kwarg", Map::from([("a", 1)]))]), "aa");
        let text = plan(Map::from([("kwarg", Map::from([("a", "1")]))]), "aa");
        let none = Map::new();
        assert_ne!(one.hash(&none), text.hash(&none));
        assert_ne!(one.hash(&none), one.hash(&Map::from([("n1", "disk 1")])));
    }

    #[test]
    fn a_test_run_has_the_hash_of_the_real_one() {
        let real = plan(Map::new(), "aa");
        let mut test = real.clone();
        test.options.is_test = true;
        assert_eq!(real.hash(&Map::new()), test.hash(&Map::new()));
    }

    #[test]
    fn a_person_may_copy_it_with_spaces_and_capitals() {
        let hash = plan(Map::new(), "aa").hash(&Map::new());
        assert_eq!(hash.as_str().len(), 16);
        assert!(hash.is_named_by(&format!(" {} ", hash.as_str().to_uppercase())));
        assert!(!hash.is_named_by(""));
    }
}
