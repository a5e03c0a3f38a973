//! A start reads the newest snapshot that can be used, and the log behind it.

use super::*;
use crate::mine;

/// Makes a log with jobs, returns, mine data and two snapshots on the way.
fn lived(disk: &Simulation) -> Running {
    let running = Running::start(with(disk.open(), &[accepted("a"), accepted("b")]));
    for round in 0..4 {
        let jid = jid_of(running.decide(ping()));
        running.decide(ret(&jid, "a", Value::Int(round))).unwrap();
        store(&running, "b", &format!("value {round}"));
        if round > 1 {
            running.durable.save(1).unwrap();
        }
    }
    running.decide(event("behind the snapshots")).unwrap();
    running
}

pub(super) fn store(running: &Running, from: &str, value: &str) {
    let data = Map::from([("fun", value)]);
    let data = mine::sealed::put(running.durable.blobs.as_ref(), &RealEntropy, data).unwrap();
    let input = Input::MineStore {
        id: id(from),
        data,
        clear: false,
    };
    running.decide(input).unwrap();
}

pub(super) fn mine_of(views: &Views, from: &str) -> Option<Value> {
    views.mine.get(&id(from), "fun").cloned()
}

#[test]
fn a_snapshot_and_the_rest_of_the_log_are_the_whole_log() {
    let disk = Simulation::new();
    let running = lived(&disk);
    running.check();
    let with_snapshot = running.durable.views().unwrap();
    assert!(running.durable.snapshots.newest_at() > Cursor(0));
    running.stop();
    let store = disk.open();
    // The same log without its snapshots.
    let tables = Box::new(storage::memory::open().tables);
    let from_start = Durable::new(store.reader, *tables, store.blobs);
    assert_eq!(said(&from_start.views().unwrap()), said(&with_snapshot));
    assert_eq!(mine_of(&with_snapshot, "b"), Some(Value::str("value 3")));
}

#[test]
fn a_snapshot_that_cannot_be_used_is_passed_over() {
    let newer_format = [99, 0, 0, 0, 1, 2, 3].as_slice();
    for bad in [b"".as_slice(), b"\x01\0\0\0rubbish", newer_format] {
        let disk = Simulation::new();
        let running = lived(&disk);
        let before = said(&running.durable.views().unwrap());
        running.stop();
        for name in ["views-a", "views-b"] {
            let mut store = disk.open();
            let head = store.reader.head();
            store.tables.save(name, head, bad).unwrap();
            let durable = Durable::new(store.reader, store.tables, store.blobs);
            assert_eq!(said(&durable.views().unwrap()), before);
        }
    }
}

#[test]
fn a_snapshot_of_a_longer_log_is_passed_over() {
    let disk = Simulation::new();
    let running = lived(&disk);
    let snapshots = Arc::clone(&running.durable.snapshots);
    let shorter = with(storage::memory::open(), &[accepted("c")]);
    let durable = Durable {
        reader: shorter.reader,
        snapshots,
        blobs: shorter.blobs,
    };
    assert_eq!(durable.views().unwrap().head, Cursor(1));
}

#[test]
fn a_trimmed_log_without_its_snapshots_is_refused_with_the_way_out() {
    let disk = Simulation::new();
    let running = lived(&disk);
    let before = said(&running.durable.views().unwrap());
    let upto = running.durable.snapshots.oldest_at();
    running.stop();
    let mut store = disk.open();
    store.log.trim(upto).unwrap();
    store.tables.save("views-b", upto, b"bad").unwrap();
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    assert_eq!(
        said(&durable.views().unwrap()),
        before,
        "one snapshot is enough"
    );
    let mut store = disk.open();
    store.tables.save("views-a", upto, b"bad").unwrap();
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    let error = durable.views().unwrap_err().to_string();
    assert!(
        error.contains("backup") && error.contains("views-a"),
        "{error}"
    );
}
