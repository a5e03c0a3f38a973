//! Files, as section by section minions ask for them.

use minion_protocol::Version;
use model::{Map, Value};
use tests::random::Random;
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;

/// A master with files, and a minion of each protocol.
fn scene() -> (TestMaster, Vec<SimMinion>) {
    let mut master = TestMaster::prepare("auto_accept: True");
    master.write("salt/top.sls", "base: {'*': [web]}\n");
    master.write("salt/web/init.sls", "nothing: test.nop\n");
    master.write("salt/empty", "");
    master.write("salt/large", large());
    master.write("outside", "secret");
    std::fs::create_dir_all(master.path("salt/hollow")).expect("a folder");
    std::os::unix::fs::symlink("top.sls", master.path("salt/link.sls")).expect("a link");
    master.start();
    let minion = |version: Version| {
        let mut minion = SimMinion::new(&format!("v{}", version.number()), version, master.ports());
        minion.sign_in_accepted();
        minion
    };
    let minions = [Version::V0, Version::V2, Version::V3].map(minion);
    (master, minions.into())
}

/// Two and a half pieces of bytes that are no text.
fn large() -> Vec<u8> {
    let mut bytes = vec![0; 2_621_440];
    Random::new(7).fill(&mut bytes);
    bytes
}

fn about(path: &str) -> Map {
    Map::from([("path", path), ("saltenv", "base")])
}

fn piece(minion: &SimMinion, path: &str, loc: usize) -> (Vec<u8>, String) {
    let mut load = about(path);
    load.insert("loc", loc as u64);
    let answer = minion.asks("_serve_file", load);
    let data = answer
        .get("data")
        .and_then(Value::as_bytes)
        .expect("bytes")
        .to_vec();
    (data, answer.get("dest").expect("a name").to_text())
}

#[test]
fn a_file_of_many_pieces_arrives_byte_for_byte() {
    let (_master, minions) = scene();
    for minion in &minions {
        let mut bytes = Vec::new();
        loop {
            let (data, dest) = piece(minion, "large", bytes.len());
            assert_eq!(dest, "large");
            if data.is_empty() {
                break;
            }
            bytes.extend(data);
        }
        assert!(bytes == large(), "{:?}", minion.version);
    }
}

#[test]
fn an_empty_file_is_a_file_and_a_missing_one_is_not() {
    let (_master, minions) = scene();
    for minion in &minions {
        assert_eq!(piece(minion, "empty", 0), (Vec::new(), "empty".to_owned()));
        assert_eq!(piece(minion, "missing", 0), (Vec::new(), String::new()));
        assert_eq!(minion.asks("_file_hash", about("missing")), Value::str(""));
        let found = minion.asks("_file_find", about("missing"));
        assert_eq!(found.get("path"), Some(&Value::str("")));
        let missing = Value::List(vec![Value::str(""), Value::Nil]);
        assert_eq!(
            minion.asks("_file_hash_and_stat", about("missing")),
            missing
        );
    }
}

#[test]
fn the_miss_of_a_directory_sls_is_answered_empty_and_its_init_is_found() {
    let (_master, minions) = scene();
    for minion in &minions {
        assert_eq!(minion.asks("_file_hash", about("web.sls")), Value::str(""));
        assert_eq!(minion.asks("_file_hash", about("web")), Value::str(""));
        let hash = minion.asks("_file_hash", about("web/init.sls"));
        assert_eq!(hash.get("hash_type"), Some(&Value::str("sha256")));
        assert_eq!(hash.get("hsum").unwrap().to_text().len(), 64);
        let found = minion.asks("_file_find", about("web/init.sls"));
        assert_eq!(found.get("rel"), Some(&Value::str("web/init.sls")));
        assert_eq!(
            found.get("stat").and_then(Value::as_list).map(<[_]>::len),
            Some(10)
        );
    }
}

#[test]
fn a_path_out_of_the_roots_leads_nowhere() {
    let (master, minions) = scene();
    let absolute = master.path("outside");
    let absolute = absolute.to_str().unwrap();
    let paths = [
        "../outside",
        "web/../../outside",
        "./../outside",
        absolute,
        "/etc/passwd",
        "..",
        "",
    ];
    for minion in &minions {
        for path in paths {
            assert_eq!(
                piece(minion, path, 0),
                (Vec::new(), String::new()),
                "{path}"
            );
            assert_eq!(
                minion.asks("_file_hash", about(path)),
                Value::str(""),
                "{path}"
            );
        }
        for saltenv in ["../base", "other", "", "__env__"] {
            let load = Map::from([("path", "top.sls"), ("saltenv", saltenv)]);
            assert_eq!(minion.asks("_file_hash", load), Value::str(""), "{saltenv}");
        }
    }
}

#[test]
fn lists_name_files_directories_and_links() {
    let (_master, minions) = scene();
    let list = |minion: &SimMinion, cmd: &str| {
        minion.asks(cmd, Map::from([("saltenv", "base"), ("prefix", "")]))
    };
    let names = |value: &Value| -> Vec<String> {
        let mut names: Vec<_> = value
            .as_list()
            .unwrap()
            .iter()
            .map(Value::to_text)
            .collect();
        names.sort();
        names
    };
    for minion in &minions {
        assert_eq!(names(&minion.asks("_file_envs", Map::new())), ["base"]);
        let files = ["empty", "large", "link.sls", "top.sls", "web/init.sls"];
        assert_eq!(names(&list(minion, "_file_list")), files);
        assert!(names(&list(minion, "_dir_list")).contains(&"web".to_owned()));
        assert_eq!(names(&list(minion, "_file_list_emptydirs")), ["hollow"]);
        let links = list(minion, "_symlink_list");
        assert_eq!(links, Map::from([("link.sls", "top.sls")]).into());
    }
}

#[test]
fn a_file_that_a_minion_pushes_is_refused() {
    let (_master, minions) = scene();
    for minion in &minions {
        let load = Map::from([
            ("id", Value::str(&minion.id)),
            ("path", Value::List(vec!["etc".into(), "passwd".into()])),
            ("size", Value::Int(1)),
            ("loc", Value::Int(0)),
            ("data", Value::Bytes(vec![0])),
            ("tok", Value::Bytes(minion.token())),
        ]);
        assert_eq!(minion.asks("_file_recv", load), Value::Bool(false));
    }
}
