//! Nothing lies forgotten: every file is somebody's module, and every path goes where it says.

use crate::tree::Tree;
use crate::{Objection, hold, objections};

/// Files that cargo finds by itself.
const ROOTS: [&str; 3] = ["lib.rs", "main.rs", "build.rs"];

fn orphans(tree: &Tree) -> Vec<Objection> {
    tree.rust_files()
        .filter(|(path, _)| !is_root(path) && !is_declared(tree, path))
        .map(|(path, _)| format!("{path}: no module names it"))
        .collect()
}

fn is_root(path: &str) -> bool {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let cargo = ["/tests", "/examples", "/benches", "/src/bin", "/targets"];
    ROOTS.contains(&file)
        || cargo.iter().any(|end| folder.ends_with(end)) && !folder.contains("/src/renderers")
}

fn is_declared(tree: &Tree, path: &str) -> bool {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let is_folder = file == "mod.rs";
    let (parent, name) = if is_folder {
        folder.rsplit_once('/').unwrap_or(("", folder))
    } else {
        (folder, file.trim_end_matches(".rs"))
    };
    let declaration = format!("mod {name};");
    let by_path = format!("\"{file}\"");
    let mut parents = tree.rust_files().filter(|(other, _)| {
        let (place, other_file) = other.rsplit_once('/').unwrap_or(("", other));
        place == parent && (other_file != file || is_folder)
            || other
                .strip_suffix(".rs")
                .is_some_and(|module| module == parent)
    });
    parents.any(|(_, text)| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line == declaration
                || line.ends_with(&format!(" {declaration}"))
                || line.starts_with("#[path") && line.contains(&by_path)
        })
    })
}

#[test]
fn every_file_is_named_by_a_module() {
    let files = [
        ("a/src/lib.rs", "//! A.\nmod steps;\n"),
        ("a/src/steps/mod.rs", "//! B.\npub(crate) mod wheel;\n"),
        ("a/src/steps/wheel.rs", "//! C.\n"),
        ("a/src/steps/forgotten.rs", "//! D.\n"),
    ];
    assert_eq!(objections(orphans, &files), 1);
    assert_eq!(objections(orphans, &files[..3]), 0);
    hold(orphans);
}
