//! Functions beside Salt's answers, and what they refuse.

use std::sync::Arc;

use model::{Map, Value};
use states::context::Functions;
use tempfile::TempDir;

use super::Live;
use crate::pillar_sources::Pillars;
use crate::pillar_sources::tests::{configured, grains, id};

const GRAINS: &str = "{id: web1, os: SUSE, os_family: Suse, roles: [db, web], nest: {a: b}, \
    empty: '', num: 4, ipv4: [10.0.0.7, 127.0.0.1], ipv6: ['::1']}";
const PILLAR: &str = "{a: {b: 1, l: [1, 2]}, k: {x: {y: 1}}, colour: blue}";

fn yaml(text: &str) -> Value {
    states::renderers::load_yaml(text).unwrap()
}

/// Gives the functions of web1 under these options.
fn functions(options: &str, files: &[(&str, &str)]) -> (TempDir, Pillars, Arc<dyn Functions>) {
    let (dir, pillars) = configured(options, files);
    let pillar = yaml(PILLAR).as_map().unwrap().clone();
    let functions = pillars.functions(&id("web1"), &grains(GRAINS), &pillar);
    (dir, pillars, functions)
}

fn call(functions: &Arc<dyn Functions>, fun: &str, args: &str) -> Result<Value, String> {
    let args = yaml(args).as_list().unwrap().to_vec();
    let answer = functions.call(fun, args, Map::new());
    answer.map_err(|error| error.to_string())
}

#[test]
fn every_answer_is_salts() {
    let cases = yaml(include_str!("../../../testdata/functions/cases.yaml"));
    let answers = include_str!("../../../testdata/functions/answers.json");
    let answers: Value = serde_json::from_str(answers).unwrap();
    let (cases, answers) = (cases.as_list().unwrap(), answers.as_list().unwrap());
    assert_eq!(cases.len(), answers.len(), "record the answers again");
    let (_dir, _pillars, functions) = functions("custom: {x: 1}\nmysql.host: db\n", &[]);
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(answers) {
        let case = case.as_list().unwrap();
        let (fun, args) = (case[0].to_text(), case[1].as_list().unwrap().to_vec());
        let kwargs = case.get(2).and_then(Value::as_map).cloned();
        let got = functions.call(&fun, args, kwargs.unwrap_or_default());
        let is_same = match (&got, answer.get("value")) {
            (Ok(got), Some(expected)) => got == expected,
            (Err(_), None) => true,
            _ => false,
        };
        if !is_same {
            wrong.push(format!("{case:?}\n  is {got:?}\n  and Salt's {answer:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_name_that_is_listed_is_answered() {
    let (_dir, _pillars, functions) = functions("", &[]);
    for name in functions.names() {
        if let Err(error) = functions.call(&name, Vec::new(), Map::new()) {
            assert!(
                !error.to_string().contains("is not available"),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn commands_run_only_where_they_may() {
    let (_dir, _pillars, refused) = functions("", &[]);
    let error = call(&refused, "cmd.run", "['echo x']").unwrap_err();
    assert!(error.contains("template_commands"), "{error}");
    assert_eq!(
        call(&refused, "cmd.has_exec", "[sh]"),
        Ok(Value::Bool(true))
    );
    let (_dir, _pillars, allowed) = functions("template_commands: true\n", &[]);
    let all = call(
        &allowed,
        "cmd.run_all",
        "['echo out; echo err >&2; exit 3']",
    )
    .unwrap();
    assert!(
        all.get("pid")
            .and_then(Value::as_i64)
            .is_some_and(|pid| pid > 1)
    );
    assert_eq!(
        ["retcode", "stdout", "stderr"].map(|key| all.get(key).unwrap().to_text()),
        ["3", "out", "err"]
    );
    let cases = [
        ("cmd.run", "['echo out; echo err >&2']", "out\nerr"),
        ("cmd.run_stdout", "['echo out; echo err >&2']", "out"),
        ("cmd.run_stderr", "['echo out; echo err >&2']", "err"),
        ("cmd.shell", "['echo $((1 + 1))']", "2"),
        ("cmd.retcode", "['exit 4']", "4"),
        ("cmd.run", "[[echo, '$HOME;', a b]]", "$HOME; a b"),
        ("cmd.run", "[pwd, /]", "/"),
        ("cmd.run", "[cat, /, fed]", "fed"),
    ];
    for (fun, args, expected) in cases {
        let answer = call(&allowed, fun, args).map(|answer| answer.to_text());
        assert_eq!(answer.as_deref(), Ok(expected), "{fun} {args}");
    }
    let kwargs = Map::from([("runas", "nobody")]);
    let error = allowed
        .call("cmd.run", vec!["id".into()], kwargs)
        .unwrap_err();
    assert!(
        error.to_string().contains("'runas' is not supported"),
        "{error}"
    );
}

#[test]
fn files_are_seen_only_where_they_may() {
    let files = [("data/x.txt", "hello\n"), ("secret/y", "no\n")];
    let (dir, _pillars, functions) = functions("template_directories: [<DIR>/other]\n", &files);
    let here = dir.path().display();
    let read = |fun: &str, path: &str| call(&functions, fun, &format!("['{here}/{path}']"));
    assert_eq!(read("file.read", "pillar/data/x.txt"), Ok("hello\n".into()));
    assert_eq!(
        read("file.file_exists", "pillar/data/x.txt"),
        Ok(true.into())
    );
    assert_eq!(read("file.file_exists", "pillar/data"), Ok(false.into()));
    assert_eq!(
        read("file.directory_exists", "pillar/data"),
        Ok(true.into())
    );
    assert_eq!(read("file.directory_exists", "other/no"), Ok(false.into()));
    assert_eq!(
        read("file.readdir", "pillar/data"),
        Ok(yaml("['.', '..', x.txt]"))
    );
    assert_eq!(
        read("file.get_hash", "pillar/data/x.txt"),
        Ok("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".into())
    );
    let stats = read("file.stats", "pillar/data/x.txt").unwrap();
    assert_eq!(stats.get("size"), Some(&Value::from(6)));
    assert_eq!(stats.get("type"), Some(&Value::str("file")));
    for path in [
        "master",
        "pillar/../master",
        "pillar/data/../../../../etc/passwd",
    ] {
        let error = read("file.read", path).unwrap_err();
        assert!(error.contains("template_directories"), "{path}: {error}");
    }
    assert!(call(&functions, "file.read", "[relative]").is_err());
}

#[test]
fn the_state_tree_is_read_by_its_addresses() {
    let options = "file_roots: {base: [<DIR>/pillar/states], dev: [<DIR>/pillar/dev]}\n";
    let files = [
        ("states/web/init.sls", "a: {{ grains['os'] }}\n"),
        ("states/web/map.yaml", "x: 1\n"),
        ("dev/only", "dev\n"),
    ];
    let (_dir, _pillars, functions) = functions(options, &files);
    let cases = [
        ("cp.get_file_str", "['salt://web/map.yaml']", "\"x: 1\\n\""),
        (
            "cp.get_file_str",
            "['salt://only?saltenv=dev']",
            "\"dev\\n\"",
        ),
        ("cp.get_file_str", "['salt://no']", "false"),
        ("cp.list_master", "[]", "[web/init.sls, web/map.yaml]"),
        ("cp.list_master_dirs", "[]", "[web]"),
        ("cp.list_states", "[]", "[web]"),
        ("cp.envs", "[]", "[base, dev]"),
        ("cp.hash_file", "['salt://no']", "{}"),
        ("slsutil.file_exists", "[web/map.yaml]", "true"),
        ("slsutil.dir_exists", "[web]", "true"),
        ("slsutil.findup", "[web, [no, map.yaml]]", "web/map.yaml"),
        ("slsutil.renderer", "['salt://web/init.sls']", "{a: SUSE}"),
    ];
    for (fun, args, expected) in cases {
        assert_eq!(
            call(&functions, fun, args),
            Ok(yaml(expected)),
            "{fun} {args}"
        );
    }
    let hash = call(&functions, "cp.hash_file", "['salt://web/map.yaml']").unwrap();
    assert_eq!(hash.get("hash_type"), Some(&Value::str("sha256")));
}

#[test]
fn a_profile_leads_to_values_kept_elsewhere() {
    let options = "vault: {driver: yaml, files: [<DIR>/pillar/vault.yaml]}\n\
        surroundings: {driver: env}\nother: {driver: keyring}\nlater: 'sdb://vault/db:password'\n";
    let (_dir, _pillars, functions) =
        functions(options, &[("vault.yaml", "db: {password: hush}\n")]);
    let get = |uri: &str| call(&functions, "sdb.get", &format!("['{uri}']"));
    assert_eq!(get("sdb://vault/db:password"), Ok("hush".into()));
    assert_eq!(get("sdb://vault/no"), Ok(Value::Nil));
    assert!(
        get("sdb://surroundings/PATH")
            .unwrap()
            .to_text()
            .contains("/bin")
    );
    assert!(
        get("sdb://other/x")
            .unwrap_err()
            .contains("'keyring' is not supported")
    );
    assert!(
        get("sdb://none/x")
            .unwrap_err()
            .contains("no profile 'none'")
    );
    assert_eq!(call(&functions, "config.get", "[later]"), Ok("hush".into()));
}

struct Answering;

impl Live for Answering {
    fn runner(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, String> {
        Ok(Value::List(vec![
            fun.into(),
            Value::List(args),
            kwargs.into(),
        ]))
    }

    fn wheel(&self, fun: &str, _: Vec<Value>, _: Map) -> Result<Value, String> {
        Err(format!("no {fun}"))
    }
}

#[test]
fn the_running_master_is_asked_for_what_does_not_render() {
    let (_dir, pillars, functions) = functions("", &[]);
    let error = call(&functions, "mine.get", "['*', x]").unwrap_err();
    assert!(error.contains("needs a running master"), "{error}");
    pillars.connect(Arc::new(Answering));
    let kwargs = Map::from([("tgt", "web*"), ("fun", "x")]);
    let answer = functions.call("saltutil.runner", vec!["mine.get".into()], kwargs);
    assert_eq!(
        answer.unwrap(),
        yaml("[mine.get, [], {tgt: 'web*', fun: x}]")
    );
    assert_eq!(
        call(&functions, "mine.get", "['*', x]"),
        Ok(yaml("[mine.get, ['*', x], {}]"))
    );
    for (fun, args, why) in [
        (
            "saltutil.runner",
            "[pillar.show_pillar]",
            "while a template is rendered",
        ),
        (
            "saltutil.wheel",
            "[key.delete]",
            "cannot be called from a template",
        ),
        ("saltutil.wheel", "[key.list_all]", "no key.list_all"),
        (
            "saltutil.cmd",
            "['*', test.ping]",
            "a step of the orchestration",
        ),
        ("network.ip_addrs", "[]", "grains or the mine"),
    ] {
        let error = call(&functions, fun, args).unwrap_err();
        assert!(error.contains(why), "{fun}: {error}");
    }
}

#[test]
fn chance_keeps_to_what_was_asked() {
    let (_dir, _pillars, functions) = functions("", &[]);
    let text = call(&functions, "random.get_str", "[64]")
        .unwrap()
        .to_text();
    assert_eq!(text.chars().count(), 64);
    assert_ne!(call(&functions, "random.get_str", "[64]"), Ok(text.into()));
    let text = call(&functions, "random.get_str", "[50, ab]")
        .unwrap()
        .to_text();
    assert!(
        text.chars().all(|letter| letter == 'a' || letter == 'b'),
        "{text}"
    );
    for _ in 0..100 {
        let drawn = call(&functions, "random.rand_int", "[3, 5]")
            .unwrap()
            .as_i64();
        assert!(drawn.is_some_and(|drawn| (3..=5).contains(&drawn)));
    }
    let mut all = call(&functions, "random.shuffle", "[[1, 2, 3]]").unwrap();
    if let Value::List(list) = &mut all {
        list.sort_by_key(Value::as_i64);
    }
    assert_eq!(all, yaml("[1, 2, 3]"));
    assert!(call(&functions, "random.get_str", "[99999999999]").is_err());
}
