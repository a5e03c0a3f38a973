//! What `brine render` prints.

use tempfile::TempDir;

use super::*;

const CONTEXT: &str = r#"{"grains": {"os": "SUSE"}, "pillar": {"port": 80}, "sls": "web",
  "functions": {"mine.get": {"db1": "10.0.0.1"}}}"#;

/// Renders `FILE` of a tree of files, with flags behind it; `@` stands for the tree,
/// and so does `@DIR` inside the files.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests lay out files as an operator would"
)]
fn run(files: &[(&str, &str)], flags: &str) -> Result<String, String> {
    let dir = TempDir::new().unwrap();
    let at = dir.path().display().to_string();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("@DIR", &at)).unwrap();
    }
    let flags = flags.replace('@', &at);
    let args = ["brine render"].into_iter().chain(flags.split_whitespace());
    let flags = Flags::try_parse_from(args).unwrap();
    rendered(&flags, &real::world())
        .map(|text| text.replace(&at, "@"))
        .map_err(|error| error.replace(&at, "@"))
}

#[test]
fn text_and_data_follow_from_the_context_file() {
    let files = [
        ("ctx.json", CONTEXT),
        (
            "web.sls",
            "{% from 'map.jinja' import user %}\n\
             os: {{ grains.os }}\nport: {{ salt['pillar.get']('port') }}\n\
             db: {{ salt['mine.get']('*', 'ip').db1 }}\nuser: {{ user }}\nsls: {{ sls }}\n",
        ),
        ("map.jinja", "{% set user = 'www' %}\n"),
    ];
    let text = "\nos: SUSE\nport: 80\ndb: 10.0.0.1\nuser: www\nsls: web";
    let got = run(&files, "@/web.sls --context @/ctx.json").unwrap();
    assert_eq!(got.trim_end(), text);
    let yaml = "os: SUSE\nport: 80\ndb: 10.0.0.1\nuser: www\nsls: web\n";
    let got = run(&files, "@/web.sls --context @/ctx.json --as yaml").unwrap();
    assert_eq!(got, yaml);
}

#[test]
fn high_data_and_low_chunks_come_from_the_includes_too() {
    let files = [
        ("salt/a/init.sls", "include: [b]\none:\n  test.nop: []\n"),
        (
            "salt/b.sls",
            "two:\n  test.nop:\n    - require: [{sls: c}]\n",
        ),
        ("more/c.sls", "three:\n  test.nop: []\n"),
    ];
    let high = run(&files, "@/salt/a/init.sls --root @/salt --as high").unwrap();
    assert!(high.contains("one:") && high.contains("two:"), "{high}");
    assert!(high.contains("__sls__: a\n"), "{high}");
    let low = run(&files, "@/salt/a/init.sls --root @/salt --as low").unwrap();
    let ids: Vec<&str> = low.lines().filter(|l| l.contains("__id__")).collect();
    assert_eq!(ids, ["  __id__: two", "  __id__: one"]);
    // Without the root there is no `b` beside the file.
    let error = run(&files, "@/salt/a/init.sls --as high").unwrap_err();
    assert!(
        error.contains("SLS b in saltenv base is not available"),
        "{error}"
    );
}

#[test]
fn an_error_names_file_line_and_the_line_itself() {
    let files = [("web.sls", "a: 1\nb: {{ grains.nothing.more }}\n")];
    let error = run(&files, "@/web.sls").unwrap_err();
    assert!(
        error.starts_with("@/web.sls:2: Rendering SLS 'base:web' failed: "),
        "{error}"
    );
    assert!(
        error.contains("b: {{ grains.nothing.more }}    <====="),
        "{error}"
    );
    assert_eq!(
        run(&[], "@/no.sls"),
        Err("@/no.sls: there is no such file".into())
    );
}

#[test]
fn an_error_in_an_imported_file_names_that_file() {
    let files = [
        ("web.sls", "{% from 'map.jinja' import x %}\na: 1\n"),
        ("map.jinja", "\n{% set x = %}\n"),
    ];
    let error = run(&files, "@/web.sls").unwrap_err();
    assert!(error.starts_with("map.jinja:2: "), "{error}");
}

#[test]
fn a_minion_has_its_pillar() {
    let files = [
        ("etc/master", "pillar_roots: {base: ['@DIR/pillar']}\n"),
        ("pillar/top.sls", "base: {'web*': [who]}\n"),
        ("pillar/who.sls", "who: {{ grains.id }}\n"),
        (
            "web.sls",
            "a: {{ pillar.get('who', 'none') }} {{ grains.id }}\n",
        ),
    ];
    let got = run(&files, "@/web.sls --minion web1 -c @/etc --as yaml").unwrap();
    assert_eq!(got, "a: web1 web1\n");
}

#[test]
fn a_context_with_an_unknown_key_is_refused() {
    let files = [("c.json", r#"{"grain": {}}"#), ("a.sls", "a: 1\n")];
    let error = run(&files, "@/a.sls --context @/c.json").unwrap_err();
    assert!(error.contains("'grain: {}' means nothing here"), "{error}");
}
