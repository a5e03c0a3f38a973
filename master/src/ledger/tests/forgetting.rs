//! What is old goes from the views, then from the disk; what is needed stays.

use storage::disk::{DiskRead, Kind, RealDisk};
use tempfile::TempDir;

use super::restarts::{mine_of, store};
use super::*;
use crate::event_bus::{Filter, LookBackError, Subscription};
use crate::jobs::{JobPublished, StepRef};
use crate::{maintenance, mine};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Two snapshots of now, then forgets what ended before that second.
fn forget(running: &Running, before_secs: u64) {
    for _ in 0..2 {
        running.durable.save(1).unwrap();
        running.decide(event("one more")).unwrap();
    }
    let before = Timestamp::from_secs(before_secs);
    block_on(maintenance::forget(
        &running.handle,
        &running.durable,
        before,
    ))
    .unwrap();
}

#[test]
fn old_jobs_go_with_their_records_and_young_ones_stay() {
    let disk = Simulation::new();
    let running = Running::start(with(disk.open(), &[accepted("a")]));
    let old = jid_of(running.decide(ping()));
    running.decide(ret(&old, "a", Value::Bool(true))).unwrap();
    running.clock.set(START_SECS + 1000);
    let young = jid_of(running.decide(ping()));
    running.decide(ret(&young, "a", Value::Int(7))).unwrap();
    let place = running.durable.reader.head();
    forget(&running, START_SECS + 500);
    let (old_asked, young_asked) = (old.clone(), young.clone());
    let kept = running.ask(move |views| {
        let is_old = views.jobs.contains(&old_asked);
        (
            is_old,
            views
                .jobs
                .get(&young_asked)
                .map(std::borrow::Cow::into_owned),
        )
    });
    assert!(!kept.0);
    let returned = kept.1.unwrap().returns[&id("a")];
    assert_eq!(returned, place);
    let reader = running.durable.reader.as_ref();
    assert_eq!(
        reader.tail(),
        Cursor(3),
        "the key, the old job and its return"
    );
    let found = crate::shared::read_return(reader, returned).unwrap();
    assert_eq!(found.ret, Value::Int(7));
    running.check();
    running.stop();
    let again = Running::start(disk.open());
    assert!(again.ask(move |views| !views.jobs.contains(&old)));
    assert!(again.ask(|views| views.keys.is_accepted(&id("a"))));
}

#[test]
fn a_job_that_is_open_stays_however_old() {
    let running = Running::start(with(Simulation::new().open(), &[accepted("a")]));
    let open = jid_of(running.decide(ping()));
    running.clock.set(START_SECS + 1000);
    forget(&running, START_SECS + 500);
    assert!(running.ask(move |views| views.jobs.contains(&open)));
    assert_eq!(running.durable.reader.tail(), Cursor(1));
}

#[test]
fn an_unfinished_run_keeps_its_jobs_and_its_part_of_the_log() {
    let mut views = Views::default();
    let run: Jid = "20261121081600000000".parse().unwrap();
    let at = Timestamp::from_secs(START_SECS);
    views.apply(
        Cursor(10),
        at,
        &super::records::run_started(&run, Cursor(9)),
    );
    let job = JobPublished {
        minions: Vec::new(),
        step: Some(StepRef {
            run: run.clone(),
            step: 0,
        }),
        ..super::records::job()
    };
    views.apply(Cursor(11), at, &Record::JobPublished(job));
    let later = at.plus_secs(1_000_000);
    views.apply(Cursor(12), later, &super::records::event());
    assert!(!views.has_older(later));
    assert_eq!(views.unneeded_upto(), Cursor(9));
    let record = orch::RunRecord::Finished {
        phase: model::api::RunPhase::Succeeded,
        at: at.plus_secs(10),
    };
    views.apply(Cursor(13), later, &Record::Run { run, record });
    assert!(
        !views.has_older(at.plus_secs(5)),
        "a run is as old as its end"
    );
    assert!(views.has_older(later));
    views.apply(Cursor(14), later, &Record::Forgotten { before: later });
    assert!(views.runs.summaries().is_empty());
    assert_eq!(views.jobs.iter().count(), 0);
    assert_eq!(views.unneeded_upto(), Cursor(13));
}

#[test]
fn nothing_is_trimmed_that_no_snapshot_stands_for() {
    let running = Running::start(with(Simulation::new().open(), &[accepted("a")]));
    running.decide(event("old")).unwrap();
    running.clock.set(START_SECS + 1000);
    running.decide(event("young")).unwrap();
    let before = Timestamp::from_secs(START_SECS + 500);
    let forget = || {
        block_on(maintenance::forget(
            &running.handle,
            &running.durable,
            before,
        ))
    };
    forget().unwrap();
    assert_eq!(running.durable.reader.tail(), Cursor(0));
    running.durable.save(1).unwrap();
    forget().unwrap();
    assert_eq!(
        running.durable.reader.tail(),
        Cursor(0),
        "one may be damaged"
    );
    running.decide(event("more")).unwrap();
    running.durable.save(1).unwrap();
    forget().unwrap();
    assert_eq!(running.durable.reader.tail(), Cursor(2));
}

#[test]
fn a_reader_whose_place_is_forgotten_is_told_where_the_log_begins() {
    let running = Running::start(with(Simulation::new().open(), &[accepted("a")]));
    running.decide(event("old")).unwrap();
    running.clock.set(START_SECS + 1000);
    forget(&running, START_SECS + 500);
    let reader = Arc::clone(&running.durable.reader);
    let head = running.handle.head();
    let mut late = Subscription::new(reader, head, Cursor(1), Filter::default());
    let is_told = |error: LookBackError| match error {
        LookBackError::Forgotten { after, oldest } => (after, oldest) == (Cursor(1), Cursor(2)),
        _ => false,
    };
    assert!(is_told(late.check().unwrap_err()));
    assert!(is_told(block_on(late.next()).unwrap_err()));
}

#[test]
fn the_database_does_not_grow_without_end() {
    const ROUND_SECS: u64 = 100;
    let dir = TempDir::new().unwrap();
    let store = storage::embedded::open(dir.path()).unwrap();
    let running = Running::start(with(store, &[accepted("a")]));
    let mut bytes = Vec::new();
    for round in 1..=8 {
        running.clock.set(START_SECS + round * ROUND_SECS);
        let jid = jid_of(running.decide(ping()));
        running
            .decide(ret(&jid, "a", "x".repeat(1_000_000).into()))
            .unwrap();
        forget(&running, START_SECS + round * ROUND_SECS - ROUND_SECS / 2);
        let found = RealDisk.metadata(&dir.path().join("log.sqlite"));
        bytes.push(found.unwrap().unwrap().bytes);
    }
    assert!(bytes[7] <= bytes[2], "{bytes:?}");
}

/// Gives the files under a directory that hold a text.
fn holding(dir: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in RealDisk.list(dir).unwrap().unwrap() {
        let path = dir.join(&entry.name);
        if entry.kind == Kind::Directory {
            found.extend(holding(&path, text));
        } else {
            let bytes = RealDisk.read(&path).unwrap().unwrap();
            let holds = bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes());
            found.extend(holds.then(|| path.display().to_string()));
        }
    }
    found
}

#[test]
fn a_deleted_mine_value_is_nowhere_on_the_disk() {
    const SECRET: &str = "abcdef.0123456789abcdef";
    let dir = TempDir::new().unwrap();
    let running = Running::start(storage::embedded::open(dir.path()).unwrap());
    store(&running, "cp", SECRET);
    // An hour later the minion sends the same again.
    store(&running, "cp", SECRET);
    running.durable.save(1).unwrap();
    running.stop();
    let running = Running::start(storage::embedded::open(dir.path()).unwrap());
    assert_eq!(
        running.ask(|views| mine_of(views, "cp")),
        Some(SECRET.into())
    );
    let holders = holding(dir.path(), SECRET);
    assert!(
        holders.len() == 1 && holders[0].contains("/blobs/"),
        "{holders:?}"
    );
    let fun = Some("fun".to_owned());
    running
        .decide(Input::MineDelete { id: id("cp"), fun })
        .unwrap();
    assert_eq!(running.ask(|views| mine_of(views, "cp")), None);
    running.stop();
    assert_eq!(holding(dir.path(), SECRET), Vec::<String>::new());
}

#[test]
fn a_deleted_key_takes_its_mine_values_from_the_disk() {
    let disk = Simulation::new();
    let running = Running::start(with(disk.open(), &[accepted("a")]));
    store(&running, "a", "one");
    store(&running, "a", "two");
    let blobs = Arc::clone(&running.durable.blobs);
    let deletion = Input::Keys {
        act: crate::keys::decide::Act::Delete,
        wanted: crate::keys::pattern::Wanted::read("a"),
        include: crate::keys::decide::Include::default(),
        by: "root".into(),
    };
    running.decide(deletion).unwrap();
    running.stop();
    assert_eq!(blobs.list().unwrap(), []);
}

#[test]
fn what_a_crash_left_of_the_mine_is_swept_at_the_start() {
    let running = Running::start(storage::memory::open());
    store(&running, "a", "recorded");
    let blobs = running.durable.blobs.as_ref();
    let orphan = Map::from([("fun", "never recorded")]);
    mine::sealed::put(blobs, &RealEntropy, orphan).unwrap();
    assert_eq!(blobs.list().unwrap().len(), 2);
    let views = running.durable.views().unwrap();
    mine::sealed::sweep(&views.mine, std::iter::empty(), blobs).unwrap();
    assert_eq!(blobs.list().unwrap().len(), 1);
    assert_eq!(
        mine_of(&running.durable.views().unwrap(), "a"),
        Some("recorded".into())
    );
}
