//! How long the log takes at a start: `cargo bench --bench start -- --megabytes 1000`.
//!
//! Writes a log as a day of a thousand minions leaves it (jobs to all of them with their returns,
//! and as many bytes of events), then opens it: whole, from a snapshot of its end, and from a
//! snapshot that is as old as it may get. `cargo test` runs it with one megabyte.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures real files and prints what it saw"
)]

use std::time::Instant;

use master::jobs::JobPublished;
use master::keys::{KeyChange, KeyChanged};
use master::ledger::{Durable, Record};
use model::target::TargetType;
use model::{Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use storage::{Entry, Log};

/// Minions of the site.
const MINIONS: usize = 1000;

/// Records behind a snapshot at worst: what a busy master writes until the next is due.
const BEHIND: usize = 300_000;

/// Records of one append.
const BATCH: usize = 2000;

fn main() {
    let megabytes = megabytes();
    let folder = tempfile::TempDir::new().unwrap();
    let open = || storage::embedded::open(folder.path()).unwrap();
    let begin = Instant::now();
    let (records, bytes) = write(open().log.as_mut(), megabytes * 1_000_000);
    println!(
        "{records} records, {} MB, written in {:.1} s",
        bytes / 1_000_000,
        begin.elapsed().as_secs_f64()
    );
    start("whole log", &open);
    save(&open);
    start("snapshot of the end", &open);
    let more = BEHIND.min(records / 4);
    // One store at a time: it is locked while it is open.
    let mut store = open();
    let head = store.log.head();
    append(store.log.as_mut(), head.0, more);
    drop(store);
    start(&format!("snapshot and {more} records behind it"), &open);
}

/// The argument, as far as it is not cargo's; without `--bench` it is a test.
fn megabytes() -> usize {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == "--megabytes");
    let given = at.and_then(|at| words.get(at + 1)?.parse().ok());
    let is_test = !words.iter().any(|word| word == "--bench");
    given.unwrap_or(if is_test { 1 } else { 100 })
}

fn start(what: &str, open: &dyn Fn() -> storage::Store) {
    let begin = Instant::now();
    let store = open();
    let opened = begin.elapsed();
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    let views = durable.views().unwrap();
    println!(
        "{what}: {:.3} s (opening the store {:.3} s), {} jobs, {} MB resident",
        begin.elapsed().as_secs_f64(),
        opened.as_secs_f64(),
        views.jobs.iter().count(),
        resident_megabytes(),
    );
}

fn save(open: &dyn Fn() -> storage::Store) {
    let store = open();
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    durable.views().unwrap();
    let begin = Instant::now();
    durable.save(1).unwrap();
    println!(
        "a snapshot is saved: {:.3} s",
        begin.elapsed().as_secs_f64()
    );
}

fn resident_megabytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096 / 1_000_000
}

/// Writes keys, then jobs and events by turns until the log has this many bytes of bodies.
fn write(log: &mut dyn Log, bytes_max: usize) -> (usize, usize) {
    let keys = (0..MINIONS).map(|number| {
        Record::KeyChanged(KeyChanged {
            id: id(number),
            change: KeyChange::Accepted,
            pem: "x".repeat(450),
            by: "root".into(),
        })
    });
    let (mut records, mut bytes) = put(log, 0, keys);
    for number in 0.. {
        let (more, more_bytes) = put(log, records, job(number));
        (records, bytes) = (records + more, bytes + more_bytes);
        let events = (0..more).map(|number| event(records + number));
        let (more, more_bytes) = put(log, records, events);
        (records, bytes) = (records + more, bytes + more_bytes);
        if bytes >= bytes_max {
            break;
        }
    }
    (records, bytes)
}

fn append(log: &mut dyn Log, head: u64, count: usize) {
    put(log, head as usize, (0..count).map(event));
}

fn put(log: &mut dyn Log, head: usize, records: impl Iterator<Item = Record>) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    let mut batch = Vec::with_capacity(BATCH);
    for record in records {
        let body = record.encode();
        bytes += body.len();
        let at = Timestamp::from_secs(1_800_000_000 + (head + count) as u64 / 100);
        batch.push(Entry::new(at, body));
        count += 1;
        if batch.len() == BATCH {
            log.append(&batch).unwrap();
            batch.clear();
        }
    }
    log.append(&batch).unwrap();
    (count, bytes)
}

fn id(number: usize) -> MinionId {
    format!("node{number:04}.example.org").parse().unwrap()
}

fn event(number: usize) -> Record {
    Record::Event {
        tag: Tag::new(format!("salt/beacon/{}/load/", id(number % MINIONS))),
        data: Map::from([
            ("id", Value::Str(id(number % MINIONS).to_string())),
            ("load", Value::Str("x".repeat(150))),
            ("number", Value::from(number as u64)),
        ]),
    }
}

/// A job to all, and its returns.
fn job(number: u64) -> impl Iterator<Item = Record> {
    let jid = Jid::at(Timestamp::from_secs(1_800_000_000 + number * 60));
    let published = Record::JobPublished(JobPublished {
        jid: jid.clone(),
        fun: "test.ping".into(),
        arg: Vec::new(),
        tgt: "*".into(),
        tgt_type: TargetType::Glob,
        ret: String::new(),
        user: "root".into(),
        extra: Map::new(),
        minions: (0..MINIONS).map(id).collect(),
        missing: Vec::new(),
        step: None,
        hides_output: false,
        secret: None,
        probes: None,
        asks_boot: false,
    });
    let returned = (0..MINIONS).map(move |number| {
        let ret = Value::Str("x".repeat(60));
        Record::JobReturned(Box::new(JobReturn {
            id: id(number),
            jid: jid.clone(),
            fun: "test.ping".into(),
            ret: ret.clone(),
            retcode: Value::Int(0),
            success: Some(Value::Bool(true)),
            out: None,
            load: Map::from([
                ("id", Value::Str(id(number).to_string())),
                ("jid", Value::str(jid.as_str())),
                ("fun", Value::str("test.ping")),
                ("fun_args", Value::List(Vec::new())),
                ("return", ret),
                ("retcode", Value::Int(0)),
                ("success", Value::Bool(true)),
            ]),
        }))
    });
    std::iter::once(published).chain(returned)
}
