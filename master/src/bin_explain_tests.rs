//! What `brine explain pillar` prints.

use tempfile::TempDir;

use super::*;

const TOP: &str = "base:\n  '*': [common]\n  'os:SUSE':\n    - match: grain\n    - web\n";
const COMMON: &str = "ports:\n  http: 80\n  all: [22]\nmade: {{ 1 + 1 }}\n";
const WEB: &str = "{% set port = 8080 %}\nports:\n  http: {{ port }}\n  all: [443]\n";

/// Explains a key of a pillar tree.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests lay out files as an operator would"
)]
fn run(flags: &str) -> Result<String, String> {
    let dir = TempDir::new().unwrap();
    let at = dir.path().display().to_string();
    let master = "pillar_roots: {base: [@/pillar]}\npillar_merge_lists: true\n";
    let files = [
        ("etc/master", master.replace('@', &at)),
        ("pillar/top.sls", TOP.to_owned()),
        ("pillar/common.sls", COMMON.to_owned()),
        ("pillar/web.sls", WEB.to_owned()),
        ("suse.json", r#"{"grains": {"os": "SUSE"}}"#.to_owned()),
    ];
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let flags = format!("explain pillar {flags} -c @/etc").replace('@', &at);
    let Flags::Pillar(asked) = Flags::try_parse_from(flags.split_whitespace()).unwrap();
    answer(&asked, &real::world())
}

#[test]
fn every_place_that_sets_a_value_is_named_the_last_one_wins() {
    assert_eq!(
        run("web1 ports:http --context @/suse.json").unwrap(),
        "base:common.sls:2  80\nbase:web.sls:3  8080"
    );
    assert_eq!(run("web1 ports:http").unwrap(), "base:common.sls:2  80");
}

#[test]
fn a_merged_value_is_shown_as_it_is_in_the_pillar() {
    assert_eq!(
        run("web1 ports:all --context @/suse.json").unwrap(),
        "base:common.sls:3  [22]\nbase:web.sls:4  [443]\n= [22, 443]  (merged)"
    );
}

#[test]
fn programs_read_json() {
    let text = run("web1 made --out json").unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read.get("value"), Some(&Value::Int(2)));
    let origin = &read.get("origins").unwrap().as_list().unwrap()[0];
    assert_eq!(origin.get("path"), Some(&Value::str("common.sls")));
    assert_eq!(origin.get("line"), Some(&Value::Int(4)));
    assert_eq!(origin.get("sls"), Some(&Value::str("common")));
}

#[test]
fn a_value_that_nobody_sets_is_an_error_with_the_next_step() {
    let error = run("web1 nothing:here").unwrap_err();
    assert!(error.contains("'nothing:here'"), "{error}");
    assert!(error.contains("pillar.show_top web1"), "{error}");
}
