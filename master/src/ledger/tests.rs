//! The ledger's promises: what is answered, done and seen is durable; what was not recorded never
//! happened.

mod forgetting;
mod gathering;
mod outages;
mod records;
mod restarts;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use model::target::Target;
use model::{Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use storage::memory::{Fault, Simulation};
use storage::{Entry, Error, Store};

use super::*;
use crate::jobs::collect::Patience;
use crate::jobs::decide::Request;
use crate::keys::{KeyChange, KeyChanged};
use crate::world::Sleep;
use crate::world::real::RealEntropy;

/// A clock that stands until it is set.
#[derive(Debug)]
struct Hand(Mutex<Timestamp>);

impl Hand {
    fn set(&self, secs: u64) {
        *self.0.lock().unwrap() = Timestamp::from_secs(secs);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

const START_SECS: u64 = 1_800_000_000;

/// A ledger over a store.
struct Running {
    handle: Handle,
    effects: mpsc::Receiver<Effect>,
    thread: std::thread::JoinHandle<()>,
    clock: Arc<Hand>,
    durable: Durable,
}

type Waiting = oneshot::Receiver<Result<Answer, LedgerError>>;

impl Running {
    fn start(store: Store) -> Self {
        Self::start_with(store, |log| log)
    }

    fn start_with(store: Store, wrap: impl FnOnce(Box<dyn Log>) -> Box<dyn Log>) -> Self {
        let durable = Durable::new(store.reader, store.tables, store.blobs);
        let views = durable.views().unwrap();
        let clock = Arc::new(Hand(Mutex::new(Timestamp::from_secs(START_SECS))));
        let (handle, effects, thread) = start(Parts {
            keyring: Arc::new(Keyring::new(&views.keys, Arc::new(RealEntropy), 0)),
            views,
            log: wrap(store.log),
            durable: durable.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            policy: policy(),
        });
        Self {
            handle,
            effects,
            thread,
            clock,
            durable,
        }
    }

    /// Puts an input before the ledger without waiting for it.
    fn put(&self, input: Input) -> Waiting {
        let (sender, receiver) = oneshot::channel();
        let message = Message::Decide(Box::new(input), Asker::Task(sender));
        self.handle.inputs.blocking_send(message).unwrap();
        receiver
    }

    fn decide(&self, input: Input) -> Result<Answer, LedgerError> {
        self.put(input).blocking_recv().unwrap()
    }

    fn put_question<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Views) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let question: Question = Box::new(move |views| {
            let _ = sender.send(question(views));
        });
        self.handle
            .inputs
            .blocking_send(Message::Ask(question))
            .unwrap();
        receiver
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Views) -> T + Send + 'static) -> T {
        self.put_question(question).blocking_recv().unwrap()
    }

    fn stop(self) {
        drop(self.handle);
        self.thread.join().unwrap();
    }

    /// What the views say must be what the log says.
    fn check(&self) {
        let live = self.ask(said);
        assert_eq!(live, said(&self.durable.views().unwrap()));
    }
}

/// Everything that views say, but for the last jid: one that was given out may have no record.
fn said(views: &Views) -> String {
    let mut said = serde_json::to_value(views).unwrap();
    said["last_jid"].take();
    said.to_string()
}

fn policy() -> Policy {
    Policy {
        open_mode: false,
        enrolment: crate::enrolment::settings::terms(&crate::config::Opts::default()),
        rotate_aes_key: true,
        auth_events: true,
        boot_ids: true,
        patience: Patience {
            timeout_secs: 5,
            gather_job_timeout_secs: 10,
        },
        nodegroups: Map::new(),
        master_minion_id: "m_master".into(),
    }
}

fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

fn accepted(text: &str) -> Record {
    Record::KeyChanged(KeyChanged {
        id: id(text),
        change: KeyChange::Accepted,
        pem: String::new(),
        by: "root".into(),
    })
}

/// Gives a store whose log has these records.
fn with(mut store: Store, records: &[Record]) -> Store {
    let entry = |record: &Record| Entry::new(Timestamp::from_secs(START_SECS), record.encode());
    let entries: Vec<Entry> = records.iter().map(entry).collect();
    store.log.append(&entries).unwrap();
    store
}

fn ping() -> Input {
    Input::Publish(Box::new(Request::new(
        "test.ping",
        Target::glob("*"),
        "root",
    )))
}

fn event(tag: &str) -> Input {
    Input::Events(vec![(Tag::new(tag), Map::new())])
}

fn ret(jid: &Jid, from: &str, value: Value) -> Input {
    Input::Return(Box::new(JobReturn {
        id: id(from),
        jid: jid.clone(),
        fun: "test.ping".into(),
        ret: value.clone(),
        retcode: 0.into(),
        success: None,
        out: None,
        load: Map::from([("return", value)]),
    }))
}

fn jid_of(answer: Result<Answer, LedgerError>) -> Jid {
    match answer.unwrap() {
        Answer::Published(published) => published.jid,
        other => panic!("{other:?}"),
    }
}

/// A log whose appends tell how long they are, and wait to be let go.
struct Gate {
    log: Box<dyn Log>,
    entered: SyncSender<usize>,
    go: Receiver<()>,
}

impl Log for Gate {
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error> {
        self.entered.send(batch.len()).unwrap();
        self.go.recv().unwrap();
        self.log.append(batch)
    }

    fn head(&self) -> Cursor {
        self.log.head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        self.log.trim(up_to)
    }

    fn probe(&mut self) -> Result<(), Error> {
        self.log.probe()
    }
}

/// Starts a ledger that is held in each append; the first one, of an event, is under way.
fn held(disk: &Simulation) -> (Running, Receiver<usize>, SyncSender<()>) {
    let (entered_sender, entered) = sync_channel(0);
    let (go, go_receiver) = sync_channel(0);
    let store = with(disk.open(), &[accepted("a")]);
    let running = Running::start_with(store, |log| {
        Box::new(Gate {
            log,
            entered: entered_sender,
            go: go_receiver,
        })
    });
    running.put(event("first"));
    assert_eq!(entered.recv().unwrap(), 1);
    (running, entered, go)
}

#[test]
fn nothing_is_answered_done_or_seen_before_the_append() {
    let (mut running, entered, go) = held(&Simulation::new());
    let mut answer = running.put(ping());
    let mut seen = running.put_question(|views| views.jobs.iter().count());
    go.send(()).unwrap();
    assert_eq!(entered.recv().unwrap(), 1);
    assert!(answer.try_recv().is_err());
    assert!(seen.try_recv().is_err());
    assert!(running.effects.try_recv().is_err());
    assert_eq!(*running.handle.head().borrow(), Cursor(2));
    go.send(()).unwrap();
    jid_of(answer.blocking_recv().unwrap());
    assert_eq!(seen.blocking_recv().unwrap(), 1);
    assert!(matches!(
        running.effects.blocking_recv(),
        Some(Effect::Send { .. })
    ));
    assert_eq!(*running.handle.head().borrow(), Cursor(3));
}

#[test]
fn a_batch_is_one_append() {
    let (running, entered, go) = held(&Simulation::new());
    let answers: Vec<Waiting> = (0..7).map(|_| running.put(event("more"))).collect();
    go.send(()).unwrap();
    assert_eq!(entered.recv().unwrap(), 7);
    go.send(()).unwrap();
    for answer in answers {
        assert_eq!(answer.blocking_recv().unwrap().unwrap(), Answer::Done);
    }
}

#[test]
fn who_goes_on_elsewhere_does_so_after_the_append() {
    let (running, entered, go) = held(&Simulation::new());
    let (sender, mut went_on) = oneshot::channel();
    let next = move |decided| drop(sender.send(decided));
    let message = Message::Decide(Box::new(event("more")), Asker::Next(Box::new(next)));
    running.handle.inputs.blocking_send(message).unwrap();
    go.send(()).unwrap();
    assert_eq!(entered.recv().unwrap(), 1);
    assert!(went_on.try_recv().is_err());
    go.send(()).unwrap();
    assert_eq!(went_on.blocking_recv().unwrap().unwrap(), Answer::Done);
}

/// Puts an event before the ledger that has time; gives what hears what came of it.
fn put_unhurried(running: &Running, tag: &str) -> Waiting {
    let (sender, receiver) = oneshot::channel();
    let next = move |decided| drop(sender.send(decided));
    running.handle.decide_unhurried(event(tag), next);
    receiver
}

#[test]
fn what_has_time_shares_the_next_append_and_stands_before_the_others() {
    let (running, entered, go) = held(&Simulation::new());
    let mut early = put_unhurried(&running, "early");
    let late = running.put(event("late"));
    go.send(()).unwrap();
    assert_eq!(entered.recv().unwrap(), 2);
    assert!(early.try_recv().is_err(), "it is not durable");
    go.send(()).unwrap();
    assert_eq!(early.blocking_recv().unwrap().unwrap(), Answer::Done);
    assert_eq!(late.blocking_recv().unwrap().unwrap(), Answer::Done);
    let entries = running.durable.reader.read(Cursor(2), 2).unwrap();
    let tags = entries.iter().map(|(_, entry)| {
        let record = Record::decode(&entry.body).unwrap();
        let Record::Event { tag, .. } = record else {
            panic!("{record:?}")
        };
        tag.to_string()
    });
    assert_eq!(tags.collect::<Vec<_>>(), ["early", "late"]);
}

#[test]
fn what_has_time_is_decided_when_it_is_hurried_and_before_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    let running = Running::start(Simulation::new().open());
    let hurried = put_unhurried(&running, "hurried");
    assert_eq!(running.ask(|views| views.head), Cursor(0), "it has time");
    running.handle.hurry();
    assert_eq!(hurried.blocking_recv().unwrap().unwrap(), Answer::Done);
    let last = put_unhurried(&running, "last");
    runtime.block_on(running.handle.settle()).unwrap();
    assert_eq!(last.blocking_recv().unwrap().unwrap(), Answer::Done);
}

#[test]
fn what_has_time_is_told_when_it_was_not_recorded() {
    let disk = Simulation::new();
    let running = Running::start(disk.open());
    let noted = put_unhurried(&running, "lost");
    disk.fail(Fault::Full);
    assert!(running.decide(event("lost too")).is_err());
    let error = noted.blocking_recv().unwrap().unwrap_err();
    assert!(matches!(error, LedgerError::NotRecorded(_)), "{error}");
}

#[test]
fn what_was_not_recorded_never_happened() {
    let disk = Simulation::new();
    let (mut running, entered, go) = held(&disk);
    let answer = running.put(ping());
    let seen = running.put_question(|views| (views.jobs.iter().count(), views.head));
    go.send(()).unwrap();
    entered.recv().unwrap();
    disk.fail(Fault::Full);
    go.send(()).unwrap();
    let error = answer.blocking_recv().unwrap().unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(seen.blocking_recv().unwrap(), (0, Cursor(2)));
    assert!(running.effects.try_recv().is_err());
}

#[test]
fn a_full_disk_loses_nothing_and_then_it_goes_on() {
    let disk = Simulation::new();
    let running = Running::start(with(disk.open(), &[accepted("a")]));
    let mut recorded = Vec::new();
    for round in 0..6 {
        disk.heal();
        running.clock.set(START_SECS + round);
        recorded.push(jid_of(running.decide(ping())));
        if round == 2 {
            running.durable.save(1).unwrap();
            running.durable.save(0).unwrap();
        }
        disk.fail(Fault::Full);
        for _ in 0..3 {
            let error = running.decide(ping()).unwrap_err();
            assert!(matches!(error, LedgerError::NotRecorded(_)), "{error}");
        }
        running.check();
    }
    let jids = |views: &Views| -> Vec<Jid> {
        let jobs = views.jobs.iter();
        jobs.map(|job| job.published.jid.clone()).collect()
    };
    assert_eq!(running.ask(jids), recorded);
    running.stop();
    assert_eq!(
        jids(&Running::start(disk.open()).durable.views().unwrap()),
        recorded
    );
}

#[test]
fn while_the_store_cannot_be_read_nothing_is_decided_or_answered() {
    let disk = Simulation::new();
    let running = Running::start(with(disk.open(), &[accepted("a")]));
    disk.fail(Fault::Broken);
    for _ in 0..2 {
        assert!(running.decide(ping()).is_err());
        let seen = running.put_question(|views| views.head);
        assert!(
            seen.blocking_recv().is_err(),
            "it would hear of what is not durable"
        );
    }
    disk.heal();
    running.clock.set(START_SECS + 1);
    assert_eq!(running.ask(|views| views.jobs.iter().count()), 0);
    jid_of(running.decide(ping()));
    running.check();
}
