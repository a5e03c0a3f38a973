//! Each external pillar with its arguments, and how they go together with pillar files.

use std::io::{Read, Write};
use std::net::TcpListener;

use model::{Map, Value};

use super::check;
use crate::pillar_sources::Asked;
use crate::pillar_sources::tests::{configured, grains, id};

fn yaml(text: &str) -> Value {
    states::renderers::load_yaml(text).unwrap()
}

/// Compiles the pillar of web1 with these options and files.
fn pillar(options: &str, files: &[(&str, &str)]) -> Value {
    let (_dir, pillars) = configured(options, files);
    let grains = grains("{os: SUSE, place: {room: 'a b'}}");
    pillars.compile(&id("web1"), &grains).into()
}

const TOP: (&str, &str) = ("top.sls", "base: {'*': [all]}\n");

#[test]
fn commands_give_data_for_the_minion() {
    let options =
        "ext_pillar:\n- cmd_yaml: 'echo \"who: %s\"'\n- cmd_json: 'echo {\\\"n\\\": 1}'\n";
    let all = ("all.sls", "who: nobody\nkept: 1\n");
    assert_eq!(
        pillar(options, &[TOP, all]),
        yaml("{who: web1, kept: 1, n: 1}")
    );
}

#[test]
fn a_command_that_gives_no_data_leaves_the_rest() {
    let options = "ext_pillar:\n- cmd_yaml: 'echo \"a: [\"'\n\
        - cmd_json: 'exit 3'\n- cmd_yaml: {line: x}\n\
        - cmd_yaml: 'echo [1]'\n- cmd_yaml: 'echo b: 1'\n";
    let made = pillar(options, &[]);
    assert_eq!(made.get("b"), Some(&Value::from(1)));
    let errors = made.get("_errors").unwrap().repr();
    assert_eq!(
        errors,
        "[\"Failed to load ext_pillar cmd_yaml: there is no argument 'line'; there are command\", \
         'Failed to load ext_pillar cmd_yaml: the data is not a map (name: value)']"
    );
}

#[test]
fn a_command_that_takes_too_long_leaves_the_rest() {
    let options = "ext_pillar_timeout: 1\next_pillar:\n- cmd_yaml: 'sleep 1000'\n";
    assert_eq!(
        pillar(options, &[TOP, ("all.sls", "b: 1\n")]),
        yaml("{b: 1}")
    );
}

#[test]
fn an_id_is_no_way_into_a_shell() {
    let (_dir, pillars) = configured("ext_pillar:\n- cmd_yaml: 'echo \"a: %s\"'\n", &[]);
    let made = pillars.compile(&id("x;id"), &grains("{}"));
    assert!(
        made.get("a").is_none() && made.contains_key("_errors"),
        "{made:?}"
    );
}

#[test]
fn what_comes_first_is_seen_by_pillar_files() {
    let options = "ext_pillar_first: true\next_pillar:\n- cmd_yaml: 'echo \"a: {x: 1, y: 1}\"'\n";
    let all = ("all.sls", "a: {y: {{ pillar['a']['x'] + 1 }}}\n");
    assert_eq!(pillar(options, &[TOP, all]), yaml("{a: {x: 1, y: 2}}"));
    let last = options.replace("first: true", "first: false");
    let all = ("all.sls", "a: {y: 2, z: 3}\n");
    assert_eq!(pillar(&last, &[TOP, all]), yaml("{a: {y: 1, z: 3, x: 1}}"));
}

#[test]
fn overrides_win_and_strategies_count() {
    let options = "pillar_source_merging_strategy: overwrite\next_pillar:\n\
        - cmd_yaml: 'echo \"{a: {x: 1}, b: 1}\"'\n";
    let (_dir, pillars) = configured(options, &[TOP, ("all.sls", "a: {z: 0}\n")]);
    let overrides = yaml("{b: 7}").as_map().unwrap().clone();
    let made = pillars.compile_for(&id("web1"), &grains("{}"), None, None, &overrides);
    assert_eq!(Value::Map(made), yaml("{b: 7, a: {x: 1}}"));
    let options = "pillar_merge_lists: true\next_pillar:\n- cmd_yaml: 'echo \"l: [2, 3]\"'\n";
    assert_eq!(
        pillar(options, &[TOP, ("all.sls", "l: [1, 2]\n")]),
        yaml("{l: [1, 2, 3]}")
    );
}

#[test]
fn an_excluded_source_is_not_asked() {
    let options = "exclude_ext_pillar: [cmd_yaml]\next_pillar:\n- cmd_yaml: 'echo a: 1'\n";
    assert_eq!(pillar(options, &[]), yaml("{}"));
}

#[test]
fn a_minion_asks_only_for_what_it_may() {
    let options = "on_demand_ext_pillar: [cmd_yaml]\n";
    let (_dir, pillars) = configured(options, &[]);
    let asked = |ext: &str| {
        pillars.compile_asked(Asked {
            id: id("web1"),
            grains: grains("{}"),
            saltenv: None,
            pillarenv: None,
            overrides: Map::new(),
            ext: yaml(ext).as_map().cloned(),
            is_cache_cleared: false,
        })
    };
    assert_eq!(Value::Map(asked("cmd_yaml: 'echo a: 1'")), yaml("a: 1"));
    assert_eq!(asked("cmd_json: 'echo 1'"), Map::new());
}

#[test]
fn a_host_has_its_groups_files_and_its_own_on_top() {
    let files = [
        ("tree/hosts/web1/ssl/key", "secret\n"),
        ("tree/hosts/web1/motd", "of {{ grains['os'] }}\n"),
        ("tree/hosts/web11/motd", "another's\n"),
        ("tree/nodegroups/web/motd", "of the group\n"),
        ("tree/nodegroups/web/ssl/ca", "ca\n"),
        ("tree/nodegroups/unknown/only", "x\n"),
    ];
    let tree = |more: &str| {
        let options = format!("ext_pillar:\n- file_tree:\n    root_dir: <DIR>/pillar/tree\n{more}");
        pillar(&options, &files)
    };
    assert_eq!(
        tree(""),
        yaml("{ssl: {ca: ca, key: secret}, motd: \"of {{ grains['os'] }}\"}")
    );
    assert_eq!(
        tree("    keep_newline: ['ssl/*']\n").get("ssl"),
        Some(&yaml("{ca: \"ca\\n\", key: \"secret\\n\"}"))
    );
    let rendered = tree("    template: true\n    render_default: jinja\n");
    assert_eq!(rendered.get("motd"), Some(&Value::str("of SUSE")));
    let kept =
        tree("    template: true\n    render_default: jinja\n    renderer_blacklist: [jinja]\n");
    assert_eq!(kept.get("motd"), Some(&yaml("{}")));
}

#[test]
fn a_relative_tree_lies_in_the_roots_of_the_pillar_environment() {
    let options = "pillarenv: base\next_pillar:\n- file_tree: {root_dir: tree}\n";
    let files = [("tree/hosts/web1/a", "1\n")];
    assert_eq!(pillar(options, &files), yaml("{a: '1'}"));
    let unset = options.replace("pillarenv: base\n", "");
    assert_eq!(pillar(&unset, &files), yaml("{}"));
}

#[test]
fn a_stack_merges_by_the_strategies_its_files_name() {
    let files = [
        (
            "stack/all.cfg",
            "core.yml\n{% if minion_id == 'web1' %}web/*.yml{% endif %}\nmissing.yml\n",
        ),
        (
            "stack/core.yml",
            "users: {tom: {uid: 1}, mat: {uid: 2}}\nlist: [1, 2]\ngone: 1\nkept: {a: 1}\nn: 1\n",
        ),
        (
            "stack/web/1.yml",
            "os: {{ __grains__['os'] }}\nuid: {{ stack.users.mat.uid }}\n\
             room: {{ __stack__.traverse(__grains__, 'place:room', 'none') }}\n\
             none: '{{ nothing }}'\nusers: {__: overwrite, root: {uid: 0}}\n",
        ),
        (
            "stack/web/2.yml",
            "list: [{__: merge-first}, 0]\nkept: {__: merge-first, a: 2, b: 2}\nn: [1]\n",
        ),
        ("stack/web/3.yml", "__: remove\ngone: x\n"),
    ];
    let expected = "{users: {root: {uid: 0}}, list: [0, 1, 2], kept: {a: 1, b: 2}, n: [1], \
        os: SUSE, uid: 2, room: a b, none: ''}";
    let options = "ext_pillar:\n- stack: <DIR>/pillar/stack/all.cfg\n";
    assert_eq!(pillar(options, &files), yaml(expected));
    let options = "ext_pillar:\n- stack:\n    grains:os:\n      \
                   SUSE: [<DIR>/pillar/stack/all.cfg]\n";
    assert_eq!(pillar(options, &files), yaml(expected));
    let options = "ext_pillar:\n- stack:\n    opts:id:\n      other: <DIR>/pillar/stack/all.cfg\n";
    assert_eq!(pillar(options, &files), yaml("{}"));
}

#[test]
fn a_stack_names_the_file_that_is_broken() {
    let files = [
        ("s/all.cfg", "- bad.yml\n"),
        ("s/bad.yml", "a: {__: sideways}\na: 1\n"),
    ];
    let made = pillar("ext_pillar:\n- stack: [<DIR>/pillar/s/all.cfg]\n", &files);
    let errors = made.get("_errors").unwrap().repr();
    assert!(
        errors.contains("yaml parsing error in") && errors.contains("bad.yml"),
        "{errors}"
    );
}

/// Answers one request after the other with the next text, and gives what was asked.
fn serve(answers: Vec<&'static str>) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked.push(String::from_utf8(request).unwrap());
        }
        asked
    });
    (port, serving)
}

#[test]
fn a_web_server_is_asked_with_id_and_grains() {
    let (port, serving) = serve(vec![
        "HTTP/1.1 302 Found\r\nLocation: /moved\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\na: yes\n",
        "HTTP/1.1 200 OK\r\n\r\n{\"b\": 1}",
        "HTTP/1.1 500 No\r\n\r\nx: 1",
    ]);
    let options = format!(
        "ext_pillar:\n\
         - http_yaml: {{url: 'http://127.0.0.1:{port}/%s?r=<place:room>', with_grains: true,\
           username: u, password: p}}\n\
         - http_json: {{url: 'http://127.0.0.1:{port}/j', namespace: n, header_dict: {{X: y}}}}\n\
         - http_yaml: 'http://127.0.0.1:{port}/bad'\n\
         - http_yaml: {{url: 'http://127.0.0.1:{port}/<none>', with_grains: true}}\n"
    );
    assert_eq!(pillar(&options, &[]), yaml("{a: true, n: {b: 1}}"));
    let asked = serving.join().unwrap();
    assert!(
        asked[0].starts_with("GET /web1?r=a%20b HTTP/1.1\r\n"),
        "{asked:?}"
    );
    assert!(
        asked[0].contains("Authorization: Basic dTpw\r\n"),
        "{asked:?}"
    );
    assert!(asked[1].starts_with("GET /moved "), "{asked:?}");
    assert!(asked[2].contains("X: y\r\n"), "{asked:?}");
}

#[test]
fn what_there_is_not_is_refused_with_the_near_name() {
    let of = |text: &str| check(yaml(text).as_list().unwrap()).unwrap_or_default();
    assert_eq!(of("[{cmd_yaml: x}, {stack: y}]"), "");
    assert!(of("[{cmd_yml: x}]").contains("did you mean cmd_yaml?"));
    assert!(of("[{git: [x]}]").contains("git file server"));
    assert!(of("[cmd_yaml]").contains("a list of maps"));
}
