//! The store on a real disk: restarts, damage, other writers.

use std::os::unix::fs::PermissionsExt;

use model::{Cursor, Timestamp};
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::conformance::{entries, entry, suite};
use crate::{BlobId, Entry, Inset, Log, LogReader};

suite!(|| {
    let dir = TempDir::new().unwrap();
    move || open(dir.path()).unwrap()
});

/// Runs SQL on a closed store's database, as damage would.
fn damage(dir: &TempDir, sql: &str) {
    let database = Connection::open(dir.path().join("log.sqlite")).unwrap();
    database.execute_batch(sql).unwrap();
}

fn with_ten_records() -> TempDir {
    let dir = TempDir::new().unwrap();
    open(dir.path())
        .unwrap()
        .log
        .append(&entries(1..=10))
        .unwrap();
    dir
}

#[test]
fn a_log_that_is_settled_is_one_file_and_has_all_its_records() {
    let dir = with_ten_records();
    let wal = || {
        let wal = std::fs::metadata(dir.path().join("log.sqlite-wal"));
        wal.map_or(0, |wal| wal.len())
    };
    let mut store = open(dir.path()).unwrap();
    store.log.append(&entries(11..=20)).unwrap();
    assert!(wal() > 0);
    store.log.settle().unwrap();
    assert_eq!(wal(), 0);
    store.log.append(&entries(21..=30)).unwrap();
    assert_eq!(store.reader.read(Cursor(0), 100).unwrap().len(), 30);
}

#[test]
fn a_second_opening_names_the_process_that_has_it() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, Error::Locked { pid, .. } if *pid == std::process::id().to_string()),
        "{error}"
    );
    drop(store);
    open(dir.path()).unwrap();
}

#[test]
fn any_part_of_a_store_keeps_the_others_out() {
    let dir = TempDir::new().unwrap();
    let blobs = open(dir.path()).unwrap().blobs;
    assert!(matches!(open(dir.path()), Err(Error::Locked { .. })));
    drop(blobs);
    open(dir.path()).unwrap();
}

#[test]
fn a_newer_schema_is_refused() {
    let dir = with_ten_records();
    damage(&dir, "PRAGMA user_version = 99");
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NewerSchema {
                found: 99,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = TempDir::new().unwrap();
    damage(&dir, "CREATE TABLE other (a)");
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::DamagedFile { .. }), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("log.sqlite"), [b'x'; 8192]).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::DamagedFile { .. }), "{error}");
}

#[test]
fn a_damaged_record_is_named_and_never_skipped() {
    for sql in [
        "UPDATE log SET body = x'00' WHERE cursor = 7",
        "UPDATE log SET at = 1 WHERE cursor = 7",
        "UPDATE log SET crc = 1 WHERE cursor = 7",
        "DELETE FROM log WHERE cursor = 7",
        "UPDATE log SET cursor = 70 WHERE cursor = 10; UPDATE log SET cursor = 10 WHERE cursor = 7",
    ] {
        let dir = with_ten_records();
        damage(&dir, sql);
        let Ok(store) = open(dir.path()) else {
            // The last case damages the last record: noticed even earlier.
            assert!(sql.contains("cursor = 10"), "{sql}");
            continue;
        };
        let error = store.reader.read(Cursor(0), 100).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Damaged {
                    cursor: Cursor(7),
                    ..
                }
            ),
            "{sql}: {error}"
        );
        assert_eq!(store.reader.read(Cursor(0), 6).unwrap().len(), 6);
        assert_eq!(store.reader.read(Cursor(7), 6).unwrap().len(), 3);
    }
}

#[test]
fn a_damaged_last_record_stops_the_start() {
    let dir = with_ten_records();
    damage(&dir, "UPDATE log SET body = x'00' WHERE cursor = 10");
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Damaged {
                cursor: Cursor(10),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_snapshot_or_blob_is_an_error() {
    let dir = TempDir::new().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.tables.save("jobs", Cursor(3), b"snapshot").unwrap();
    let id = store.blobs.put(b"blob").unwrap();
    let name = id.to_string();
    let blob = dir.path().join("blobs").join(&name[..2]).join(&name[2..]);
    std::fs::write(blob, b"blub").unwrap();
    assert!(matches!(
        store.blobs.get(&id),
        Err(Error::DamagedFile { .. })
    ));
    let snapshot = dir.path().join("tables/jobs");
    let whole = std::fs::read(&snapshot).unwrap();
    for bytes in [0, 3, 15, whole.len() - 1] {
        std::fs::write(&snapshot, &whole[..bytes]).unwrap();
        assert!(
            matches!(store.tables.load("jobs"), Err(Error::DamagedFile { .. })),
            "{bytes}"
        );
    }
}

#[test]
fn a_full_disk_keeps_nothing_of_the_batch_and_then_there_is_room() {
    let dir = TempDir::new().unwrap();
    let lock = Arc::new(lock::Lock::take(dir.path()).unwrap());
    let path = dir.path().join("log.sqlite");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let large = parts::FileParts::new(dir.path().join("large"), disk, Arc::clone(&lock));
    let large = Arc::new(large);
    let mut log = log::EmbeddedLog::open(&path, Arc::clone(&large), lock).unwrap();
    let reader = reader::EmbeddedReader::new(path.clone(), large, log.bounds());
    log.append(&entries(1..=3)).unwrap();
    log.set_pages_max(20);
    let mut large = entry(5);
    large.body = vec![1; 200_000];
    let error = log.append(&[entry(4), large]).unwrap_err();
    assert!(
        matches!(&error, Error::Full { path: said } if *said == path),
        "{error}"
    );
    assert_eq!(reader.read(Cursor(0), 9).unwrap().len(), 3);
    assert_eq!(
        log.append(&entries(4..=4)).unwrap(),
        Cursor(4),
        "a small one still fits"
    );
    log.set_pages_max(1_000_000);
    assert_eq!(log.append(&entries(5..=6)).unwrap(), Cursor(6));
    assert_eq!(reader.read(Cursor(3), 9).unwrap().len(), 3);
}

#[test]
fn a_trim_gives_the_space_back() {
    let dir = TempDir::new().unwrap();
    let mut store = open(dir.path()).unwrap();
    let mut large = entry(1);
    large.body = vec![1; 1_000_000];
    store.log.append(&vec![large; 20]).unwrap();
    store.log.trim(Cursor(19)).unwrap();
    drop(store);
    let bytes = std::fs::metadata(dir.path().join("log.sqlite"))
        .unwrap()
        .len();
    assert!(bytes < 3_000_000, "{bytes}");
}

#[test]
fn a_trim_that_was_cut_short_is_still_a_trim() {
    let dir = with_ten_records();
    damage(&dir, "UPDATE bounds SET cursor = 4 WHERE name = 'trimmed'");
    let mut store = open(dir.path()).unwrap();
    assert!(matches!(
        store.reader.read(Cursor(3), 1),
        Err(Error::Trimmed { .. })
    ));
    store.log.trim(Cursor(4)).unwrap();
    assert_eq!(store.reader.read(Cursor(4), 100).unwrap().len(), 6);
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store");
    let store = open(&path).unwrap();
    store.blobs.put(b"x").unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(store.blobs.get(&BlobId::of(b"y")).unwrap(), None);
}

/// Gives the names in `large`, in order.
fn parts(dir: &TempDir) -> Vec<String> {
    let found = std::fs::read_dir(dir.path().join("large")).unwrap();
    let names = found.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Makes a record of `bytes` bytes that all stand in a part.
fn apart(store: &Store, bytes: usize) -> Entry {
    let part = Arc::new(store.large.put(&vec![9; bytes]).unwrap());
    Entry {
        insets: vec![Inset { at: 0, part }],
        ..Entry::new(Timestamp(1), Vec::new())
    }
}

#[test]
fn a_part_goes_with_its_record_and_at_once_if_it_has_none() {
    let dir = TempDir::new().unwrap();
    let mut store = open(dir.path()).unwrap();
    drop(apart(&store, 10));
    assert_eq!(parts(&dir), [""; 0]);
    let batch = [apart(&store, 10), entry(2), apart(&store, 20)];
    store.log.append(&batch).unwrap();
    drop(batch);
    assert_eq!(parts(&dir), ["2", "3"]);
    store.log.trim(Cursor(2)).unwrap();
    assert_eq!(parts(&dir), ["3"]);
    // What a process leaves that is killed before its append, and in the middle of a file.
    drop(store);
    for left in ["4", ".5.77-0.new"] {
        std::fs::write(dir.path().join("large").join(left), b"x").unwrap();
    }
    let store = open(dir.path()).unwrap();
    assert_eq!(parts(&dir), ["3"]);
    // Its number is not taken again.
    let part = store.large.put(b"x").unwrap();
    assert_eq!(parts(&dir), ["3", "4"]);
    drop(part);
}

#[test]
fn a_part_that_is_missing_or_damaged_is_named_with_its_record() {
    for is_last in [false, true] {
        for damaged in [None, Some(b"shorter")] {
            let dir = TempDir::new().unwrap();
            let mut store = open(dir.path()).unwrap();
            store.log.append(&[entry(1), apart(&store, 10)]).unwrap();
            if !is_last {
                store.log.append(&[entry(3)]).unwrap();
            }
            let path = dir.path().join("large/1");
            match damaged {
                None => std::fs::remove_file(path).unwrap(),
                Some(bytes) => std::fs::write(path, bytes).unwrap(),
            }
            let error = store.reader.read(Cursor(0), 9).unwrap_err();
            let named = Cursor(2);
            assert!(
                matches!(error, Error::Damaged { cursor, .. } if cursor == named),
                "{error}"
            );
            assert_eq!(store.reader.read(Cursor(0), 1).unwrap().len(), 1);
            drop(store);
            assert_eq!(open(dir.path()).is_err(), is_last);
        }
    }
}

#[test]
fn a_part_without_a_place_in_its_record_is_named() {
    for place in [i64::MIN, -1, 11, i64::MAX] {
        let dir = TempDir::new().unwrap();
        let mut store = open(dir.path()).unwrap();
        store.log.append(&[apart(&store, 10), entry(2)]).unwrap();
        drop(store);
        damage(&dir, &format!("UPDATE large SET place = {place}"));
        let store = open(dir.path()).unwrap();
        let error = store.reader.read(Cursor(0), 9).unwrap_err().to_string();
        assert!(error.contains("large/1"), "{place}: {error}");
    }
}

#[test]
fn a_part_of_a_failed_append_goes_once_it_cannot_come_back() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    let large = Arc::clone(&store.large);
    drop(store.log);
    let lock = Arc::new(lock::Lock::take(&dir.path().join("blobs")).unwrap());
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let own = parts::FileParts::new(dir.path().join("large"), disk, Arc::clone(&lock));
    let path = dir.path().join("log.sqlite");
    let mut log = log::EmbeddedLog::open(&path, Arc::new(own), lock).unwrap();
    log.set_pages_max(20);
    let full = |log: &mut log::EmbeddedLog| {
        let part = Arc::new(large.put(b"part").unwrap());
        let batch = Entry {
            insets: vec![Inset { at: 0, part }],
            ..Entry::new(Timestamp(1), vec![1; 200_000])
        };
        assert!(matches!(log.append(&[batch]), Err(Error::Full { .. })));
    };
    full(&mut log);
    full(&mut log);
    assert_eq!(parts(&dir), ["1", "2"]);
    log.probe().unwrap();
    assert_eq!(parts(&dir), [""; 0]);
    full(&mut log);
    log.append(&entries(1..=1)).unwrap();
    assert_eq!(parts(&dir), [""; 0]);
    full(&mut log);
    drop(log);
    assert_eq!(parts(&dir), ["4"], "a start may find its record");
    drop((store.reader, store.tables, store.blobs, store.large, large));
    open(dir.path()).unwrap();
    assert_eq!(parts(&dir), [""; 0], "it did not");
}

#[test]
fn a_store_of_version_1_is_taken_over() {
    let dir = with_ten_records();
    damage(&dir, "DROP TABLE large; PRAGMA user_version = 1");
    let mut store = open(dir.path()).unwrap();
    store.log.append(&[apart(&store, 10)]).unwrap();
    let found = store.reader.read(Cursor(9), 9).unwrap();
    let lengths: Vec<usize> = found.iter().map(|(_, entry)| entry.body.len()).collect();
    assert_eq!(lengths, [9, 10]);
}
