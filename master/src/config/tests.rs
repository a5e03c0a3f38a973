//! What a configuration is believed to say, and what is refused.

use std::path::Path;

use storage::disk::RealDisk;
use tempfile::TempDir;

use super::*;

/// Makes a configuration directory of files and texts.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests write files as an operator would"
)]
fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn read(files: &[(&str, &str)]) -> Loaded {
    let dir = directory(files);
    load(dir.path(), &RealDisk).unwrap()
}

/// Gives the message for a main file that cannot be believed, without the directory.
fn refusal(text: &str) -> String {
    let dir = directory(&[("master", text)]);
    let error = load(dir.path(), &RealDisk).unwrap_err().to_string();
    error.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn without_files_everything_is_salts_default() {
    let config = read(&[]);
    assert_eq!(config.opts.publish_port, 4505);
    assert_eq!(config.opts.pki_dir, Path::new("/etc/salt/pki/master"));
    assert_eq!(
        config.opts.store_dir,
        Path::new("/var/cache/salt/master/store")
    );
    assert_eq!(
        config.opts.file_roots["base"],
        ["/srv/salt", "/srv/spm/salt"]
    );
    assert_eq!(config.report, []);
}

#[test]
fn dropped_in_files_win_in_the_order_of_their_names() {
    let config = read(&[
        (
            "master",
            "timeout: 1\nuser: main\nfile_roots: {base: [/main]}\n",
        ),
        (
            "master.d/b.conf",
            "timeout: 3\nfile_roots: {base: [/b, /a], dev: [/dev]}\n",
        ),
        ("master.d/a.conf", "timeout: 2\nfile_roots: {base: [/a]}\n"),
        ("master.d/ignored", "timeout: 4\n"),
        ("master.d/.hidden.conf", "timeout: 5\n"),
    ]);
    assert_eq!(config.opts.timeout, 3);
    assert_eq!(config.opts.user, "main");
    // Between each other they grow together; the main file's roots are replaced.
    assert_eq!(config.opts.file_roots["base"], ["/a", "/b"]);
    assert_eq!(config.opts.file_roots["dev"], ["/dev"]);
}

#[test]
fn includes_win_over_dropped_in_files_and_may_nest() {
    let config = read(&[
        ("master", "include: [extra/*.yml]\ntimeout: 1\n"),
        ("master.d/a.conf", "timeout: 2\nret_port: 2\n"),
        ("extra/one.yml", "timeout: 3\ninclude: deep/two.yml\n"),
        ("extra/deep/two.yml", "keysize: 4096\n"),
    ]);
    let opts = config.opts;
    assert_eq!((opts.timeout, opts.ret_port, opts.keysize), (3, 2, 4096));
}

#[test]
fn a_circle_of_includes_ends() {
    let dir = directory(&[
        ("master", "include: a"),
        ("a", "include: b"),
        ("b", "include: a"),
    ]);
    let error = load(dir.path(), &RealDisk).unwrap_err();
    assert!(matches!(error, Error::IncludedTooDeep { .. }), "{error}");
}

#[test]
fn flags_win_over_files() {
    let dir = directory(&[("master", "log_level: error\n")]);
    let flags = [("log_level", Value::str("debug"))];
    let config = load_with(dir.path(), &flags, &RealDisk).unwrap();
    assert_eq!(config.opts.log_level, "debug");
}

#[test]
fn a_bad_value_is_named_with_file_and_line() {
    let cases = [
        (
            "\npublish_port: ten",
            "master line 2: publish_port: expected a port number, 0 to 65535, got text 'ten'",
        ),
        (
            "ret_port: 70000",
            "master line 1: ret_port: expected a port number, 0 to 65535, got a number 70000",
        ),
        (
            "auto_accept: 'no'",
            "master line 1: auto_accept: expected true or false, got text 'no'",
        ),
        (
            "timeout: true",
            "master line 1: timeout: expected a whole number, 0 or more, got a boolean True",
        ),
        (
            "nodegroups: x",
            "master line 1: nodegroups: expected a map (name: value), got text 'x'",
        ),
        (
            "keysize: 512",
            "master line 1: keysize: expected a whole number from 2048 to 16384, got a number 512",
        ),
        (
            "interface: eth0",
            "master line 1: interface: expected an IP address of this machine (0.0.0.0: \
             all of them), got text 'eth0'",
        ),
        (
            "file_roots: /srv",
            "master line 1: file_roots: expected environments with lists of directories \
             (base: [/srv/salt]), got text '/srv'",
        ),
        (
            "file_ignore_regex: '('",
            "master line 1: file_ignore_regex: expected regular expressions, got text '('",
        ),
        (
            "fileserver_backend: [git]",
            "master line 1: fileserver_backend: expected [roots], the only file server \
             there is yet, got a list ['git']",
        ),
        (
            "include: {a: 1}",
            "master line 1: include: expected a path or a list of paths, got a map {'a': 1}",
        ),
        (
            "user: sdb://x/y",
            "master line 1: user: expected text, got text 'sdb://x/y'",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn every_bad_value_is_told_at_once() {
    let text = refusal("timeout: x\nhash_type: crc\n");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("one of md5, sha1, sha224, sha256"), "{text}");
}

#[test]
fn what_is_no_yaml_is_named_with_file_and_line() {
    let text = refusal("user: root\nfile_roots: {base: [\n");
    assert!(text.starts_with("master line "), "{text}");
    assert_eq!(
        refusal("- a\n"),
        "master: expected options (name: value), got a list"
    );
    assert_eq!(
        refusal("just words\n"),
        "master: expected options (name: value), got text"
    );
    let dir = directory(&[]);
    let path = dir.path().join("nowhere");
    let error = load(&path, &RealDisk).unwrap_err();
    assert!(matches!(error, Error::NoDirectory(_)), "{error}");
}

#[test]
fn text_that_is_not_utf8_is_named_with_its_line() {
    let error = Raw::parse(Path::new("master"), b"a: 1\nb: \xff\n").unwrap_err();
    assert_eq!(error.to_string(), "master line 2: is not UTF-8 text");
}

#[test]
fn paths_are_put_below_the_root_directory_once() {
    let config = read(&[(
        "master",
        "root_dir: /lab\npki_dir: /lab/pki\ncachedir: /var/c\nsock_dir: run\n\
         log_file: file:///dev/log\nautosign_file: /etc/a\nfile_roots: {base: [/srv/x]}\n",
    )]);
    let opts = config.opts;
    assert_eq!(opts.pki_dir, Path::new("/lab/pki"));
    assert_eq!(opts.cachedir, Path::new("/lab/var/c"));
    assert_eq!(opts.store_dir, Path::new("/lab/var/c/store"));
    assert_eq!(opts.sock_dir, Path::new("/lab/run"));
    assert_eq!(opts.autosign_file.as_deref(), Some(Path::new("/lab/etc/a")));
    assert_eq!(opts.log_file, Path::new("file:///dev/log"));
    assert_eq!(opts.root_dir.to_str(), Some("/lab"));
    assert_eq!(opts.file_roots["base"], ["/srv/x"]);
}

#[test]
fn globs_in_roots_become_the_directories_that_match() {
    let dir = directory(&[("tree/b/x", ""), ("tree/a/x", ""), ("tree/.c/x", "")]);
    let tree = dir.path().join("tree").display().to_string();
    let main = format!("file_roots: {{base: ['{tree}/*', /later]}}\n");
    let config = directory(&[("master", &main)]);
    let config = load(config.path(), &RealDisk).unwrap();
    let expected = [
        format!("{tree}/a"),
        format!("{tree}/b"),
        "/later".to_owned(),
    ];
    assert_eq!(config.opts.file_roots["base"], expected);
}

#[test]
fn hours_of_keep_jobs_count_where_nobody_wrote_seconds() {
    for (text, expected) in [
        ("", 86400),
        ("keep_jobs: 2", 7200),
        ("keep_jobs: 2\nkeep_jobs_seconds: 60", 60),
        ("keep_jobs:", 86400),
    ] {
        assert_eq!(
            read(&[("master", text)]).opts.keep_jobs_seconds,
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_has_no_effect_is_reported_with_its_place() {
    let config = read(&[(
        "master",
        "worker_threads: 9\ngitfs_remotes: []\nauto_acept: true\nnodegroups:\nx_of_ours: 1\n",
    )]);
    let told: Vec<String> = config.report.iter().map(Notice::to_string).collect();
    let told: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split_once("/master "))
        .map(|it| it.1)
        .collect();
    assert_eq!(
        told,
        [
            "line 1: worker_threads: has no effect: \
         the master is one process that uses all processors; nothing to set",
            "line 2: gitfs_remotes: has no effect: \
         files come from file_roots only; check the repository out there",
            "line 3: auto_acept: unknown option, ignored; did you mean auto_accept?",
            "line 4: nodegroups: has no value; the default counts",
            "line 5: x_of_ours: unknown option, ignored",
        ]
    );
}

#[test]
fn no_option_is_both_supported_and_not() {
    for option in OPTIONS {
        assert_eq!(unsupported::why(option.name), None, "{}", option.name);
    }
}

#[test]
fn the_dump_names_the_file_that_set_a_value() {
    let dump = read(&[("master.d/x.conf", "\ntimeout: 9\n")]).dump;
    assert!(dump.to_string().contains("timeout: 9  # /"), "{dump}");
    let dump = dump.0;
    let timeout = dump
        .iter()
        .find(|believed| believed.option == "timeout")
        .unwrap();
    assert_eq!((&timeout.value, timeout.line), (&Value::Int(9), Some(2)));
    assert!(
        timeout
            .file
            .as_deref()
            .unwrap()
            .ends_with("master.d/x.conf")
    );
    assert_eq!(dump.len(), OPTIONS.len());
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_its_option() {
    let dir = directory(&[("master", ""), ("file", "")]);
    let root_dir = Value::str(dir.path().join("root").to_string_lossy());
    let mut opts = load_with(dir.path(), &[("root_dir", root_dir)], &RealDisk)
        .unwrap()
        .opts;
    prepare_directories(&opts, &RealDisk).unwrap();
    assert!(opts.pki_dir.is_dir() && opts.pki_dir.starts_with(dir.path()));
    opts.cachedir = dir.path().join("file/below");
    let error = prepare_directories(&opts, &RealDisk)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cachedir: cannot make the directory"),
        "{error}"
    );
}

/// To renew the page after a change of the list: `RENEW=1 cargo test -p master the_manual`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the page is a file of the repository"
)]
fn the_manual_is_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&path, manual()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == manual(),
        "docs/configuration.md is out of date: run with RENEW=1"
    );
}

#[test]
fn the_masters_id_is_the_host_name_unless_it_is_written() {
    let id = read(&[]).opts.id.unwrap();
    assert!(id.ends_with("_master") && id.len() > 7, "{id}");
    assert_eq!(read(&[("master", "id: 12")]).opts.id.unwrap(), "12");
    let text = refusal("id: ../x");
    assert!(
        text.ends_with("id: expected an id: text without slashes, got text '../x'"),
        "{text}"
    );
}
