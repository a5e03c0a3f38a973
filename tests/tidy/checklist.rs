//! Each number of the wire protocol's checklist has a test, and the test exists; so has each
//! advisory.

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

const ADVISORIES: &str = "docs/advisories.md";

/// What the name of an advisory's test begins with.
const PREFIX: &str = "cve_";

/// Gives the names of the tests that bear an advisory's name.
fn named_tests(tree: &Tree) -> BTreeSet<&str> {
    let journeys = tree
        .rust_files()
        .filter(|(path, _)| path.starts_with("tests/journeys/"));
    let functions = journeys.flat_map(|(_, text)| text.lines());
    let names = functions.filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
    names.filter(|name| name.starts_with(PREFIX)).collect()
}

fn advisories(tree: &Tree) -> Vec<Objection> {
    let document = tree.text(ADVISORIES).unwrap_or_default();
    let cells = document.lines().filter_map(|line| line.split('|').nth(3));
    let shown: BTreeSet<&str> = cells
        .map(|cell| cell.trim().trim_matches('`'))
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    let known = named_tests(tree);
    let gone = shown.difference(&known);
    let gone = gone.map(|name| format!("{ADVISORIES}: there is no test {name}"));
    let untold = known.difference(&shown);
    let untold = untold.map(|name| format!("{ADVISORIES}: it does not show {name}"));
    gone.chain(untold).collect()
}

#[test]
fn every_advisory_has_its_test() {
    let files = [
        (
            ADVISORIES,
            "| 1 | a | `cve_1_a` |\n| 2 | a | `cve_2_gone` |\n",
        ),
        (
            "tests/journeys/cve.rs",
            "fn cve_1_a() {\nfn cve_3_untold() {\n",
        ),
    ];
    assert_eq!(objections(advisories, &files), 2);
    hold(advisories);
}
