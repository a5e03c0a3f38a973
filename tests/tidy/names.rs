//! What files are called, and how they begin.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

/// Names of drawers: whatever lies in one of them was not named.
const DRAWERS: [&str; 9] = [
    "util", "utils", "common", "helper", "helpers", "misc", "manager", "types", "handlers",
];

fn drawers(tree: &Tree) -> Vec<Objection> {
    tree.rust_files()
        .filter(|(path, _)| {
            path.split('/')
                .any(|part| is_drawer(part.trim_end_matches(".rs")))
        })
        .map(|(path, _)| format!("{path}: name the thing, not its kind"))
        .collect()
}

fn is_drawer(name: &str) -> bool {
    name.split('_')
        .any(|word| DRAWERS.contains(&word.trim_end_matches(char::is_numeric)))
}

fn beginnings(tree: &Tree) -> Vec<Objection> {
    tree.rust_files()
        .filter(|(_, text)| !text.trim_start().starts_with("//! "))
        .map(|(path, _)| format!("{path}: does not begin with what it is (`//! ...`)"))
        .collect()
}

#[test]
fn no_file_is_a_drawer() {
    for path in [
        "a/src/util.rs",
        "a/src/jobs_helpers.rs",
        "a/src/misc/mod.rs",
        "a/types2.rs",
    ] {
        assert_eq!(objections(drawers, &[(path, "")]), 1, "{path}");
    }
    assert_eq!(objections(drawers, &[("a/src/command.rs", "")]), 0);
    hold(drawers);
}

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(
        objections(beginnings, &[("a/src/lib.rs", "use std::fs;\n//! Late.\n")]),
        1
    );
    assert_eq!(
        objections(beginnings, &[("a/src/lib.rs", "//! A thing.\n")]),
        0
    );
    hold(beginnings);
}
