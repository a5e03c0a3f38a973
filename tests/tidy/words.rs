//! The tree speaks of the project alone, and is built from public sources alone.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

/// Words of workplaces, in halves, so that this file does not hold them.
const FORBIDDEN: [(&str, &str); 7] = [
    ("/wo", "rk/"),
    ("cla", "ude"),
    ("anth", "ropic"),
    ("open", "ai"),
    ("chat", "gpt"),
    ("sub", "agent"),
    ("co-author", "ed-by"),
];

/// Where a locked package may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn words(tree: &Tree) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| *path != "Cargo.lock") {
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            let is_forbidden = |(a, b): &(&str, &str)| line.contains(&format!("{a}{b}"));
            if let Some((a, b)) = FORBIDDEN.iter().find(|word| is_forbidden(word)) {
                found.push(format!("{path}:{}: says {a}{b}", number + 1));
            }
        }
    }
    found
}

fn sources(tree: &Tree) -> Vec<Objection> {
    let lock = tree.text("Cargo.lock").unwrap_or_default();
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .filter(|source| source.trim_matches('"') != REGISTRY)
        .map(|source| format!("Cargo.lock: a package comes from {source}"))
        .collect()
}

#[test]
fn nothing_speaks_of_a_workplace() {
    let text = format!("see {}{}x\nand Claudia's framework\n", "/wo", "rk/");
    assert_eq!(objections(words, &[("README.md", &text)]), 1);
    hold(words);
}

#[test]
fn packages_come_from_the_public_registry() {
    let lock = format!("source = \"{REGISTRY}\"\nsource = \"git+https://example.org/x\"\n");
    assert_eq!(objections(sources, &[("Cargo.lock", &lock)]), 1);
    hold(sources);
}
