//! A simulated minion that lives on its own thread: it signs in, listens, works and returns, and
//! comes back after each loss of the master as a real one does.
//!
//! Like a real minion it drops a jid it has seen. It counts how often each job was really done, and
//! notes which returns the master acknowledged.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use minion_protocol::Version;
use model::target::{Candidate, Target, TargetType};
use model::{Map, MinionId, Value};

use crate::sim_minion::{SignIn, SimMinion};
use crate::wait;
use crate::wire::Wire;

/// What the function `secret.make` gives, and `secret.leak` and `secret.flood` say aloud: the form
/// of a kubeadm token.
pub const SECRET: &str = "qwerty.0123456789uiopas";

/// How long the thread listens before it looks whether it should end.
const LISTEN: Duration = Duration::from_millis(200);
/// Between two attempts to reach a master that is down.
const RETRY_MILLIS: u64 = 30;

/// What a minion has done; shared with the test.
#[derive(Debug, Default)]
struct Book {
    done: HashMap<String, u32>,
    /// Those of `done` by which the master asked after a job that took long.
    questions: HashSet<String>,
    at_work: HashSet<String>,
    acknowledged: HashSet<String>,
    received: Vec<Map>,
    is_listening: bool,
    boot: String,
    /// Its process is to begin anew; whether its start event gets through.
    restart: Option<bool>,
}

/// A minion on a thread of its own.
#[derive(Debug)]
pub struct Worker {
    /// Its id.
    pub id: String,
    book: Arc<Mutex<Book>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a minion; it is listening when this returns.
    ///
    /// # Panics
    /// It does not get in.
    pub fn start(id: &str, version: Version, ports: (u16, u16)) -> Self {
        let worker = Self::start_unwaited(SimMinion::new(id, version, ports));
        worker.wait_listening();
        worker
    }

    /// Starts a minion and does not wait for it.
    ///
    /// # Panics
    /// The system gives no thread.
    pub fn start_unwaited(minion: SimMinion) -> Self {
        let book = Arc::new(Mutex::new(Book {
            boot: "boot-1".into(),
            ..Book::default()
        }));
        let is_over = Arc::new(AtomicBool::new(false));
        let id = minion.id.clone();
        let life = Life {
            minion,
            book: Arc::clone(&book),
            is_over: Arc::clone(&is_over),
        };
        let thread = std::thread::Builder::new()
            .name(id.clone())
            .spawn(move || life.live());
        Self {
            id,
            book,
            is_over,
            thread: Some(thread.expect("a thread")),
        }
    }

    /// Waits until the minion listens.
    ///
    /// # Panics
    /// It does not get in.
    pub fn wait_listening(&self) {
        wait::until(&format!("{} to listen", self.id), || {
            lock(&self.book).is_listening.then_some(())
        });
    }

    /// How often each job was done. The master's questions after jobs are none: how many it asks
    /// depends on how busy the machine is.
    pub fn done(&self) -> HashMap<String, u32> {
        let book = lock(&self.book);
        let jobs = book
            .done
            .iter()
            .filter(|(jid, _)| !book.questions.contains(*jid));
        jobs.map(|(jid, times)| (jid.clone(), *times)).collect()
    }

    /// The jobs whose return the master acknowledged.
    pub fn acknowledged(&self) -> HashSet<String> {
        lock(&self.book).acknowledged.clone()
    }

    /// Every publication that was meant for this minion, repeated ones too.
    pub fn received(&self) -> Vec<Map> {
        lock(&self.book).received.clone()
    }

    /// Its process begins anew, in a boot of its machine: another one than before, or the same.
    /// `tells` says whether its start event gets through.
    pub fn restart(&self, boot: &str, tells: bool) {
        let mut book = lock(&self.book);
        boot.clone_into(&mut book.boot);
        book.restart = Some(tells);
        book.is_listening = false;
    }

    /// Says whether a job was done.
    pub fn has_done(&self, jid: &str) -> bool {
        lock(&self.book).done.contains_key(jid)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the minion is the test's.
            let result = thread.join();
            if result.is_err() && !std::thread::panicking() {
                panic!("minion {} broke", self.id);
            }
        }
    }
}

struct Life {
    minion: SimMinion,
    book: Arc<Mutex<Book>>,
    is_over: Arc<AtomicBool>,
}

impl Life {
    fn live(mut self) {
        let mut has_started = false;
        let mut starts = 1;
        while !self.is_over() {
            if !matches!(self.minion.sign_in(), Ok(SignIn::Accepted)) {
                wait::pause(RETRY_MILLIS);
                continue;
            }
            let Ok(wire) = self.minion.subscribe() else {
                wait::pause(RETRY_MILLIS);
                continue;
            };
            if wire.set_patience(LISTEN).is_err() {
                continue;
            }
            if let Some(tells) = lock(&self.book).restart.take() {
                starts += 1;
                has_started = !tells;
            }
            if !has_started {
                has_started = self.fires_start(starts);
            }
            // An answer on the other port does not say that the subscription has arrived; a job
            // that this minion misses for that is sent again by a master that keeps its word.
            lock(&self.book).is_listening = true;
            self.listen(wire);
            lock(&self.book).is_listening = false;
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Tells the start of its process, each in other words.
    fn fires_start(&self, number: u32) -> bool {
        let id = &self.minion.id;
        let said = format!("Minion {id} started for the {number}. time");
        let tag = format!("salt/minion/{id}/start");
        let legacy = self.minion.fires("minion_start", said.as_str());
        legacy.is_ok() && self.minion.fires(&tag, said).is_ok()
    }

    /// Works until the connection is lost, or the process begins anew.
    fn listen(&mut self, mut wire: Wire) {
        while !self.is_over() && lock(&self.book).restart.is_none() {
            match wire.receive() {
                Ok(parts) => self.take(&parts),
                Err(error) if is_silence(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, parts: &[Bytes]) {
        let load = match self.minion.open_publication(parts) {
            Some(load) => Some(load),
            // The key has changed: sign in and try again with the same bytes.
            None => match self.minion.sign_in() {
                Ok(SignIn::Accepted) => self.minion.open_publication(parts),
                _ => None,
            },
        };
        let Some(load) = load.filter(|load| self.is_meant(load)) else {
            return;
        };
        let jid = load.get("jid").map(Value::to_text).unwrap_or_default();
        let mut book = lock(&self.book);
        // The master's question after the boot: beside all jobs.
        if load.get("fun").map(Value::to_text).as_deref() == Some("file.read") {
            let boot = format!("{}\n", book.boot);
            drop(book);
            let _ = self.minion.returns(&jid, "file.read", boot);
            return;
        }
        book.received.push(load.clone());
        if book.done.contains_key(&jid) || !book.at_work.insert(jid.clone()) {
            return;
        }
        drop(book);
        let (minion, book) = (self.minion.clone(), Arc::clone(&self.book));
        let is_over = Arc::clone(&self.is_over);
        // Jobs run beside each other, as a real minion's processes do.
        std::thread::spawn(move || work(minion, &book, &is_over, &jid, &load));
    }

    fn is_meant(&self, load: &Map) -> bool {
        let tgt_type = load.get("tgt_type").map(Value::to_text).unwrap_or_default();
        let target = Target {
            tgt: load.get("tgt").cloned().unwrap_or_default(),
            tgt_type: TargetType::parse(&tgt_type).expect("a known target type"),
        };
        let id: MinionId = self.minion.id.parse().expect("a minion's id");
        let candidate = Candidate {
            id: &id,
            grains: None,
            pillar: None,
        };
        target.matches(candidate).unwrap_or(false)
    }
}

/// Does one job and returns it until the master acknowledges.
fn work(mut minion: SimMinion, book: &Mutex<Book>, is_over: &AtomicBool, jid: &str, load: &Map) {
    let fun = load.get("fun").map(Value::to_text).unwrap_or_default();
    let arg = load
        .get("arg")
        .and_then(Value::as_list)
        .and_then(<[Value]>::first)
        .cloned();
    let arg = arg.unwrap_or_default();
    let value = match fun.as_str() {
        "saltutil.find_job" => {
            let mut book = lock(book);
            book.questions.insert(jid.to_owned());
            match book.at_work.contains(&arg.to_text()) {
                true => Value::Map(Map::from([("jid", arg.to_text()), ("fun", fun.clone())])),
                false => Value::Map(Map::new()),
            }
        }
        "test.sleep_millis" => {
            wait::pause(arg.to_text().parse().unwrap_or(0));
            Value::Bool(true)
        }
        "test.wait_file" => {
            let file = PathBuf::from(arg.to_text());
            while !file.exists() && !is_over.load(Ordering::Relaxed) {
                wait::pause(RETRY_MILLIS);
            }
            Value::Bool(true)
        }
        "test.echo" => arg,
        "secret.make" => Value::Map(Map::from([
            ("token", SECRET),
            ("endpoint", "10.0.0.1:6443"),
        ])),
        "secret.flood" => format!("{SECRET}{}", "x".repeat(2_000_000)).into(),
        "secret.leak" => format!("joined 10.0.0.1:6443 with {SECRET}").into(),
        _ => Value::Bool(true),
    };
    *lock(book).done.entry(jid.to_owned()).or_default() += 1;
    while !is_over.load(Ordering::Relaxed) {
        if minion.returns(jid, &fun, value.clone()).is_ok() {
            let mut book = lock(book);
            book.acknowledged.insert(jid.to_owned());
            book.at_work.remove(jid);
            return;
        }
        wait::pause(RETRY_MILLIS);
        let _ = minion.sign_in();
    }
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

fn lock(book: &Mutex<Book>) -> std::sync::MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
