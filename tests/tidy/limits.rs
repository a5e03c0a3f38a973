//! The limits of the network: operators read of each, with the value that the code has, and none
//! stands anywhere else.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

const DOCUMENT: &str = "docs/limits.md";

/// Where limits stand.
const HOMES: [&str; 2] = ["minion-protocol/src/limits.rs", "master/src/limits.rs"];

/// Where none may stand: what strangers reach first.
const BORDERS: [&str; 6] = [
    "minion-protocol/src/opening.rs",
    "minion-protocol/src/request.rs",
    "minion-protocol/src/zmtp/",
    "master/src/transport/",
    "master/src/master.rs",
    "master/src/marks.rs",
];

/// Gives name and value of each constant that is declared in a text.
fn constants(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (name, rest) = line
            .trim_start()
            .strip_prefix("pub const ")?
            .split_once(':')?;
        let (_, value) = rest.split_once(" = ")?;
        Some((name, value.trim_end_matches(';')))
    })
}

fn limits(tree: &Tree) -> Vec<Objection> {
    let document = tree.text(DOCUMENT).unwrap_or_default();
    let mut known = 0;
    let mut found = Vec::new();
    for home in HOMES {
        for (name, value) in constants(tree.text(home).unwrap_or_default()) {
            known += 1;
            let row = format!("| `{name}` | `{value}` |");
            if !document.lines().any(|line| line.starts_with(&row)) {
                found.push(format!("{DOCUMENT}: there is no row `{row}` for {home}"));
            }
        }
    }
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .count();
    if rows != known {
        found.push(format!("{DOCUMENT}: {rows} rows for {known} limits"));
    }
    found
}

fn strays(tree: &Tree) -> Vec<Objection> {
    let is_at_border = |path: &str| {
        !HOMES.contains(&path) && BORDERS.iter().any(|border| path.starts_with(border))
    };
    let files = tree.rust_files().filter(|(path, _)| is_at_border(path));
    files
        .flat_map(|(path, text)| {
            let is_limit = |line: &&str| {
                let line = line.trim_start();
                (line.starts_with("const ")
                    || line.starts_with("pub const ")
                    || line.starts_with("pub(super) const "))
                    && line
                        .split(':')
                        .next()
                        .is_some_and(|name| name.ends_with("_MAX"))
            };
            let stray =
                move |line: &str| format!("{path}: `{}` belongs into limits.rs", line.trim());
            text.lines().filter(is_limit).map(stray).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_limit_is_shown_to_operators() {
    let files = [
        (
            "docs/limits.md",
            "| `A_MAX` | `4` | a | b |\n| `GONE` | `1` | a | b |\n| `C` | `1` | |\n",
        ),
        (
            "master/src/limits.rs",
            "pub const A_MAX: usize = 4;\npub const B: u32 = 5;\n",
        ),
    ];
    assert_eq!(objections(limits, &files), 2);
    hold(limits);
}

#[test]
fn no_limit_of_the_network_stands_elsewhere() {
    let files = [
        (
            "master/src/transport/pace.rs",
            "const ADDRESSES_MAX: usize = 1;\nconst OTHER: u8 = 1;\n",
        ),
        ("master/src/limits.rs", "pub const A_MAX: usize = 4;\n"),
    ];
    assert_eq!(objections(strays, &files), 1);
    hold(strays);
}
