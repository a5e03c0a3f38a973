//! What the short runs in `cargo test` begin with: inputs that were found by long ones, and how many
//! are tried. Included by path, so that both suites read the same folder in the same way.

/// Reads a number from the environment, such as how many inputs are tried.
pub fn number(variable: &str, usual: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What was found by a long run and put right.
#[expect(
    clippy::disallowed_methods,
    reason = "the inputs that were found are files of the repository"
)]
pub fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/../fuzz/found/{name}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("readable"))
        .collect()
}
