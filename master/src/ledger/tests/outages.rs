//! While the store says no: who asks is refused at once, and the log is not read again for each.

use std::sync::atomic::{AtomicUsize, Ordering};

use storage::LogReader;

use super::*;

/// Counts how often the log is read.
struct Counting {
    reader: Arc<dyn LogReader>,
    reads: Arc<AtomicUsize>,
}

impl LogReader for Counting {
    fn read(&self, after: Cursor, limit: usize) -> Result<Vec<(Cursor, Entry)>, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.reader.read(after, limit)
    }

    fn head(&self) -> Cursor {
        self.reader.head()
    }

    fn tail(&self) -> Cursor {
        self.reader.tail()
    }
}

fn counted(disk: &Simulation) -> (Running, Arc<AtomicUsize>) {
    let store = with(disk.open(), &[accepted("a")]);
    let reads = Arc::<AtomicUsize>::default();
    let reader = Arc::new(Counting {
        reader: store.reader,
        reads: Arc::clone(&reads),
    });
    let running = Running::start(Store { reader, ..store });
    (running, reads)
}

fn is_refused(running: &Running) -> bool {
    matches!(running.decide(ping()), Err(LedgerError::NotRecorded(why)) if why.contains("simulated")
        || why.contains("no space left"))
}

#[test]
fn the_log_is_not_read_again_for_each_request_of_an_outage() {
    for fault in [Fault::Full, Fault::Broken] {
        let disk = Simulation::new();
        let (running, reads) = counted(&disk);
        disk.fail(fault);
        let before = reads.load(Ordering::Relaxed);
        for secs in 1..=50 {
            running.clock.set(START_SECS + secs);
            assert!(is_refused(&running), "{fault:?}");
        }
        assert_eq!(reads.load(Ordering::Relaxed), before, "{fault:?}");
        disk.heal();
        assert!(is_refused(&running), "the next probe is not due yet");
        running.clock.set(START_SECS + 60);
        jid_of(running.decide(ping()));
        jid_of(running.decide(ping()));
        running.check();
        running.stop();
    }
}

/// What is known is still told while the disk is full: it is durable.
#[test]
fn questions_are_answered_while_the_disk_is_full() {
    let disk = Simulation::new();
    let (running, reads) = counted(&disk);
    jid_of(running.decide(ping()));
    disk.fail(Fault::Full);
    assert!(is_refused(&running));
    assert_eq!(running.ask(|views| views.jobs.iter().count()), 1);
    let before = reads.load(Ordering::Relaxed);
    for _ in 0..50 {
        assert!(is_refused(&running));
        assert_eq!(running.ask(|views| views.jobs.iter().count()), 1);
    }
    assert_eq!(reads.load(Ordering::Relaxed), before);
    running.stop();
}

/// A log that takes probes and no batches.
struct Deaf(Box<dyn Log>);

impl Log for Deaf {
    fn append(&mut self, _: &[Entry]) -> Result<Cursor, Error> {
        let path = "deaf".into();
        Err(Error::Full { path })
    }

    fn head(&self) -> Cursor {
        self.0.head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        self.0.trim(up_to)
    }

    fn probe(&mut self) -> Result<(), Error> {
        self.0.probe()
    }
}

/// A probe may fit where a batch does not: even then attempts have their pauses.
#[test]
fn a_probe_that_went_well_is_no_leave_to_try_each_request() {
    let disk = Simulation::new();
    let store = with(disk.open(), &[accepted("a")]);
    let reads = Arc::<AtomicUsize>::default();
    let reader = Arc::new(Counting {
        reader: store.reader,
        reads: Arc::clone(&reads),
    });
    let store = Store { reader, ..store };
    let running = Running::start_with(store, |log| Box::new(Deaf(log)));
    let before = reads.load(Ordering::Relaxed);
    for _ in 0..50 {
        assert!(is_refused(&running));
    }
    // The first failed; the second was tried behind a probe, and the views built again for it.
    let of_one = reads.load(Ordering::Relaxed) - before;
    running.clock.set(START_SECS + 1);
    for _ in 0..50 {
        assert!(is_refused(&running));
    }
    assert_eq!(reads.load(Ordering::Relaxed), before + 2 * of_one);
    assert!(of_one > 0);
    running.stop();
}
