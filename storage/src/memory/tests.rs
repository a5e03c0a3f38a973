//! The store in memory, and the failures that it plays.

use super::*;
use crate::conformance::{entries, suite};

suite!(|| {
    let disk = Simulation::new();
    move || disk.open()
});

#[test]
fn a_full_disk_is_an_error_and_then_there_is_room() {
    let disk = Simulation::new();
    let mut store = disk.open();
    disk.fail(Fault::Full);
    assert!(store.log.append(&entries(1..=3)).unwrap_err().is_full());
    assert!(
        store
            .tables
            .save("a", Cursor(0), b"")
            .unwrap_err()
            .is_full()
    );
    assert!(store.blobs.put(b"x").unwrap_err().is_full());
    assert_eq!(store.reader.read(Cursor(0), 9).unwrap(), []);
    disk.heal();
    assert_eq!(store.log.append(&entries(1..=3)).unwrap(), Cursor(3));
}

#[test]
fn a_broken_disk_fails_reads_and_writes() {
    let disk = Simulation::new();
    let mut store = disk.open();
    store.log.append(&entries(1..=3)).unwrap();
    disk.fail(Fault::Broken);
    assert!(store.log.append(&entries(4..=4)).is_err());
    assert!(store.reader.read(Cursor(0), 9).is_err());
    disk.heal();
    assert_eq!(store.reader.read(Cursor(0), 9).unwrap().len(), 3);
}

#[test]
fn a_crash_during_an_append_leaves_all_or_nothing() {
    for (fault, expected) in [(Fault::CrashBeforeSync, 3), (Fault::CrashAfterSync, 5)] {
        let disk = Simulation::new();
        let mut store = disk.open();
        store.log.append(&entries(1..=3)).unwrap();
        disk.fail(fault);
        assert!(store.log.append(&entries(4..=5)).is_err());
        assert!(
            store.reader.read(Cursor(0), 9).is_err(),
            "the process is dead"
        );
        assert!(
            store.log.append(&entries(4..=5)).is_err(),
            "the process is dead"
        );
        let store = disk.open();
        assert_eq!(store.log.head(), Cursor(expected));
    }
}

#[test]
fn an_earlier_opening_cannot_write_any_more() {
    let disk = Simulation::new();
    let mut earlier = disk.open();
    let mut store = disk.open();
    assert!(earlier.log.append(&entries(1..=1)).is_err());
    assert_eq!(store.log.append(&entries(1..=1)).unwrap(), Cursor(1));
}
