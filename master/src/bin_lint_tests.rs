//! What `brine lint` lists.

use tempfile::TempDir;

use super::*;

/// Lints a tree of files.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests lay out files as an operator would"
)]
fn run(files: &[(&str, &str)]) -> Linted {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let flags = Flags {
        dir: dir.path().to_owned(),
        seen: Seen::default(),
    };
    let mut linted = linted(&flags, &real::world()).unwrap();
    let at = format!("{}/", dir.path().display());
    for finding in &mut linted.findings {
        *finding = finding.replace(&at, "");
    }
    linted
}

#[test]
fn a_tree_that_renders_has_no_findings() {
    let linted = run(&[
        ("top.sls", "base: {'*': [a.b]}\n"),
        ("a/b.sls", "{% import_yaml 'x.yaml' as x %}\na: {{ x.y }}\n"),
        ("x.yaml", "y: 1\n"),
        ("README.md", "{{ not an SLS\n"),
    ]);
    assert_eq!(linted.findings, [""; 0]);
    assert_eq!(
        linted.counts(),
        "2 files: 2 render, 0 do not, 0 of these depend on the context"
    );
}

#[test]
fn what_does_not_render_is_listed_with_its_place() {
    let linted = run(&[
        ("a.sls", "a: 1\n{% if %}\n"),
        ("b/init.sls", "os: {{ grains['os'] }}\n"),
        ("c.sls", "{% from 'm.jinja' import x %}\n"),
        ("d.sls", "{% from 'm.jinja' import y %}\n"),
        ("e.sls", "- a\n- b\n"),
        ("m.jinja", "\n\n{% endif %}\n"),
    ]);
    let at: Vec<&str> = linted
        .findings
        .iter()
        .map(|finding| finding.split(": ").next().unwrap())
        .collect();
    assert_eq!(at, ["a.sls:2", "b/init.sls:1", "m.jinja:3", "e.sls"]);
    assert!(linted.findings[1].contains(ON_CONTEXT), "{linted:?}");
    assert!(!linted.findings[0].contains(ON_CONTEXT), "{linted:?}");
    assert_eq!(
        linted.counts(),
        "5 files: 0 render, 5 do not, 1 of these depend on the context"
    );
}
