//! A durable append to the log, by how many records share its sync.

use divan::Bencher;
use divan::counter::ItemsCount;
use model::Timestamp;
use storage::Entry;

#[divan::bench(args = [1, 32, 512])]
fn append(bencher: Bencher<'_, '_>, batch: usize) {
    let folder = tempfile::TempDir::new().unwrap();
    let mut store = storage::embedded::open(folder.path()).unwrap();
    let entry = Entry::new(Timestamp::from_secs(1_800_000_000), vec![7; 300]);
    let entries = vec![entry; batch];
    bencher
        .counter(ItemsCount::new(batch))
        .bench_local(|| store.log.append(&entries).unwrap());
}

/// Reading back what was appended, checksums included.
#[divan::bench]
fn read_a_thousand(bencher: Bencher<'_, '_>) {
    let folder = tempfile::TempDir::new().unwrap();
    let mut store = storage::embedded::open(folder.path()).unwrap();
    let entry = Entry::new(Timestamp::from_secs(1_800_000_000), vec![7; 300]);
    store.log.append(&vec![entry; 1000]).unwrap();
    bencher
        .counter(ItemsCount::new(1000_usize))
        .bench_local(|| store.reader.read(model::Cursor(0), 1000).unwrap().len());
}
