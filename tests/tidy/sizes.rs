//! How long things may be: section 8 of the map, its last column.

use crate::tree::{Tree, without_tests};
use crate::{Objection, hold, objections};

/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 600;

/// Lines of a function that are neither blank nor comment, as clippy counts them.
const FUNCTION_LINES_MAX: usize = 70;

/// Columns of a line; comments are read on the same screens as code.
const COLUMNS_MAX: usize = 100;

/// What tests are made with is read like a library, so it is no longer than one.
fn is_measured(tree: &Tree, path: &str) -> bool {
    let is_made_for_tests = path.starts_with("tests/src/") && !path.ends_with("/tests.rs");
    is_made_for_tests || !tree.is_test(path)
}

fn files(tree: &Tree) -> Vec<Objection> {
    tree.rust_files()
        .filter(|(path, _)| is_measured(tree, path))
        .map(|(path, text)| (path, without_tests(text).lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines; cut it along a noun"))
        .collect()
}

fn lines(tree: &Tree) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, text) in tree.rust_files() {
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                found.push(format!("{path}:{}: {columns} columns", number + 1));
            }
        }
    }
    found
}

fn functions(tree: &Tree) -> Vec<Objection> {
    let mut found = Vec::new();
    for (path, text) in tree.rust_files() {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some(indent) = begins_function(line) else {
                continue;
            };
            if is_excused(&lines[..number]) {
                continue;
            }
            let body = lines[number + 1..]
                .iter()
                .take_while(|line| !ends(line, indent));
            let is_code = |line: &&&str| {
                let line = line.trim();
                !line.is_empty() && !line.starts_with("//")
            };
            let count = body.filter(is_code).count();
            if count > FUNCTION_LINES_MAX {
                found.push(format!(
                    "{path}:{}: a function of {count} lines",
                    number + 1
                ));
            }
        }
    }
    found
}

/// Says whether the attributes above a function expect clippy's lint, with their reason.
fn is_excused(above: &[&str]) -> bool {
    let attributes = above
        .iter()
        .rev()
        .take_while(|line| !line.trim().is_empty());
    attributes
        .into_iter()
        .any(|line| line.contains("clippy::too_many_lines"))
}

/// Gives the indent of a function whose body begins on this line or, with arguments on lines of
/// their own, behind it.
fn begins_function(line: &str) -> Option<usize> {
    let indent = line.len() - line.trim_start().len();
    let words = line.trim_start();
    let head = words.split('(').next().unwrap_or_default();
    let is_function = head.split(' ').any(|word| word == "fn");
    let is_whole = words.ends_with(';') || words.ends_with('}') || words.starts_with("//");
    (is_function && !is_whole).then_some(indent)
}

/// A function ends at the first closing brace at its own indent; a declaration in a trait at `;`.
fn ends(line: &str, indent: usize) -> bool {
    let own = line.len() - line.trim_start().len() == indent;
    own && (line.trim_start() == "}" || line.trim_start().ends_with(';'))
}

#[test]
fn no_file_is_longer_than_its_limit() {
    let long = "//! Long.\n".repeat(FILE_LINES_MAX + 1);
    assert_eq!(objections(files, &[("a/src/lib.rs", &long)]), 1);
    let tests = format!("//! Short.\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(objections(files, &[("a/src/lib.rs", &tests)]), 0);
    assert_eq!(objections(files, &[("tests/src/world.rs", &long)]), 1);
    assert_eq!(objections(files, &[("tests/src/world/tests.rs", &long)]), 0);
    assert_eq!(objections(files, &[("tests/journeys/main.rs", &long)]), 0);
    hold(files);
}

#[test]
fn no_function_is_longer_than_its_limit() {
    let body = "    x();\n".repeat(FUNCTION_LINES_MAX + 1);
    let long = format!("pub fn f() {{\n{body}}}\nfn g() {{\n}}\n");
    assert_eq!(objections(functions, &[("a/src/lib.rs", &long)]), 1);
    let commented = format!(
        "fn f() {{\n{}}}\n",
        "    // why\n".repeat(FUNCTION_LINES_MAX + 1)
    );
    assert_eq!(objections(functions, &[("a/src/lib.rs", &commented)]), 0);
    let reason = "#[expect(clippy::too_many_lines, reason = \"a list\")]\n";
    let excused = format!("{reason}{long}");
    assert_eq!(objections(functions, &[("a/src/lib.rs", &excused)]), 0);
    hold(functions);
}

#[test]
fn no_line_is_wider_than_its_limit() {
    let wide = format!("// {}\n// narrow\n", "é".repeat(COLUMNS_MAX - 2));
    assert_eq!(objections(lines, &[("a/src/lib.rs", &wide)]), 1);
    let narrow = format!("// {}\n", "é".repeat(COLUMNS_MAX - 3));
    assert_eq!(objections(lines, &[("a/src/lib.rs", &narrow)]), 0);
    hold(lines);
}
