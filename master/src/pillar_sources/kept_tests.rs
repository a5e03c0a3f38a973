//! When a kept pillar counts, and when it is made anew.

use std::sync::Arc;

use model::{Map, Value};

use super::{Asked, Pillars};
use crate::pillar_sources::tests::{configured, grains, id};

/// Every render appends a line to a file: what is kept is not rendered.
const OPTIONS: &str = "pillar_cache: true\ntemplate_commands: true\n";
const SLS: &str = "made: {{ salt['cmd.run']('echo x >> <DIR>/count; wc -l < <DIR>/count') }}\n\
    os: {{ grains['os'] }}\n";
const FILES: [(&str, &str); 2] = [("top.sls", "base: {'*': [a]}\n"), ("a.sls", SLS)];

fn asked(os: &str) -> Asked {
    Asked {
        id: id("web1"),
        grains: grains(&format!("{{os: {os}}}")),
        saltenv: None,
        pillarenv: None,
        overrides: Map::new(),
        ext: None,
        is_cache_cleared: false,
    }
}

fn made(pillars: &Pillars, asked: Asked) -> i64 {
    let made = pillars.compile_asked(asked);
    made.get("made").and_then(Value::as_i64).unwrap()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test changes a pillar file as an operator would"
)]
fn the_same_inputs_are_not_rendered_again() {
    let (dir, pillars) = configured(OPTIONS, &FILES);
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    let other = Asked {
        overrides: Map::from([("x", 1)]),
        ..asked("SUSE")
    };
    assert_eq!(made(&pillars, other.clone()), 2);
    assert_eq!(made(&pillars, asked("Debian")), 3);
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    assert_eq!(made(&pillars, other), 2);
    let path = dir.path().join("pillar/a.sls");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}new: 1\n")).unwrap();
    assert_eq!(made(&pillars, asked("SUSE")), 4);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test changes a pillar file as an operator would"
)]
fn without_the_option_only_what_cannot_come_out_otherwise_is_given_again() {
    let closed = [FILES[0], ("a.sls", "os: {{ grains['os'] }}\n")];
    let (dir, pillars) = configured("", &closed);
    let first = pillars.encoded(asked("SUSE"));
    let again = pillars.encoded(asked("SUSE"));
    assert!(
        Arc::ptr_eq(&first, &again),
        "the same bytes, not made again"
    );
    assert_ne!(pillars.encoded(asked("Debian")), first);
    let path = dir.path().join("pillar/a.sls");
    std::fs::write(&path, "os: another\n").unwrap();
    assert_ne!(pillars.encoded(asked("SUSE")), first);
    let (_dir, asking) = configured("template_commands: true\n", &FILES);
    let first = asking.encoded(asked("SUSE"));
    assert_ne!(asking.encoded(asked("SUSE")), first, "it asked the world");
}

#[test]
fn a_refresh_and_the_runner_clear_what_is_kept() {
    let (_dir, pillars) = configured(OPTIONS, &FILES);
    let refreshed = Asked {
        is_cache_cleared: true,
        ..asked("SUSE")
    };
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    assert_eq!(made(&pillars, refreshed), 2);
    assert_eq!(made(&pillars, asked("SUSE")), 2);
    let shown = pillars.kept("web*", None).unwrap();
    assert_eq!(
        shown.get("web1").and_then(|p| p.get("made")),
        Some(&Value::from(2))
    );
    assert!(pillars.clear_kept("db*"));
    assert_eq!(made(&pillars, asked("SUSE")), 2);
    assert!(pillars.clear_kept("web*"));
    assert_eq!(made(&pillars, asked("SUSE")), 3);
}

#[test]
fn nothing_is_kept_beyond_its_time_or_without_the_option() {
    let (_dir, pillars) = configured(&format!("{OPTIONS}pillar_cache_ttl: 0\n"), &FILES);
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    // The clock counts microseconds: a render is later than the one before.
    assert_eq!(made(&pillars, asked("SUSE")), 2);
    let (_dir, pillars) = configured("template_commands: true\n", &FILES);
    assert_eq!(made(&pillars, asked("SUSE")), 1);
    assert_eq!(made(&pillars, asked("SUSE")), 2);
    assert!(!pillars.clear_kept("*"));
    assert!(pillars.kept("*", None).is_none());
}
