//! Who may touch the world: invariants 1, 2, 3, 8 and 9 of the map.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

/// The pure crates, and everything each may depend on. A line more is a decision: nothing here
/// opens a socket or a file, waits, or is asked for the time.
const PURE: [(&str, &[&str]); 5] = [
    (
        "model",
        &[
            "fancy-regex",
            "indexmap",
            "jiff",
            "serde",
            "serde_json",
            "thiserror",
        ],
    ),
    (
        "minion-protocol",
        &[
            "model",
            "aes",
            "base64",
            "bytes",
            "cbc",
            "hmac",
            "openssl",
            "rmp",
            "sha1",
            "sha2",
            "subtle",
            "thiserror",
        ],
    ),
    (
        "states",
        &[
            "model",
            "base64",
            "fancy-regex",
            "indexmap",
            "jiff",
            "libyaml-safer",
            "serde",
            "serde_json",
            "sha1",
            "sha2",
            "thiserror",
        ],
    ),
    ("pillar", &["model", "states", "indexmap"]),
    (
        "orch",
        &[
            "model",
            "states",
            "indexmap",
            "rmp-serde",
            "serde",
            "sha2",
            "thiserror",
        ],
    ),
];

/// What pure code does not say.
const WORLDLY: [&str; 10] = [
    "std::fs",
    "std::net::Tcp",
    "std::process",
    "std::env::",
    "SystemTime",
    "Instant::now",
    "::sleep(",
    "async fn",
    "tokio::",
    "Zoned::now",
];

/// What files of decisions and views do not say besides.
const IMPURE_IN_DOMAINS: [&str; 7] = [
    "async ",
    ".await",
    "World",
    "std::fs",
    "tokio::",
    "Disk",
    "SystemTime",
];

/// Where clippy's list of calls with one home may be set aside, besides tests and programs.
const HOMES: [&str; 4] = [
    "storage/src/disk.rs",
    "storage/src/embedded/",
    "master/src/world/real.rs",
    "master/src/transport/",
];

/// Programs: they print and touch the world, because a person started them.
const PROGRAMS: [&str; 8] = [
    "cli/",
    "lab/",
    "swarm/",
    "master/src/bin/",
    "master/src/bin_explain.rs",
    "master/src/bin_lint.rs",
    "master/src/bin_master.rs",
    "master/src/bin_render.rs",
];

fn dependencies(tree: &Tree) -> Vec<Objection> {
    let mut found = Vec::new();
    for (package, allowed) in PURE {
        let path = format!("{package}/Cargo.toml");
        for name in dependencies_of(tree.text(&path).unwrap_or_default()) {
            if !allowed.contains(&name) {
                found.push(format!(
                    "{path}: {name} is not among what a pure crate may use"
                ));
            }
        }
    }
    found
}

fn dependencies_of(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
}

fn pure_crates(tree: &Tree) -> Vec<Objection> {
    let is_pure = |path: &str| {
        PURE.iter()
            .any(|(package, _)| path.starts_with(&format!("{package}/src/")))
    };
    saying(tree, &WORLDLY, is_pure, "a pure crate")
}

fn domains(tree: &Tree) -> Vec<Objection> {
    let is_domain = |path: &str| {
        path.starts_with("master/src/")
            && (path.ends_with("/decide.rs") || path.ends_with("/view.rs"))
    };
    saying(
        tree,
        &IMPURE_IN_DOMAINS,
        is_domain,
        "a file of decisions or views",
    )
}

fn homes(tree: &Tree) -> Vec<Objection> {
    let is_elsewhere = |path: &str| !HOMES.iter().chain(&PROGRAMS).any(|h| path.starts_with(h));
    saying(
        tree,
        &["clippy::disallowed_methods"],
        is_elsewhere,
        "no home of such calls",
    )
}

fn printing(tree: &Tree) -> Vec<Objection> {
    let is_library = |path: &str| !PROGRAMS.iter().any(|program| path.starts_with(program));
    let macros = ["println!(", "print!(", "dbg!("];
    saying(tree, &macros, is_library, "a library")
}

fn surprises(tree: &Tree) -> Vec<Objection> {
    let macros = [
        ".unwrap()",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "unsafe {",
        "unsafe fn",
    ];
    saying(tree, &macros, |_| true, "shipped code")
}

fn lints(tree: &Tree) -> Vec<Objection> {
    tree.files()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"))
        .filter(|(_, text)| !text.contains("[lints]\nworkspace = true"))
        .map(|(path, _)| format!("{path}: the workspace's lints are not switched on"))
        .collect()
}

/// Objects to shipped lines of some files that contain one of the phrases.
fn saying(
    tree: &Tree,
    phrases: &[&str],
    concerns: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, _) in tree.rust_files().filter(|(path, _)| concerns(path)) {
        for line in tree.shipped(path).lines() {
            if let Some(phrase) = phrases.iter().find(|phrase| line.contains(**phrase)) {
                found.push(format!("{path}: {what} says `{phrase}`: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn pure_crates_depend_on_nothing_worldly() {
    let manifest =
        "[dependencies]\nmodel.workspace = true\ntokio = \"1\"\n[dev-dependencies]\nx = 1\n";
    assert_eq!(
        objections(dependencies, &[("orch/Cargo.toml", manifest)]),
        1
    );
    hold(dependencies);
}

#[test]
fn pure_crates_do_not_touch_the_world() {
    let text = "//! X.\nfn f() { std::fs::read(\"x\"); }\n// std::fs is named in a comment\n";
    assert_eq!(objections(pure_crates, &[("states/src/lib.rs", text)]), 1);
    assert_eq!(objections(pure_crates, &[("storage/src/disk.rs", text)]), 0);
    hold(pure_crates);
}

#[test]
fn decisions_and_views_are_functions_of_values() {
    let text = "//! X.\npub async fn on_return(world: &World) {}\n";
    assert_eq!(
        objections(domains, &[("master/src/jobs/decide.rs", text)]),
        1
    );
    assert_eq!(objections(domains, &[("master/src/jobs/act.rs", text)]), 0);
    hold(domains);
}

#[test]
fn files_clock_and_chance_have_one_home() {
    let text = "//! X.\n#![expect(clippy::disallowed_methods, reason = \"mine\")]\n";
    assert_eq!(objections(homes, &[("master/src/mine/view.rs", text)]), 1);
    assert_eq!(objections(homes, &[("storage/src/disk.rs", text)]), 0);
    hold(homes);
}

#[test]
fn only_programs_print() {
    let text = "//! X.\nfn f() { eprintln!(\"so\"); }\n";
    assert_eq!(objections(printing, &[("orch/src/run.rs", text)]), 1);
    assert_eq!(objections(printing, &[("cli/src/salt.rs", text)]), 0);
    hold(printing);
}

#[test]
fn shipped_code_has_no_surprises() {
    let text = "//! X.\nfn f() { g().unwrap(); }\n#[cfg(test)]\nmod tests {\n a.unwrap();\n}\n";
    assert_eq!(objections(surprises, &[("orch/src/run.rs", text)]), 1);
    hold(surprises);
}

#[test]
fn every_package_keeps_the_lints() {
    assert_eq!(objections(lints, &[("orch/Cargo.toml", "[package]\n")]), 1);
    hold(lints);
}
