//! A disk that is really full: nothing acknowledged is lost, and the store goes on once there is
//! room.
//!
//! Needs a small file system of its own, named in the environment; without one it is ignored. By
//! hand: `unshare -rm sh -c 'mount -t tmpfs -o size=4m tmpfs /mnt && STORAGE_SMALL_DISK=/mnt cargo
//! test -p storage --test full_disk -- --ignored'`.
#![expect(
    clippy::disallowed_methods,
    reason = "the test fills a disk on purpose"
)]

use std::fs;
use std::path::PathBuf;

use model::{Cursor, Timestamp};
use storage::{Entry, embedded};

fn batch(records: usize, bytes: usize) -> Vec<Entry> {
    let entry = Entry::new(Timestamp(1), vec![5; bytes]);
    vec![entry; records]
}

#[test]
#[ignore = "needs a small file system in STORAGE_SMALL_DISK"]
fn a_full_disk_loses_nothing_and_then_there_is_room() {
    let disk = PathBuf::from(std::env::var_os("STORAGE_SMALL_DISK").expect("a small file system"));
    let mut store = embedded::open(&disk.join("store")).expect("there is room");
    store.log.append(&batch(3, 1_000)).expect("there is room");
    let ballast = disk.join("ballast");
    // Writes until nothing more fits; the error is what we are after.
    let _ = fs::write(&ballast, vec![0; 64 * 1024 * 1024]);
    let mut acknowledged = Cursor(3);
    let full = loop {
        match store.log.append(&batch(2, 20_000)) {
            Ok(head) => acknowledged = head,
            Err(error) => break error,
        }
    };
    assert!(full.is_full(), "{full}");
    assert!(
        store
            .blobs
            .put(&[1; 50_000])
            .expect_err("no room")
            .is_full()
    );
    let unsaved = store.tables.save("view", acknowledged, &[1; 50_000]);
    assert!(unsaved.expect_err("no room").is_full());
    let found = store
        .reader
        .read(Cursor(0), 1_000)
        .expect("reading needs no room");
    assert_eq!(found.len() as u64, acknowledged.0);
    drop(store);
    let mut store = embedded::open(&disk.join("store")).expect("a full disk can be opened");
    assert_eq!(store.log.head(), acknowledged);
    fs::remove_file(&ballast).expect("it is ours");
    let head = store
        .log
        .append(&batch(2, 20_000))
        .expect("there is room again");
    assert_eq!(head.0, acknowledged.0 + 2);
    assert_eq!(
        store.reader.read(acknowledged, 9).expect("no damage").len(),
        2
    );
}
