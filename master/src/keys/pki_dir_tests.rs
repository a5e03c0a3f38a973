//! Salt's layout of keys, and what others do in it.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests move key files as an operator would"
)]

use std::fs;

use storage::disk::{DiskRead, RealDisk};
use tempfile::TempDir;

use super::*;

const ONE: &str = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nMIIC\n-----END PUBLIC KEY-----";

fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

fn open(dir: &TempDir) -> PkiDir {
    PkiDir::open(&dir.path().join("pki"), false, Arc::new(RealDisk)).unwrap()
}

fn setup() -> (TempDir, PkiDir) {
    let dir = TempDir::new().unwrap();
    let pki = open(&dir);
    (dir, pki)
}

fn path(dir: &TempDir, name: &str) -> PathBuf {
    dir.path().join("pki").join(name)
}

fn mode(dir: &TempDir, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path(dir, name)).unwrap().permissions().mode() & 0o7777
}

fn change(place: Place, name: &str, pem: Option<&str>) -> Change {
    Change {
        place,
        id: id(name),
        pem: pem.map(str::to_owned),
    }
}

#[test]
fn the_layout_is_salts_and_private() {
    let (dir, pki) = setup();
    for name in [
        "",
        "minions",
        "minions_pre",
        "minions_rejected",
        "minions_denied",
    ] {
        assert_eq!(mode(&dir, name), 0o700, "{name}");
    }
    pki.put(Place::Pending, &id("m1"), ONE).unwrap();
    assert_eq!(
        fs::read_to_string(path(&dir, "minions_pre/m1")).unwrap(),
        format!("{ONE}\n")
    );
    assert_eq!(mode(&dir, "minions_pre/m1"), 0o644);
}

#[test]
fn a_live_key_is_in_one_place_and_a_denied_one_beside_it() {
    let (_dir, pki) = setup();
    pki.put(Place::Pending, &id("m1"), ONE).unwrap();
    pki.put(Place::Accepted, &id("m1"), ONE).unwrap();
    pki.deny(&id("m1"), OTHER).unwrap();
    let expected = [
        ((Place::Accepted, id("m1")), ONE),
        ((Place::Denied, id("m1")), OTHER),
    ];
    let expected: KeyFiles = expected.map(|(key, pem)| (key, pem.into())).into();
    assert_eq!(pki.keys(), expected);
    pki.remove_live(&id("m1")).unwrap();
    pki.remove_live(&id("m1")).unwrap();
    pki.remove_denied(&id("m1")).unwrap();
    assert_eq!(pki.keys(), KeyFiles::new());
}

#[test]
fn keys_are_found_again_by_the_next_start() {
    let (dir, pki) = setup();
    pki.put(Place::Rejected, &id("m1"), ONE).unwrap();
    fs::write(
        path(&dir, "minions/preseeded"),
        OTHER.replace('\n', "\r\n") + "\r\n",
    )
    .unwrap();
    let keys = open(&dir).keys();
    assert_eq!(keys[&(Place::Rejected, id("m1"))].as_ref(), ONE);
    assert_eq!(keys[&(Place::Accepted, id("preseeded"))].as_ref(), OTHER);
    assert_eq!(keys.len(), 2);
}

#[test]
fn what_the_master_writes_is_no_change() {
    let (_dir, pki) = setup();
    pki.put(Place::Pending, &id("m1"), ONE).unwrap();
    pki.put(Place::Accepted, &id("m1"), ONE).unwrap();
    pki.deny(&id("m2"), ONE).unwrap();
    assert_eq!(pki.changes().unwrap(), []);
    pki.remove_live(&id("m1")).unwrap();
    pki.remove_denied(&id("m2")).unwrap();
    assert_eq!(pki.changes().unwrap(), []);
}

#[test]
fn what_others_put_move_change_and_remove_is_told_once() {
    let (dir, pki) = setup();
    fs::write(path(&dir, "minions/m1"), ONE).unwrap();
    assert_eq!(
        pki.changes().unwrap(),
        [change(Place::Accepted, "m1", Some(ONE))]
    );
    assert_eq!(pki.changes().unwrap(), []);
    fs::rename(path(&dir, "minions/m1"), path(&dir, "minions_rejected/m1")).unwrap();
    let moved = [
        change(Place::Accepted, "m1", None),
        change(Place::Rejected, "m1", Some(ONE)),
    ];
    assert_eq!(pki.changes().unwrap(), moved);
    RealDisk
        .write(&path(&dir, "minions_rejected/m1"), OTHER.as_bytes(), 0o644)
        .unwrap();
    assert_eq!(
        pki.changes().unwrap(),
        [change(Place::Rejected, "m1", Some(OTHER))]
    );
    fs::remove_file(path(&dir, "minions_rejected/m1")).unwrap();
    assert_eq!(
        pki.changes().unwrap(),
        [change(Place::Rejected, "m1", None)]
    );
}

#[test]
fn a_file_that_was_only_touched_is_no_change() {
    let (dir, pki) = setup();
    pki.put(Place::Accepted, &id("m1"), ONE).unwrap();
    RealDisk
        .write(
            &path(&dir, "minions/m1"),
            format!("\n{ONE}\n\n").as_bytes(),
            0o644,
        )
        .unwrap();
    assert_eq!(pki.changes().unwrap(), []);
}

#[test]
fn a_key_that_is_being_copied_is_told_when_it_is_whole() {
    let (dir, pki) = setup();
    let file = path(&dir, "minions/m1");
    for part in [
        "",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMII",
    ] {
        fs::write(&file, part).unwrap();
        assert_eq!(pki.changes().unwrap(), [], "{part}");
    }
    fs::write(&file, ONE).unwrap();
    assert_eq!(
        pki.changes().unwrap(),
        [change(Place::Accepted, "m1", Some(ONE))]
    );
    // And one that is being replaced is not gone meanwhile.
    fs::write(&file, "").unwrap();
    assert_eq!(pki.changes().unwrap(), []);
    fs::write(&file, OTHER).unwrap();
    assert_eq!(
        pki.changes().unwrap(),
        [change(Place::Accepted, "m1", Some(OTHER))]
    );
}

#[test]
fn what_is_no_key_file_is_left_alone() {
    let (dir, pki) = setup();
    fs::write(path(&dir, "minions/.key_cache"), ONE).unwrap();
    fs::write(path(&dir, "minions/back\\slash"), ONE).unwrap();
    fs::write(path(&dir, "minions/text"), "no key").unwrap();
    fs::write(path(&dir, "minions/large"), vec![b'x'; 100_000]).unwrap();
    fs::create_dir(path(&dir, "minions/directory")).unwrap();
    assert_eq!(pki.changes().unwrap(), []);
    assert!(path(&dir, "minions/.key_cache").exists());
}

#[test]
fn the_masters_key_is_made_once_and_kept_private() {
    let (dir, pki) = setup();
    let made = pki
        .private_key("master", || Ok::<_, Error>("PRIVATE\n".to_owned()))
        .unwrap();
    assert_eq!(made, "PRIVATE\n");
    assert_eq!(mode(&dir, "master.pem"), 0o400);
    let again = open(&dir).private_key("master", || -> Result<_, Error> {
        unreachable!("there is one")
    });
    assert_eq!(again.unwrap(), made);
    pki.public_key("master", ONE).unwrap();
    pki.public_key("master", ONE).unwrap();
    assert_eq!(fs::read_to_string(path(&dir, "master.pub")).unwrap(), ONE);
    assert_eq!(mode(&dir, "master.pub"), 0o644);
}

#[test]
fn a_master_key_that_is_a_link_is_followed() {
    let (dir, pki) = setup();
    fs::write(path(&dir, "host.pem"), "PRIVATE").unwrap();
    std::os::unix::fs::symlink("host.pem", path(&dir, "master.pem")).unwrap();
    let found = pki.private_key("master", || -> Result<_, Error> {
        unreachable!("there is one")
    });
    assert_eq!(found.unwrap(), "PRIVATE");
}

#[test]
fn a_stub_counts_until_its_time_is_over_or_it_was_used() {
    let (dir, pki) = setup();
    let stub = path(&dir, "minions_autosign/m1");
    fs::write(&stub, "").unwrap();
    let made = RealDisk.metadata(&stub).unwrap().unwrap().modified_secs;
    let made = Timestamp::from_secs(u64::try_from(made).unwrap());
    let counts = |now, minutes| pki.has_autosign_stub(&id("m1"), now, minutes).unwrap();
    assert!(counts(made.plus_secs(7200), 120));
    assert!(!counts(made.plus_secs(7201), 120));
    assert!(counts(made.plus_secs(999_999), 0));
    assert!(!pki.has_autosign_stub(&id("m2"), made, 120).unwrap());
    assert!(pki.remove_autosign_stub(&id("m1")).unwrap());
    assert!(!counts(made, 120));
    assert!(!pki.remove_autosign_stub(&id("m1")).unwrap());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("pki"), "").unwrap();
    let error = PkiDir::open(&dir.path().join("pki"), false, Arc::new(RealDisk)).unwrap_err();
    assert!(error.to_string().contains("/pki"), "{error}");
}
