//! A writer is killed with SIGKILL in the middle of its appends; every record it acknowledged must
//! be there.
//!
//! The writer is this same test binary, started again with one ignored test and a directory in its
//! environment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use model::{Cursor, Timestamp};
use storage::disk::{DiskRead, RealDisk};
use storage::{BlobId, Entry, Inset, Store, embedded};
use tempfile::TempDir;

const DIRECTORY: &str = "STORAGE_KILL_TEST_DIRECTORY";
const ROUNDS: u64 = 12;

/// A body that says which record it belongs to; sizes go from nothing to several pages.
fn body(number: u64) -> Vec<u8> {
    let bytes = usize::try_from(number * 7_919 % 20_000).expect("less than 20,000");
    number
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(bytes)
        .collect()
}

/// Every seventh record has its body in a large part.
fn record(store: &Store, number: u64) -> Entry {
    if !number.is_multiple_of(7) {
        return Entry::new(Timestamp(number), body(number));
    }
    let part = store.large.put(&body(number)).expect("there is room");
    Entry {
        insets: vec![Inset {
            at: 0,
            part: Arc::new(part),
        }],
        ..Entry::new(Timestamp(number), Vec::new())
    }
}

#[test]
#[ignore = "the writer which the other test starts and kills"]
fn writer() {
    let Some(dir) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let mut store = embedded::open(Path::new(&dir)).expect("the store opens after every kill");
    let mut stdout = std::io::stdout();
    loop {
        let first = store.log.head().0 + 1;
        let batch: Vec<Entry> = (first..first + 1 + first % 5)
            .map(|number| record(&store, number))
            .collect();
        let head = store.log.append(&batch).expect("there is room");
        let blob = store.blobs.put(&body(head.0)).expect("there is room");
        store
            .tables
            .save("view", head, &body(head.0))
            .expect("there is room");
        if head.0 % 50 < 5 {
            store
                .log
                .trim(Cursor(head.0.saturating_sub(100)))
                .expect("there is room");
        }
        writeln!(stdout, "acknowledged {head} {blob}").expect("someone listens");
    }
}

fn start_writer(dir: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test has a binary"))
        .args(["writer", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this binary starts")
}

/// Lets it acknowledge `lines` batches, kills it, and gives the last thing it said.
fn kill_after(mut writer: Child, lines: u64) -> Option<(Cursor, BlobId)> {
    let stdout = writer.stdout.take().expect("it was piped");
    let mut last = None;
    let mut seen = 0;
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("text");
        let Some((_, said)) = line.split_once("acknowledged ") else {
            continue;
        };
        // The line during which it died may be cut.
        if let Some((head, blob)) = said.split_once(' ')
            && let (Ok(head), Ok(blob)) = (head.parse(), blob.parse())
        {
            last = Some((Cursor(head), blob));
        }
        seen += 1;
        if seen == lines {
            writer.kill().expect("it is ours");
        }
    }
    writer.wait().expect("it is ours");
    last
}

fn check(store: &Store, head: Cursor, blob: &BlobId) {
    assert!(store.log.head() >= head, "{} < {head}", store.log.head());
    let mut after = store.reader.tail();
    while after < store.reader.head() {
        for (cursor, entry) in store.reader.read(after, 1_000).expect("no damage") {
            assert_eq!(cursor, after.next());
            assert_eq!(entry.at, Timestamp(cursor.0));
            assert!(entry.body == body(cursor.0), "record {cursor}");
            after = cursor;
        }
    }
    let snapshot = store.tables.load("view").expect("no damage");
    let (at, bytes) = snapshot.expect("it was acknowledged");
    assert!(at >= head && bytes == body(at.0), "snapshot at {at}");
    let found = store.blobs.get(blob).expect("no damage");
    assert!(found == Some(body(head.0)), "blob of {head}");
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let dir = TempDir::new().expect("a directory");
    for round in 1..=ROUNDS {
        let last = kill_after(start_writer(dir.path()), round * 3);
        let (head, blob) = last.expect("it acknowledged something");
        let store = embedded::open(dir.path()).expect("it opens after a kill");
        check(&store, head, &blob);
        let parts = RealDisk.list(&dir.path().join("large")).expect("no damage");
        let parts = parts.expect("a directory");
        let kept =
            (store.reader.tail().0 + 1..=store.reader.head().0).filter(|at| at.is_multiple_of(7));
        assert_eq!(parts.len(), kept.count(), "none is left over");
    }
}
