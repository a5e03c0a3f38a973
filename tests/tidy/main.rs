//! Holds the tree to what ARCHITECTURE.md promises: sizes, names, purity, lists, links, words.
//!
//! One rule a function, each with a sample that it must object to: a rule that cannot fail proves
//! nothing. What rustc and clippy hold already is not repeated here.

#![expect(
    clippy::disallowed_methods,
    reason = "this test reads the tree it is part of"
)]

mod checklist;
mod documents;
mod limits;
mod lists;
mod names;
mod purity;
mod sizes;
mod tree;
mod words;

use tree::Tree;

/// One objection: where, and what is wrong.
type Objection = String;

/// A rule gives its objections to a tree.
type Rule = fn(&Tree) -> Vec<Objection>;

/// Fails with every objection of a rule to the tree that this test is part of.
fn hold(rule: Rule) {
    let objections = rule(&Tree::of_this_repository());
    assert!(
        objections.is_empty(),
        "{} objections:\n{}",
        objections.len(),
        objections.join("\n")
    );
}

/// Says how often a rule objects to a tree of these files.
fn objections(rule: Rule, files: &[(&str, &str)]) -> usize {
    rule(&Tree::of(files)).len()
}

#[test]
fn the_tree_is_read() {
    let tree = Tree::of_this_repository();
    assert!(
        tree.rust_files().count() > 300,
        "most of the tree is missing"
    );
    assert!(tree.text("ARCHITECTURE.md").is_some(), "the map is missing");
}
