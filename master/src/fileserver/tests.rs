//! What minions may fetch, and what no path gets them.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests lay out trees as an operator would"
)]

use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::world::{Clock, Sleep, real};

/// A clock that the test sets; it begins long after every file was written.
#[derive(Debug)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, _duration: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

const LONG_AFTER_SECS: u64 = 20_000_000_000;

struct Tree {
    dir: TempDir,
    clock: Arc<TestClock>,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self {
            dir: TempDir::new().unwrap(),
            clock: Arc::new(TestClock(AtomicU64::new(LONG_AFTER_SECS))),
        };
        for (name, text) in files {
            tree.write(name, text);
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn link(&self, target: &str, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    fn opts(&self, roots: &[(&str, &[&str])]) -> Opts {
        let paths = |names: &[&str]| {
            names
                .iter()
                .map(|name| self.path(name).to_string_lossy().into_owned())
                .collect()
        };
        let file_roots = roots
            .iter()
            .map(|(env, names)| ((*env).to_owned(), paths(names)));
        Opts {
            file_roots: file_roots.collect(),
            ..Opts::default()
        }
    }

    fn serve(&self, opts: &Opts) -> FileServer {
        let world = World {
            clock: self.clock.clone(),
            ..real::world()
        };
        FileServer::new(opts, &world)
    }

    /// Serves the directories `a` and `b` as the roots of base.
    fn server(&self) -> FileServer {
        self.serve(&self.opts(&[("base", &["a", "b"])]))
    }
}

fn text(server: &FileServer, path: &str, saltenv: &str) -> Option<String> {
    let found = server.piece(path, saltenv, 0, 0).unwrap()?;
    Some(String::from_utf8(found.data.to_vec()).unwrap())
}

#[test]
fn the_first_root_that_has_a_file_wins() {
    let tree = Tree::new(&[("a/x", "from a"), ("b/x", "from b"), ("b/y", "only b")]);
    let server = tree.server();
    assert_eq!(text(&server, "x", "base").unwrap(), "from a");
    assert_eq!(text(&server, "y", "base").unwrap(), "only b");
    assert_eq!(text(&server, "z", "base"), None);
    assert_eq!(text(&server, "x", "dev"), None);
    assert_eq!(server.envs(), ["base"]);
    assert_eq!(server.list("base", "").unwrap(), ["x", "y"]);
}

#[test]
fn a_path_that_leaves_its_root_is_no_file() {
    let tree = Tree::new(&[("a/x", "x"), ("secret", "s"), ("a/d/y", "y"), ("a/|z", "z")]);
    let server = tree.server();
    let absolute = tree.path("secret");
    for path in [
        "../secret",
        "d/../../secret",
        "d/../x",
        "..",
        ".",
        "",
        "/",
        absolute.to_str().unwrap(),
        "x\0",
        "x?saltenv=base",
        "|x",
        "|z",
        "d",
        "x/",
        "x/y",
    ] {
        let expected = if path == "x/" {
            Some("x".to_owned())
        } else {
            None
        };
        assert_eq!(text(&server, path, "base"), expected, "{path}");
    }
    assert_eq!(text(&server, "./d//y", "base").unwrap(), "y");
}

#[test]
fn links_between_files_work() {
    let tree = Tree::new(&[
        ("a/pillar/_storage.sls.microos", "disk"),
        ("elsewhere/f", "far"),
    ]);
    tree.link("_storage.sls.microos", "a/pillar/_storage.sls.kubic");
    tree.link("../elsewhere", "a/out");
    tree.link("nowhere", "a/dangling");
    let server = tree.server();
    assert_eq!(
        text(&server, "pillar/_storage.sls.kubic", "base").unwrap(),
        "disk"
    );
    assert_eq!(text(&server, "out/f", "base").unwrap(), "far");
    assert_eq!(text(&server, "dangling", "base"), None);
    let files = [
        "dangling",
        "out/f",
        "pillar/_storage.sls.kubic",
        "pillar/_storage.sls.microos",
    ];
    assert_eq!(server.list("base", "").unwrap(), files);
    let links = server.symlink_list("base", "").unwrap();
    let expected = Map::from([
        ("dangling", "nowhere"),
        ("pillar/_storage.sls.kubic", "_storage.sls.microos"),
    ]);
    assert_eq!(links, expected);
}

#[test]
fn links_that_lead_out_are_refused_where_they_must_not_be_followed() {
    let tree = Tree::new(&[("a/in", "in"), ("elsewhere/f", "far")]);
    tree.link("in", "a/inner");
    tree.link("../elsewhere/f", "a/outer");
    tree.link("../elsewhere", "a/out");
    let mut opts = tree.opts(&[("base", &["a"])]);
    opts.fileserver_followsymlinks = false;
    let server = tree.serve(&opts);
    assert_eq!(text(&server, "inner", "base").unwrap(), "in");
    assert_eq!(text(&server, "outer", "base"), None);
    assert_eq!(text(&server, "out/f", "base"), None);
    assert_eq!(server.list("base", "").unwrap(), ["in", "inner", "outer"]);
    assert_eq!(server.symlink_list("base", "").unwrap().len(), 3);
    opts.fileserver_ignoresymlinks = true;
    assert_eq!(tree.serve(&opts).list("base", "").unwrap(), ["in"]);
}

#[test]
fn links_in_a_circle_end() {
    let tree = Tree::new(&[("a/d/x", "x")]);
    tree.link("..", "a/d/up");
    tree.link("loop", "a/loop");
    let server = tree.server();
    assert_eq!(server.list("base", "").unwrap(), ["d/x", "loop"]);
    assert_eq!(server.dir_list("base", "").unwrap(), ["d", "d/up"]);
    assert_eq!(text(&server, "loop", "base"), None);
}

#[test]
fn a_root_that_is_a_link_is_a_root() {
    let tree = Tree::new(&[("real/x", "x")]);
    tree.link("real", "a");
    let mut opts = tree.opts(&[("base", &["a"])]);
    opts.fileserver_followsymlinks = false;
    let server = tree.serve(&opts);
    assert_eq!(text(&server, "x", "base").unwrap(), "x");
    assert_eq!(server.list("base", "").unwrap(), ["x"]);
}

#[test]
fn lists_tell_files_directories_and_empty_ones_by_prefix() {
    let tree = Tree::new(&[("a/d/x", ""), ("b/d/e/y", ""), ("b/top.sls", "")]);
    std::fs::create_dir(tree.path("a/empty")).unwrap();
    let server = tree.server();
    assert_eq!(
        server.list("base", "").unwrap(),
        ["d/e/y", "d/x", "top.sls"]
    );
    assert_eq!(server.list("base", "/d/").unwrap(), ["d/e/y", "d/x"]);
    assert_eq!(server.dir_list("base", "").unwrap(), ["d", "d/e", "empty"]);
    assert_eq!(server.emptydirs("base", "").unwrap(), ["empty"]);
    assert!(server.list("dev", "").unwrap().is_empty());
}

#[test]
fn ignored_files_are_neither_served_nor_listed() {
    let tree = Tree::new(&[("a/x.swp", ""), ("a/.git/config", ""), ("a/keep", "k")]);
    let mut opts = tree.opts(&[("base", &["a"])]);
    opts.file_ignore_glob = vec!["*.swp".into()];
    opts.file_ignore_regex = vec![r"(^|/)\.git($|/)".into()];
    let server = tree.serve(&opts);
    assert_eq!(server.list("base", "").unwrap(), ["keep"]);
    assert!(server.dir_list("base", "").unwrap().is_empty());
    for path in ["x.swp", ".git/config"] {
        assert_eq!(text(&server, path, "base"), None, "{path}");
    }
}

#[test]
fn any_environment_is_served_from_its_own_directory() {
    let tree = Tree::new(&[("envs/dev/x", "dev"), ("fix/x", "fixed"), ("x", "outside")]);
    let opts = tree.opts(&[("__env__", &["envs/__env__"]), ("base", &["fix"])]);
    let server = tree.serve(&opts);
    assert_eq!(text(&server, "x", "dev").unwrap(), "dev");
    assert_eq!(text(&server, "x", "base").unwrap(), "fixed");
    for saltenv in ["..", "../..", "", ".", "a/b", "\0"] {
        assert_eq!(text(&server, "x", saltenv), None, "{saltenv}");
    }
    assert_eq!(server.list("dev", "").unwrap(), ["x"]);
}

#[test]
fn a_file_comes_in_pieces_and_ends_with_an_empty_one() {
    let tree = Tree::new(&[("a/x", "0123456789"), ("a/empty", "")]);
    let mut opts = tree.opts(&[("base", &["a"])]);
    opts.file_buffer_size = 4;
    let server = tree.serve(&opts);
    let piece = |offset| server.piece("x", "base", offset, 0).unwrap().unwrap();
    for (offset, expected) in [
        (0, "0123"),
        (4, "4567"),
        (8, "89"),
        (10, ""),
        (u64::MAX / 2, ""),
    ] {
        let found = piece(offset);
        assert_eq!(found.data, expected.as_bytes(), "{offset}");
        assert_eq!((found.dest.as_str(), found.gzip), ("x", None));
    }
    let found = server.piece("empty", "base", 0, 5).unwrap().unwrap();
    assert_eq!(
        found,
        Piece {
            data: Bytes::new(),
            dest: "empty".into(),
            gzip: None
        }
    );
}

#[test]
fn the_pieces_of_a_larger_file_are_those_of_one_reading_while_it_stays_the_same() {
    let text = |letter: &str| letter.repeat(100_000);
    let tree = Tree::new(&[("a/x", &text("o"))]);
    let mut opts = tree.opts(&[("base", &["a"])]);
    opts.file_buffer_size = 40_000;
    let server = tree.serve(&opts);
    let piece = |offset| server.piece("x", "base", offset, 0).unwrap().unwrap().data;
    let is_kept = || {
        let found = server.find("x", "base").unwrap().unwrap();
        server.large_contents.kept(&found).is_some()
    };
    assert_eq!(piece(40_000), text("o")[..40_000]);
    assert!(!is_kept(), "who begins in the middle may want no more");
    assert_eq!(piece(0), text("o")[..40_000]);
    assert!(is_kept());
    assert_eq!(piece(80_000), text("o")[..20_000]);
    assert_eq!(piece(100_000), "");
    // Another inode, as editors and deployments write files.
    tree.write("a/new", &text("n"));
    std::fs::rename(tree.path("a/new"), tree.path("a/x")).unwrap();
    assert!(!is_kept());
    assert_eq!(piece(80_000), text("n")[..20_000]);
    assert_eq!(piece(0), text("n")[..40_000]);
    assert!(is_kept());
}

#[test]
fn a_larger_file_that_just_changed_is_read_piece_by_piece() {
    let tree = Tree::new(&[("a/x", &"x".repeat(100_000))]);
    let found = tree.server().find("x", "base").unwrap().unwrap();
    let changed = u64::try_from(found.metadata.changed_secs).unwrap();
    tree.clock.0.store(changed, Ordering::Relaxed);
    let server = tree.server();
    server.piece("x", "base", 0, 0).unwrap().unwrap();
    assert!(server.large_contents.kept(&found).is_none());
}

#[test]
fn a_compressed_piece_is_gzip() {
    let tree = Tree::new(&[("a/x", &"salt ".repeat(1000))]);
    let found = tree.server().piece("x", "base", 0, 5).unwrap().unwrap();
    assert_eq!(found.gzip, Some(5));
    assert!(found.data.len() < 500);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&found.data[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "salt ".repeat(1000));
}

#[test]
fn a_hash_is_that_of_the_option_and_follows_the_file() {
    let tree = Tree::new(&[("a/x", "abc")]);
    let mut opts = tree.opts(&[("base", &["a"])]);
    let server = tree.serve(&opts);
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(server.hash("x", "base").unwrap().unwrap(), abc);
    assert_eq!(server.hash("x", "base").unwrap().unwrap(), abc);
    tree.write("a/x", "abcd");
    assert_ne!(server.hash("x", "base").unwrap().unwrap(), abc);
    std::fs::remove_file(tree.path("a/x")).unwrap();
    assert_eq!(server.hash("x", "base").unwrap(), None);
    tree.write("a/x", "abc");
    opts.hash_type = "md5".into();
    let server = tree.serve(&opts);
    assert_eq!(
        server.hash("x", "base").unwrap().unwrap(),
        "900150983cd24fb0d6963f7d28e17f72"
    );
    assert_eq!(server.hash_type(), "md5");
}

#[test]
fn a_file_that_just_changed_is_hashed_again_even_with_the_same_times() {
    let tree = Tree::new(&[("a/x", "abc")]);
    let path = tree.path("a/x");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    tree.clock.0.store(since.as_secs() + 1, Ordering::Relaxed);
    let server = tree.server();
    let before = server.hash("x", "base").unwrap();
    let found = server.find("x", "base").unwrap().unwrap();
    std::fs::write(&path, "xyz").unwrap();
    // As if the change had happened within the tick: the old metadata.
    let after = server.hash_of(&found).unwrap();
    assert_ne!(before, after);
}

#[test]
fn a_list_is_kept_for_a_moment_only() {
    let tree = Tree::new(&[("a/x", "")]);
    let server = tree.server();
    assert_eq!(server.list("base", "").unwrap(), ["x"]);
    tree.write("a/y", "");
    assert_eq!(server.list("base", "").unwrap(), ["x"]);
    tree.clock.0.fetch_add(2, Ordering::Relaxed);
    assert_eq!(server.list("base", "").unwrap(), ["x", "y"]);
}

#[test]
fn a_found_file_has_the_numbers_of_its_stat() {
    let tree = Tree::new(&[("a/d/x", "abc")]);
    let server = tree.server();
    let found = server.find("d/x", "base").unwrap().unwrap();
    assert_eq!((found.rel.as_str(), found.back), ("d/x", "roots"));
    assert_eq!(found.path, tree.path("a/d/x"));
    let stat = found.metadata.stat();
    assert_eq!(stat[6], 3);
    assert_eq!(stat[0] & 0o170_000, 0o100_000, "a regular file");
    assert_eq!(server.find("nowhere", "base").unwrap(), None);
}

#[test]
fn renderers_read_whole_files() {
    let tree = Tree::new(&[("a/top.sls", "base: {}"), ("b/x/init.sls", "")]);
    let client = tree.server().client();
    assert_eq!(
        client.read("top.sls", "base").unwrap().as_deref(),
        Some(b"base: {}".as_slice())
    );
    assert_eq!(client.read("x.sls", "base").unwrap(), None);
    assert_eq!(
        client.read("x/init.sls", "base").unwrap().as_deref(),
        Some(b"".as_slice())
    );
    assert_eq!(client.list("base").unwrap(), ["top.sls", "x/init.sls"]);
    assert_eq!(client.envs(), ["base"]);
}
