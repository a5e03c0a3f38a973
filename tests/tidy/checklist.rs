//! Each number of the wire protocol's checklist has a test, and the test exists.

use std::collections::BTreeSet;

use crate::tree::Tree;
use crate::{Objection, hold, objections};

const DOCUMENT: &str = "docs/protocol-checklist.md";

/// The last number of the list.
const LAST: u32 = 70;

fn checklist(tree: &Tree) -> Vec<Objection> {
    let Some(document) = tree.text(DOCUMENT) else {
        return vec![format!("{DOCUMENT}: it is missing")];
    };
    let mut numbers = BTreeSet::new();
    let mut found = Vec::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, file, test, _] = &cells[..] else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        numbers.insert(number);
        let (file, test) = (file.trim_matches('`'), test.trim_matches('`'));
        let text = tree.text(file).unwrap_or_default();
        if test.is_empty() || !text.contains(&format!("fn {test}(")) {
            found.push(format!(
                "{DOCUMENT}: {number}: there is no {test} in {file}"
            ));
        }
    }
    let missing = (1..=LAST).filter(|number| !numbers.contains(number));
    found.extend(missing.map(|number| format!("{DOCUMENT}: number {number} has no test")));
    found
}

#[test]
fn every_number_of_the_protocol_has_its_test() {
    let files = [
        (
            "docs/protocol-checklist.md",
            "| 1 | a | `a.rs` | `b` |\n| 2 | a | `a.rs` | `gone` |\n",
        ),
        ("a.rs", "fn b() {}\n"),
    ];
    assert_eq!(objections(checklist, &files), 69);
    hold(checklist);
}
