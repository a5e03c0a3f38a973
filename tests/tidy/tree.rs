//! The files of the repository, and which part of a Rust file is code that ships.
//!
//! Built from the disk or, for samples, from a list of texts. Knows no rules.

use std::collections::BTreeMap;
use std::path::Path;

/// Folders that are nobody's source.
const NOT_SOURCE: [&str; 5] = [
    "target",
    ".git",
    "fuzz/artifacts",
    "fuzz/corpus",
    "fuzz/target",
];

/// Paths below the repository, with their texts. Files that are no text are left out.
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads the repository this test was built from.
    pub(crate) fn of_this_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the package lies one below the repository's root");
        let mut files = BTreeMap::new();
        read(root, "", &mut files);
        Self(files)
    }

    /// A tree of samples.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self(files.iter().map(owned).collect())
    }

    /// Gives all files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Gives the files of Rust.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Gives a file's text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Says whether there is a file or a folder at a path.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.0.contains_key(path) || {
            let folder = format!("{path}/");
            self.0.keys().any(|file| file.starts_with(&folder))
        }
    }

    /// Says whether some file or folder's path ends with these parts.
    pub(crate) fn has_end(&self, end: &str) -> bool {
        let end = end.trim_matches('/');
        let (inside, behind) = (format!("/{end}/"), format!("/{end}"));
        self.0.keys().any(|file| {
            let file = format!("/{file}");
            file.ends_with(&behind) || file.contains(&inside)
        })
    }

    /// Says whether a file is a test as a whole.
    pub(crate) fn is_test(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        let package = parts.next().unwrap_or_default();
        let is_beside = |part| matches!(part, "tests" | "examples" | "benches");
        if matches!(package, "tests" | "benches") || parts.next().is_some_and(is_beside) {
            return true;
        }
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.trim_end_matches(".rs");
        if self
            .0
            .iter()
            .any(|(other, text)| is_in(other, folder) && is_declared_for_tests(text, stem, file))
        {
            return true;
        }
        // Below a folder whose module is a test.
        folder.contains("/src/") && self.is_test(&format!("{folder}.rs"))
    }

    /// Gives the code of a file without its comments and its tests; empty for a test.
    pub(crate) fn shipped(&self, path: &str) -> String {
        if self.is_test(path) {
            return String::new();
        }
        let text = self.text(path).unwrap_or_default();
        without_tests(text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect()
    }
}

/// Gives a file's text up to its inline test module.
pub(crate) fn without_tests(text: &str) -> &str {
    let mut at = 0;
    while let Some(found) = text[at..].find("#[cfg(test)]\nmod ") {
        let declaration = &text[at + found..];
        let line = declaration.lines().nth(1).unwrap_or_default();
        if line.ends_with('{') {
            return &text[..at + found];
        }
        at += found + 1;
    }
    text
}

/// Says whether a file lies in a folder or is the folder's own module (`folder.rs`).
fn is_in(file: &str, folder: &str) -> bool {
    file.rsplit_once('/')
        .is_some_and(|(other, _)| other == folder)
        || file
            .strip_suffix(".rs")
            .is_some_and(|module| module == folder)
}

/// Says whether a text declares a module with `#[cfg(test)]` among its attributes.
fn is_declared_for_tests(text: &str, stem: &str, file: &str) -> bool {
    let (plain, by_path) = (format!("mod {stem};"), format!("#[path = \"{file}\"]"));
    let lines: Vec<&str> = text.lines().collect();
    // Other tests may use what such a module sets up.
    let is_declaration = |line: &&str| {
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        line == plain || line == by_path
    };
    let declared = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_declaration(line));
    let is_attribute = |line: &&&str| !line.is_empty() && !line.ends_with(';') && **line != "}";
    declared.into_iter().any(|(number, _)| {
        let attributes = lines[..number].iter().rev();
        attributes
            .take_while(is_attribute)
            .any(|line| *line == "#[cfg(test)]")
    })
}

fn read(root: &Path, below: &str, files: &mut BTreeMap<String, String>) {
    let entries = std::fs::read_dir(root.join(below)).expect("the repository can be listed");
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        // In a work tree of git `.git` is a file.
        if NOT_SOURCE.contains(&path.as_str()) {
            continue;
        }
        if kind.is_dir() {
            read(root, &path, files);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            files.insert(path, text);
        }
    }
}

#[test]
fn tests_are_told_from_code() {
    let tree = Tree::of(&[
        (
            "a/src/lib.rs",
            "//! A.\n#[cfg(test)]\nmod tests;\nfn f() {}\n",
        ),
        ("a/src/tests.rs", "fn t() {}\n"),
        (
            "a/src/c.rs",
            "#[cfg(test)]\n#[expect(\n    x,\n)]\n#[path = \"d_tests.rs\"]\nmod tests;\n",
        ),
        ("a/src/d_tests.rs", "fn t() {}\n"),
        ("a/src/jinja/mod.rs", "mod tests;\n"),
        ("a/src/jinja/tests/mod.rs", "fn is_number() {}\n"),
        (
            "a/src/b.rs",
            "// why\nfn b() {}\n#[cfg(test)]\nmod tests {\n  fn t() {}\n}\n",
        ),
        ("a/tests/whole.rs", "fn t() {}\n"),
    ]);
    assert!(tree.is_test("a/src/tests.rs"));
    assert!(tree.is_test("a/tests/whole.rs"));
    assert!(tree.is_test("benches/pure/main.rs"));
    assert!(tree.is_test("a/src/d_tests.rs"));
    assert!(!tree.is_test("a/src/jinja/tests/mod.rs"));
    assert_eq!(tree.shipped("a/src/b.rs"), "fn b() {}\n");
}
