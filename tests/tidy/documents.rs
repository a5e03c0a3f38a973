//! The map and the other documents speak of a tree that exists.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

/// Ends by which a word is known to be a path.
const PATH_ENDS: [&str; 4] = [".rs", ".md", ".toml", "/"];

fn links(tree: &Tree) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        for target in link_targets(text) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !tree.exists(&resolved(path, file)) {
                found.push(format!("{path}: the link to {target} leads nowhere"));
            }
        }
    }
    found
}

/// Gives the targets of links, but not of what only looks like one inside of code.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let is_in_code = |at: usize| line[..at].matches('`').count() % 2 == 1;
        line.match_indices("](")
            .filter(move |(at, _)| !is_in_code(*at))
            .filter_map(|(at, _)| line[at + 2..].split(')').next())
            .filter(|target| !target.contains("://") && !target.contains(' '))
    })
}

/// Gives the path that a link in a document means, from the root of the repository.
fn resolved(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Every path that the map names, in a link, in code or in a drawing, is the end of a real one.
fn map(tree: &Tree) -> Vec<Objection> {
    let text = tree.text("ARCHITECTURE.md").unwrap_or_default();
    let mut found: Vec<Objection> = paths_in(text)
        .filter(|path| !tree.has_end(path))
        .map(|path| format!("ARCHITECTURE.md: there is no {path}"))
        .collect();
    found.dedup();
    found
}

fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "`()[],;:|·".contains(c))
        .filter(|word| PATH_ENDS.iter().any(|end| word.ends_with(end)))
        .filter(|word| word.len() > 3 && !word.contains('*') && !word.starts_with('/'))
        .filter(|word| {
            word.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        })
}

/// The map speaks of every crate.
fn crates(tree: &Tree) -> Vec<Objection> {
    let map = tree.text("ARCHITECTURE.md").unwrap_or_default();
    tree.files()
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"))
        .filter(|package| !map.contains(&format!("\n{package}/")))
        .map(|package| format!("ARCHITECTURE.md: nothing is said of {package}/"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let files = [
        (
            "docs/how-to/runner.md",
            "[a](../../orch/src/lib.rs) [b](gone.md) `[x](y)` [c](https://x.y/z)\n",
        ),
        ("orch/src/lib.rs", ""),
    ];
    assert_eq!(objections(links, &files), 1);
    hold(links);
}

#[test]
fn every_path_on_the_map_exists() {
    let files = [
        (
            "ARCHITECTURE.md",
            "`jobs/decide.rs` and `jobs/forgotten.rs`, in `master/`\n",
        ),
        ("master/src/jobs/decide.rs", ""),
    ];
    assert_eq!(objections(map, &files), 1);
    hold(map);
}

#[test]
fn every_crate_is_on_the_map() {
    let files = [
        ("ARCHITECTURE.md", "\norch/  the mind\n"),
        ("orch/Cargo.toml", ""),
        ("lab/Cargo.toml", ""),
    ];
    assert_eq!(objections(crates, &files), 1);
    hold(crates);
}
