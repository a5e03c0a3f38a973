//! Pillars from files, with what templates may call.

use model::Value;
use tempfile::TempDir;

use super::*;
use crate::config;
use crate::world::real;

/// Makes a master with these pillar files.
fn pillars(files: &[(&str, &str)]) -> (TempDir, Pillars) {
    configured("", files)
}

/// Makes a master with these pillar files and further options; `<DIR>` in them is the directory
/// with the configuration, whose `pillar` is the root.
pub(crate) fn configured(options: &str, files: &[(&str, &str)]) -> (TempDir, Pillars) {
    let own = "pillar_roots: {base: [<DIR>/pillar]}\nnodegroups: {web: 'web*'}\n";
    configured_alone(&format!("{own}{options}"), files)
}

/// As `configured`, with no other options than those.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests lay out pillars as an operator would"
)]
fn configured_alone(options: &str, files: &[(&str, &str)]) -> (TempDir, Pillars) {
    let dir = TempDir::new().unwrap();
    // No message of gpg, base64 that it is, can hold the brackets.
    let here = |text: &str| text.replace("<DIR>", &dir.path().display().to_string());
    for (name, text) in files {
        let path = dir.path().join("pillar").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, here(text)).unwrap();
    }
    std::fs::write(dir.path().join("master"), here(options)).unwrap();
    let world = real::world();
    let loaded = config::load(dir.path(), world.disk.as_ref()).unwrap();
    let pillars = Pillars::new(&loaded.opts, &world);
    (dir, pillars)
}

pub(crate) fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

pub(crate) fn grains(text: &str) -> Grains {
    Grains(
        states::renderers::load_yaml(text)
            .unwrap()
            .as_map()
            .unwrap()
            .clone(),
    )
}

/// Calls a function for minion `web1` with arguments written as YAML.
fn call(fun: &str, args: &str, kwargs: &str) -> Result<Value, String> {
    let (_dir, pillars) = pillars(&[]);
    let yaml = |text: &str| states::renderers::load_yaml(text).unwrap();
    let pillar = yaml("{a: {b: 1, l: [1, 2]}, k: {x: {y: 1}}}")
        .as_map()
        .unwrap()
        .clone();
    let grains = grains("{os: SUSE, os_family: Suse, roles: [db, web], nest: {a: b}}");
    let functions = pillars.functions(&id("web1"), &grains, &pillar);
    let kwargs = yaml(kwargs).as_map().unwrap().clone();
    let answer = functions.call(fun, yaml(args).as_list().unwrap().to_vec(), kwargs);
    answer.map_err(|error| error.to_string())
}

#[test]
fn a_pillar_is_made_of_the_files_for_this_minion() {
    let (_dir, pillars) = pillars(&[
        ("top.sls", "base:\n  'web*': [web]\n  'db*': [db]\n"),
        (
            "web.sls",
            "who: {{ grains['id'] }}\nos: {{ salt['grains.get']('os', 'none') }}\n",
        ),
        ("db.sls", "secret: 1\n"),
    ]);
    let pillar = pillars.compile(&id("web1"), &grains("{os: SUSE, id: liar}"));
    assert_eq!(pillar, Map::from([("who", "web1"), ("os", "SUSE")]));
    assert!(pillars.compile(&id("other"), &Grains::default()).is_empty());
}

#[test]
fn a_value_is_explained_by_the_places_that_set_it() {
    let (_dir, pillars) = pillars(&[
        ("top.sls", "base:\n  '*': [all]\n  'web*': [web]\n"),
        ("all.sls", "net:\n  port: 80\n"),
        ("web.sls", "# of the web\nnet:\n  port: 8080\n"),
    ]);
    let (web, none) = (id("web1"), Grains::default());
    let origins = pillars.explain(&web, &none, "net:port");
    let places: Vec<_> = origins
        .iter()
        .map(|origin| (origin.path.as_str(), origin.line, origin.value.as_i64()))
        .collect();
    assert_eq!(
        places,
        [
            ("all.sls", Some(2), Some(80)),
            ("web.sls", Some(3), Some(8080))
        ]
    );
    assert!(pillars.explain(&web, &none, "net:host").is_empty());
    let sls = vec!["all".to_owned(), "web".to_owned()];
    assert_eq!(pillars.top(&web, &none), Ok(vec![("base".to_owned(), sls)]));
}

/// Recorded from Salt 3006.30 and 3008.5 with their own functions.
#[test]
fn an_undefined_default_is_an_error_where_it_is_used() {
    let rendered = |text: &str| {
        let all = format!("x: \"{text}\"\n");
        let (_dir, pillars) = pillars(&[("top.sls", "base: {'*': [all]}\n"), ("all.sls", &all)]);
        let made = pillars.compile(&id("web1"), &grains("{os: SUSE}"));
        made.get("x").map(Value::to_text)
    };
    let works = [
        ("{{ salt['grains.get']('os', nope) }}", "SUSE"),
        ("{{ salt['grains.get']('zz', nope)|default('x') }}", "x"),
        (
            "{{ salt['grains.get']('zz', default=nope)|default('x') }}",
            "x",
        ),
        ("{{ salt['config.get']('os', nope) }}", "SUSE"),
        ("{{ salt['config.get']('zz', nope)|default('x') }}", "x"),
    ];
    for (text, expected) in works {
        assert_eq!(rendered(text).as_deref(), Some(expected), "{text}");
    }
    let fails = [
        "{{ salt['grains.get']('zz', nope) }}",
        "{{ salt['config.get']('zz', nope) }}",
        "{{ salt['grains.get'](nope, nope) }}",
        "{{ salt['pillar.get']('a', nope) }}",
        "{{ salt['pillar.get']('zz', nope)|default('x') }}",
        "{{ salt['test.echo'](nope) }}",
        "{{ salt['cmd.run'](nope) }}",
    ];
    for text in fails {
        assert_eq!(rendered(text), None, "{text}");
    }
}

#[test]
fn a_file_of_the_state_tree_can_be_read_where_it_is() {
    let options = "file_roots: {base: [<DIR>/pillar/tree]}\n";
    let all = "x: {{ salt['file.read'](salt['cp.cache_file']('salt://sub/f')) }}\n\
        none: {{ salt['cp.cache_file']('salt://none') }}\n\
        folder: {{ salt['cp.cache_file']('salt://sub') }}\n\
        empty: '{{ salt['cp.is_cached']('salt://none') }}'\n";
    let files = [
        ("top.sls", "base: {'*': [all]}\n"),
        ("all.sls", all),
        ("tree/sub/f", "content"),
    ];
    let (_dir, pillars) = configured(options, &files);
    let made = Value::Map(pillars.compile(&id("web1"), &grains("{}")));
    let expected = "{x: content, none: false, folder: false, empty: ''}";
    assert_eq!(made, states::renderers::load_yaml(expected).unwrap());
    let refused = ("all.sls", "x: {{ salt['data.get']('x') }}\n");
    let (_dir, pillars) = configured("pillar_safe_render_error: false\n", &[files[0], refused]);
    let made = Value::Map(pillars.compile(&id("web1"), &grains("{}"))).repr();
    assert!(made.contains("in sdb, or in the mine"), "{made}");
}

#[test]
fn any_environment_is_the_one_that_is_asked_for() {
    let options = "pillar_roots: {base: [<DIR>/pillar/base], __env__: [<DIR>/pillar/__env__]}\n";
    let files = [
        ("base/top.sls", "base: {'*': [a]}\n"),
        ("base/a.sls", "a: base\n"),
        ("dev/top.sls", "dev: {'*': [b]}\n"),
        ("dev/b.sls", "b: {{ saltenv }}\n"),
    ];
    let (_dir, pillars) = configured_alone(options, &files);
    let of = |saltenv: Option<&str>, pillarenv: Option<&str>| {
        pillars.compile_for(
            &id("m"),
            &Grains::default(),
            saltenv,
            pillarenv,
            &Map::new(),
        )
    };
    let both = Map::from([("a", "base"), ("b", "dev")]);
    assert_eq!(of(None, None), Map::from([("a", "base")]));
    assert_eq!(of(None, Some("dev")), Map::from([("b", "dev")]));
    assert_eq!(of(Some("dev"), None), both);
    assert_eq!(of(Some("dev"), Some("base")), Map::from([("a", "base")]));
    assert_eq!(of(None, Some("other")), Map::new());
    let options = format!("{options}pillarenv_from_saltenv: true\n");
    let (_dir, pillars) = configured_alone(&options, &files);
    let made = pillars.compile_for(&id("m"), &Grains::default(), Some("dev"), None, &Map::new());
    assert_eq!(made, Map::from([("b", "dev")]));
}

#[test]
fn what_is_broken_is_told_under_errors() {
    let (_dir, pillars) = pillars(&[
        ("top.sls", "base: {'*': [bad]}\n"),
        ("bad.sls", "a: {{ nothing.at.all }}\n"),
    ]);
    let pillar = pillars.compile(&id("m1"), &Grains::default());
    assert!(
        pillar.get("_errors").is_some_and(Value::is_truthy),
        "{pillar:?}"
    );
}

#[test]
fn functions_answer_as_salts_do() {
    let cases = [
        ("grains.get", "[os]", "{}", "SUSE"),
        ("grains.get", "['nest:a']", "{}", "b"),
        ("grains.get", "[no, x]", "{}", "x"),
        ("grains.get", "[no]", "{}", "''"),
        ("grains.item", "[os, no]", "{}", "{os: SUSE, no: ''}"),
        ("grains.has_value", "[os]", "{}", "true"),
        ("pillar.get", "['a:b']", "{}", "1"),
        ("pillar.get", "[a|b]", "{delimiter: '|'}", "1"),
        ("pillar.get", "[no]", "{default: 7}", "7"),
        (
            "pillar.get",
            "[k]",
            "{default: {x: {z: 2}, w: 3}, merge: true}",
            "{x: {z: 2, y: 1}, w: 3}",
        ),
        (
            "pillar.get",
            "['a:l', [0, 1]]",
            "{merge: true}",
            "[0, 1, 2]",
        ),
        ("config.get", "[hash_type]", "{}", "sha256"),
        ("config.get", "[os_family]", "{}", "Suse"),
        ("config.get", "[no, d]", "{}", "d"),
        ("match.glob", "['web*']", "{}", "true"),
        ("match.list", "['a,web1']", "{}", "true"),
        ("match.grain", "['roles:db']", "{}", "true"),
        (
            "match.compound",
            "['G@os:SUSE and not web1']",
            "{}",
            "false",
        ),
        ("match.compound", "['N@web']", "{}", "true"),
        ("match.nodegroup", "[web]", "{}", "true"),
        ("match.pillar", "['a:b:1']", "{}", "true"),
        (
            "grains.filter_by",
            "[{Debian: {p: 1}, Suse: {p: 2}}]",
            "{}",
            "{p: 2}",
        ),
        ("grains.filter_by", "[{x: 1, default: 2}, os]", "{}", "2"),
        ("grains.filter_by", "[{'d*': 1}, roles]", "{}", "1"),
        (
            "grains.filter_by",
            "[{Suse: {a: 1}, all: {a: 0, b: 0}}]",
            "{base: all, merge: {c: 3}}",
            "{a: 1, b: 0, c: 3}",
        ),
        ("test.ping", "[]", "{}", "true"),
    ];
    for (fun, args, kwargs, expected) in cases {
        let expected = states::renderers::load_yaml(expected).unwrap();
        assert_eq!(
            call(fun, args, kwargs),
            Ok(expected),
            "{fun} {args} {kwargs}"
        );
    }
}

#[test]
fn an_unknown_function_is_named_with_its_neighbours() {
    let error = call("pilar.get", "[a]", "{}").unwrap_err();
    assert!(
        error.contains("'pilar.get'") && error.contains("pillar.get"),
        "{error}"
    );
    let error = call("pillar.get", "[]", "{}").unwrap_err();
    assert_eq!(error, "missing argument: 'key'");
}

#[test]
fn the_master_knows_its_own_machine() {
    let (_dir, pillars) = pillars(&[]);
    let grains = pillars.master_grains();
    assert!(grains.get("id").unwrap().to_text().ends_with("_master"));
    assert_eq!(grains.get("kernel"), Some(&Value::str("Linux")));
}
