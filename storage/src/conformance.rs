//! What every back-end must keep, as one suite.
//!
//! Each test takes a function that opens the store on the same disk again, as a restarted process
//! would. A new back-end adds one line with [`suite`] and gets them all.

use std::sync::Arc;

use model::{Cursor, Timestamp};

use crate::{BlobId, Entry, Error, Inset, LargePart, READ_BYTES_MAX, RECORD_BYTES_MAX, Store};

/// Opens the store on the same disk; the one before has been dropped.
pub(crate) type Open<'a> = &'a mut dyn FnMut() -> Store;

/// Makes one test of each promise; `$open` makes an opener with an empty disk of its own.
macro_rules! suite {
    ($open:expr) => {
        suite!($open;
            records_are_numbered_from_one_without_a_gap,
            what_was_appended_is_there_after_a_restart,
            an_empty_batch_changes_nothing,
            a_read_gives_what_follows_the_cursor_up_to_the_limit,
            a_read_ends_before_it_holds_too_much,
            bodies_may_be_empty_or_large,
            a_record_that_is_too_large_takes_its_batch_with_it,
            a_trim_forgets_and_the_count_goes_on,
            a_trim_of_everything_survives_a_restart,
            a_probe_changes_nothing,
            many_readers_see_whole_batches_while_one_writes,
            a_snapshot_is_replaced_and_survives_a_restart,
            a_snapshot_with_a_bad_name_is_refused,
            a_blob_is_found_by_its_content,
            a_large_part_is_found_inside_of_its_record,
            a_large_part_of_two_records_stays_for_the_second,
            a_record_is_too_large_with_its_parts,
        );
    };
    ($open:expr; $($name:ident,)*) => {
        $(#[test]
        fn $name() {
            $crate::conformance::$name(&mut $open());
        })*
    };
}
pub(crate) use suite;

pub(crate) fn entry(number: u64) -> Entry {
    let body = format!("record {number}").into_bytes();
    Entry::new(Timestamp(number * 1_000), body)
}

pub(crate) fn entries(numbers: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    numbers.map(entry).collect()
}

fn numbered(numbers: std::ops::RangeInclusive<u64>) -> Vec<(Cursor, Entry)> {
    numbers
        .map(|number| (Cursor(number), entry(number)))
        .collect()
}

pub(crate) fn records_are_numbered_from_one_without_a_gap(open: Open<'_>) {
    let mut store = open();
    assert_eq!(store.log.head(), Cursor(0));
    assert_eq!(store.reader.tail(), Cursor(0));
    assert_eq!(store.log.append(&entries(1..=1)).unwrap(), Cursor(1));
    assert_eq!(store.log.append(&entries(2..=5)).unwrap(), Cursor(5));
    assert_eq!(store.log.head(), Cursor(5));
    assert_eq!(store.reader.head(), Cursor(5));
    assert_eq!(store.reader.read(Cursor(0), 100).unwrap(), numbered(1..=5));
}

pub(crate) fn what_was_appended_is_there_after_a_restart(open: Open<'_>) {
    for round in 0..3 {
        let mut store = open();
        assert_eq!(store.log.head(), Cursor(round * 10));
        let batch = entries(round * 10 + 1..=round * 10 + 10);
        store.log.append(&batch).unwrap();
    }
    let store = open();
    assert_eq!(store.reader.head(), Cursor(30));
    assert_eq!(store.reader.read(Cursor(0), 100).unwrap(), numbered(1..=30));
}

pub(crate) fn an_empty_batch_changes_nothing(open: Open<'_>) {
    let mut store = open();
    assert_eq!(store.log.append(&[]).unwrap(), Cursor(0));
    store.log.append(&entries(1..=2)).unwrap();
    assert_eq!(store.log.append(&[]).unwrap(), Cursor(2));
    assert_eq!(store.reader.read(Cursor(0), 100).unwrap(), numbered(1..=2));
}

pub(crate) fn a_read_gives_what_follows_the_cursor_up_to_the_limit(open: Open<'_>) {
    let mut store = open();
    store.log.append(&entries(1..=10)).unwrap();
    let read = |after, limit| store.reader.read(Cursor(after), limit).unwrap();
    assert_eq!(read(3, 4), numbered(4..=7));
    assert_eq!(read(8, 4), numbered(9..=10));
    assert_eq!(read(3, usize::MAX), numbered(4..=10));
    for (after, limit) in [(10, 4), (11, 4), (u64::MAX, 4), (3, 0)] {
        assert_eq!(read(after, limit), [], "{after} {limit}");
    }
}

pub(crate) fn a_read_ends_before_it_holds_too_much(open: Open<'_>) {
    let mut store = open();
    let half = Entry::new(Timestamp(1), vec![7; READ_BYTES_MAX / 2]);
    store.log.append(&vec![half; 5]).unwrap();
    let mut after = Cursor(0);
    let mut lengths = Vec::new();
    loop {
        let found = store.reader.read(after, 100).unwrap();
        let Some((last, _)) = found.last() else { break };
        after = *last;
        lengths.push(found.len());
    }
    assert_eq!(lengths, [2, 2, 1]);
}

pub(crate) fn bodies_may_be_empty_or_large(open: Open<'_>) {
    let bodies = [Vec::new(), vec![0xff; READ_BYTES_MAX + 1], Vec::new()];
    let batch = bodies.map(|body| Entry::new(Timestamp(u64::MAX), body));
    open().log.append(&batch).unwrap();
    let store = open();
    for (number, expected) in (1..).zip(&batch) {
        let found = store.reader.read(Cursor(number - 1), 1).unwrap();
        assert!(found == [(Cursor(number), expected.clone())], "{number}");
    }
}

pub(crate) fn a_record_that_is_too_large_takes_its_batch_with_it(open: Open<'_>) {
    let mut store = open();
    let too_large = Entry::new(Timestamp(1), vec![0; RECORD_BYTES_MAX + 1]);
    let result = store.log.append(&[entry(1), too_large]);
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
    assert_eq!(store.log.append(&entries(1..=1)).unwrap(), Cursor(1));
    assert_eq!(store.reader.read(Cursor(0), 100).unwrap(), numbered(1..=1));
}

pub(crate) fn a_trim_forgets_and_the_count_goes_on(open: Open<'_>) {
    let mut store = open();
    store.log.append(&entries(1..=10)).unwrap();
    store.log.trim(Cursor(4)).unwrap();
    // Backwards is no trim.
    store.log.trim(Cursor(2)).unwrap();
    assert_eq!(store.reader.tail(), Cursor(4));
    for after in 0..4 {
        let result = store.reader.read(Cursor(after), 1);
        assert!(matches!(
            result,
            Err(Error::Trimmed { after: said, tail: Cursor(4) }) if said == Cursor(after)
        ));
    }
    assert_eq!(store.reader.read(Cursor(4), 100).unwrap(), numbered(5..=10));
    assert_eq!(store.log.append(&entries(11..=11)).unwrap(), Cursor(11));
}

pub(crate) fn a_trim_of_everything_survives_a_restart(open: Open<'_>) {
    let mut store = open();
    store.log.append(&entries(1..=10)).unwrap();
    store.log.trim(Cursor(u64::MAX)).unwrap();
    drop(store);
    let mut store = open();
    assert_eq!(
        (store.log.head(), store.reader.tail()),
        (Cursor(10), Cursor(10))
    );
    assert_eq!(store.reader.read(Cursor(10), 5).unwrap(), []);
    assert_eq!(store.log.append(&entries(11..=12)).unwrap(), Cursor(12));
    assert_eq!(store.reader.read(Cursor(10), 5).unwrap(), numbered(11..=12));
}

pub(crate) fn a_probe_changes_nothing(open: Open<'_>) {
    let mut store = open();
    store.log.probe().unwrap();
    store.log.append(&entries(1..=3)).unwrap();
    store.log.trim(Cursor(1)).unwrap();
    for _ in 0..3 {
        store.log.probe().unwrap();
        drop(store);
        store = open();
        assert_eq!(
            (store.log.head(), store.reader.tail()),
            (Cursor(3), Cursor(1))
        );
    }
    assert_eq!(store.reader.read(Cursor(1), 5).unwrap(), numbered(2..=3));
    assert_eq!(store.log.append(&entries(4..=4)).unwrap(), Cursor(4));
}

pub(crate) fn many_readers_see_whole_batches_while_one_writes(open: Open<'_>) {
    const BATCHES: u64 = 50;
    const BATCH: u64 = 7;
    let mut store = open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let reader = &store.reader;
            scope.spawn(move || {
                let mut after = Cursor(0);
                while after < Cursor(BATCHES * BATCH) {
                    assert_eq!(reader.head().0 % BATCH, 0);
                    for (cursor, found) in reader.read(after, 1_000).unwrap() {
                        assert_eq!(cursor, after.next());
                        assert_eq!(found, entry(cursor.0));
                        after = cursor;
                    }
                    assert_eq!(after.0 % BATCH, 0);
                    std::thread::yield_now();
                }
            });
        }
        for batch in 0..BATCHES {
            let first = batch * BATCH + 1;
            store
                .log
                .append(&entries(first..=first + BATCH - 1))
                .unwrap();
        }
    });
}

pub(crate) fn a_snapshot_is_replaced_and_survives_a_restart(open: Open<'_>) {
    let mut store = open();
    assert_eq!(store.tables.load("jobs").unwrap(), None);
    store.tables.save("jobs", Cursor(1), b"old").unwrap();
    store.tables.save("jobs", Cursor(7), b"new").unwrap();
    store.tables.save("keys", Cursor(7), b"").unwrap();
    drop(store);
    let store = open();
    let load = |name| store.tables.load(name).unwrap();
    assert_eq!(load("jobs"), Some((Cursor(7), b"new".to_vec())));
    assert_eq!(load("keys"), Some((Cursor(7), Vec::new())));
}

pub(crate) fn a_snapshot_with_a_bad_name_is_refused(open: Open<'_>) {
    let mut store = open();
    let too_long = "a".repeat(65);
    for name in ["", "..", "../x", "a/b", "a\0", "A", "ä", &too_long] {
        let result = store.tables.save(name, Cursor(1), b"");
        assert!(matches!(result, Err(Error::TableName(_))), "{name}");
        let result = store.tables.load(name);
        assert!(matches!(result, Err(Error::TableName(_))), "{name}");
    }
}

pub(crate) fn a_blob_is_found_by_its_content(open: Open<'_>) {
    let store = open();
    let large = vec![3; 5_000_000];
    let id = store.blobs.put(&large).unwrap();
    assert_eq!(store.blobs.put(&large).unwrap(), id);
    let empty = store.blobs.put(b"").unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.blobs.get(&id).unwrap(), Some(large));
    assert_eq!(store.blobs.get(&empty).unwrap(), Some(Vec::new()));
    assert_eq!(store.blobs.get(&BlobId::of(b"other")).unwrap(), None);
    let mut all = [id, empty];
    all.sort();
    assert_eq!(store.blobs.list().unwrap(), all);
    assert!(store.blobs.remove(&id).unwrap());
    assert!(!store.blobs.remove(&id).unwrap());
    assert_eq!(store.blobs.get(&id).unwrap(), None);
    assert_eq!(store.blobs.list().unwrap(), [empty]);
}

pub(crate) fn a_large_part_is_found_inside_of_its_record(open: Open<'_>) {
    let mut store = open();
    let part = |bytes: &[u8]| Arc::new(store.large.put(bytes).unwrap());
    let (first, second, both) = (part(b"ONE"), part(&[7; 9_000_000]), part(b"BOTH"));
    drop(store.large.put(b"of no record").unwrap());
    let record = |places: &[(usize, &Arc<LargePart>)]| {
        let inset = |(at, part): &(usize, &Arc<LargePart>)| Inset {
            at: *at,
            part: Arc::clone(part),
        };
        Entry {
            insets: places.iter().map(inset).collect(),
            ..entry(5)
        }
    };
    let batch = [
        entry(1),
        record(&[(0, &first), (3, &second)]),
        record(&[(8, &both), (8, &both)]),
        entry(4),
    ];
    assert_eq!(store.log.append(&batch).unwrap(), Cursor(4));
    let expected = [
        entry(1).body,
        [b"ONErec", &[7; 9_000_000][..], b"ord 5"].concat(),
        b"record 5BOTHBOTH".to_vec(),
        entry(4).body,
    ];
    let check = |store: &Store, after: u64| {
        let found = store.reader.read(Cursor(after), 100).unwrap();
        let bodies = found.into_iter().map(|(_, entry)| entry.body);
        assert!(bodies.eq(expected.clone().into_iter().skip(after as usize)));
    };
    check(&store, 0);
    drop((first, second, both, batch));
    drop(store);
    let mut store = open();
    check(&store, 0);
    store.log.trim(Cursor(2)).unwrap();
    check(&store, 2);
    drop(store);
    check(&open(), 2);
}

pub(crate) fn a_large_part_of_two_records_stays_for_the_second(open: Open<'_>) {
    let mut store = open();
    let part = Arc::new(store.large.put(b"LARGE ").unwrap());
    let record = |number| Entry {
        insets: vec![Inset {
            at: 0,
            part: Arc::clone(&part),
        }],
        ..entry(number)
    };
    store.log.append(&[record(1), record(2), entry(3)]).unwrap();
    store.log.trim(Cursor(1)).unwrap();
    let second = |store: &Store| store.reader.read(Cursor(1), 1).unwrap().remove(0).1.body;
    assert_eq!(second(&store), b"LARGE record 2");
    drop(part);
    drop(store);
    let mut store = open();
    assert_eq!(second(&store), b"LARGE record 2");
    store.log.trim(Cursor(2)).unwrap();
    assert_eq!(store.reader.read(Cursor(2), 9).unwrap(), numbered(3..=3));
}

pub(crate) fn a_record_is_too_large_with_its_parts(open: Open<'_>) {
    let mut store = open();
    let part = Arc::new(store.large.put(b"12345").unwrap());
    let inset = |at| Inset {
        at,
        part: Arc::clone(&part),
    };
    let entry = |bytes| Entry {
        insets: vec![inset(0), inset(1)],
        ..Entry::new(Timestamp(1), vec![0; bytes])
    };
    let result = store.log.append(&[entry(RECORD_BYTES_MAX - 9)]);
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
    assert_eq!(store.log.append(&[entry(9)]).unwrap(), Cursor(1));
}
