//! What the real disk promises to those who are handed a `Disk`.

use std::os::unix::fs::symlink;

use storage::disk::{Disk, DiskRead, Kind, RealDisk};
use tempfile::TempDir;

fn setup() -> TempDir {
    TempDir::new().expect("a directory")
}

#[test]
fn a_written_file_has_its_content_and_mode_and_leaves_nothing_beside_it() {
    let dir = setup();
    let path = dir.path().join("key");
    for (content, mode) in [(b"one".as_slice(), 0o644), (b"two!", 0o400), (b"", 0o666)] {
        RealDisk.write(&path, content, mode).unwrap();
        assert_eq!(RealDisk.read(&path).unwrap().as_deref(), Some(content));
        let metadata = RealDisk.metadata(&path).unwrap().unwrap();
        assert_eq!(metadata.permissions(), mode);
        assert_eq!(metadata.bytes, content.len() as u64);
    }
    assert_eq!(RealDisk.list(dir.path()).unwrap().unwrap().len(), 1);
}

#[test]
fn a_lazily_written_file_is_new_or_another_and_says_what_it_is() {
    let dir = setup();
    let path = dir.path().join("key");
    for (content, mode) in [(b"one".as_slice(), 0o666), (b"two!", 0o400), (b"", 0o644)] {
        let written = RealDisk.write_lazily(&path, content, mode).unwrap();
        assert_eq!(RealDisk.read(&path).unwrap().as_deref(), Some(content));
        let metadata = RealDisk.metadata(&path).unwrap().unwrap();
        assert_eq!(metadata.permissions(), mode);
        assert_eq!(written.unwrap().stamp(), metadata.stamp());
    }
    assert_eq!(RealDisk.list(dir.path()).unwrap().unwrap().len(), 1);
}

#[test]
fn what_is_not_there_is_none() {
    let dir = setup();
    let file = dir.path().join("file");
    RealDisk.write(&file, b"x", 0o600).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    for path in [
        dir.path().join("loop/x"),
        dir.path().join("n".repeat(300)),
        dir.path().join("no"),
        dir.path().join("no/no"),
        file.join("below"),
    ] {
        assert_eq!(RealDisk.read(&path).unwrap(), None);
        assert_eq!(RealDisk.read_range(&path, 0, 1).unwrap(), None);
        assert_eq!(RealDisk.list(&path).unwrap(), None);
        assert_eq!(RealDisk.metadata(&path).unwrap(), None);
        assert_eq!(RealDisk.link_metadata(&path).unwrap(), None);
        assert_eq!(RealDisk.link_target(&path).unwrap(), None);
        assert_eq!(RealDisk.resolve(&path).unwrap(), None);
        assert!(!RealDisk.remove(&path).unwrap());
        assert!(RealDisk.write(&path.join("below"), b"", 0o600).is_err());
    }
}

#[test]
fn a_range_ends_with_the_file() {
    let dir = setup();
    let path = dir.path().join("file");
    RealDisk.write(&path, b"0123456789", 0o600).unwrap();
    for (offset, bytes, expected) in [
        (0, 4, "0123"),
        (8, 4, "89"),
        (10, 4, ""),
        (999, 4, ""),
        (u64::MAX, 4, ""),
        (0, usize::MAX, "0123456789"),
    ] {
        let found = RealDisk.read_range(&path, offset, bytes).unwrap().unwrap();
        assert_eq!(found, expected.as_bytes(), "{offset} {bytes}");
    }
}

#[test]
fn a_written_range_cuts_what_follows() {
    let dir = setup();
    let path = dir.path().join("file");
    RealDisk.write_range(&path, 0, b"0123456789").unwrap();
    RealDisk.write_range(&path, 4, b"xy").unwrap();
    assert_eq!(RealDisk.read(&path).unwrap().unwrap(), b"0123xy");
}

#[test]
fn links_are_told_from_what_they_lead_to() {
    let dir = setup();
    let directory = dir.path().join("d");
    RealDisk
        .make_directory(&directory.join("e/f"), 0o700)
        .unwrap();
    RealDisk
        .make_directory(&directory.join("e/f"), 0o700)
        .unwrap();
    RealDisk
        .write(&directory.join("file"), b"x", 0o600)
        .unwrap();
    let link = directory.join("link");
    symlink("file", &link).unwrap();
    symlink("nowhere", directory.join("dangling")).unwrap();
    let names: Vec<_> = RealDisk.list(&directory).unwrap().unwrap();
    let names: Vec<_> = names
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect();
    let expected = [
        ("dangling", Kind::Link),
        ("e", Kind::Directory),
        ("file", Kind::File),
        ("link", Kind::Link),
    ];
    assert_eq!(names, expected);
    assert_eq!(RealDisk.metadata(&link).unwrap().unwrap().kind, Kind::File);
    assert_eq!(
        RealDisk.link_metadata(&link).unwrap().unwrap().kind,
        Kind::Link
    );
    assert_eq!(
        RealDisk.link_target(&link).unwrap().unwrap().to_str(),
        Some("file")
    );
    assert_eq!(RealDisk.link_target(&directory.join("file")).unwrap(), None);
    let resolved = RealDisk.resolve(&link).unwrap().unwrap();
    assert!(resolved.ends_with("d/file"), "{resolved:?}");
    assert_eq!(
        RealDisk.metadata(&directory.join("dangling")).unwrap(),
        None
    );
}

#[test]
fn a_file_is_renamed_over_another_and_removed_once() {
    let dir = setup();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    RealDisk.write(&from, b"new", 0o600).unwrap();
    RealDisk.write(&to, b"old", 0o600).unwrap();
    RealDisk.rename(&from, &to).unwrap();
    assert_eq!(RealDisk.read(&to).unwrap().unwrap(), b"new");
    assert!(RealDisk.remove(&to).unwrap());
    assert!(!RealDisk.remove(&to).unwrap());
    RealDisk.check_writable(dir.path()).unwrap();
    assert_eq!(RealDisk.list(dir.path()).unwrap().unwrap(), []);
    let error = RealDisk.check_writable(&to).unwrap_err().to_string();
    assert!(error.starts_with("cannot write into /"), "{error}");
}
