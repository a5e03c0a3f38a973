//! The modes in which minions listen for jobs: each does what comes and returns it.
//!
//! Nothing is really done: `test.ping` and everything unknown is `True`, `saltutil.find_job` says
//! that nothing runs. What is measured is the time from a job's arrival at the minion to the
//! acknowledged return.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use model::{Map, MinionId, Value};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock;
use crate::minion::Minion;
use crate::peer::SignIn;
use crate::process;
use crate::publications::Publications;
use crate::tally::Tally;

/// Between two attempts of a minion that lost its master.
const RETRY: Duration = Duration::from_millis(500);

/// How often the count of those who listen, or of returns, is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// After the publishing command has ended, returns may still be on their way for this long.
const TAIL: Duration = Duration::from_millis(500);

/// How a publishing command ended.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// From its start to its end.
    pub(crate) took: Duration,
    /// CPU seconds that it has cost, and what it started.
    pub(crate) cpu_seconds: f64,
}

/// Minions that listen.
#[derive(Debug)]
pub(crate) struct Listeners {
    tasks: JoinSet<Tally>,
    book: Arc<Book>,
    over: watch::Sender<bool>,
    count: usize,
}

#[derive(Debug, Default)]
struct Book {
    listening: AtomicUsize,
    returned: AtomicU64,
    publications: Publications,
}

impl Listeners {
    /// Lets all of them listen; they are when this returns.
    pub(crate) async fn start(minions: VecDeque<Minion>) -> Self {
        let (over, end) = watch::channel(false);
        let book = Arc::new(Book::default());
        let count = minions.len();
        let mut tasks = JoinSet::new();
        for minion in minions {
            tasks.spawn(live(minion, Arc::clone(&book), end.clone()));
        }
        while book.listening.load(Ordering::Relaxed) < count {
            clock::pause(LOOK).await;
        }
        Self {
            tasks,
            book,
            over,
            count,
        }
    }

    /// Runs a command that publishes, and waits until no return has come for a while.
    pub(crate) async fn publish(&self, command: &str) -> std::io::Result<Published> {
        let cpu_before = process::children_cpu_seconds();
        let began = clock::now();
        // Standard output is the report's.
        let status = Command::new("sh")
            .args(["-c", command])
            .stdout(std::io::stderr())
            .status()
            .await?;
        let took = began.elapsed();
        let cpu_seconds = process::children_cpu_seconds() - cpu_before;
        let mut seen = u64::MAX;
        while seen != self.book.returned.load(Ordering::Relaxed) {
            seen = self.book.returned.load(Ordering::Relaxed);
            clock::pause(TAIL).await;
        }
        Ok(Published {
            status,
            took,
            cpu_seconds,
        })
    }

    /// How many listen now, of how many.
    pub(crate) fn listening(&self) -> (usize, usize) {
        (self.book.listening.load(Ordering::Relaxed), self.count)
    }

    /// Ends all of them; gives what they counted.
    pub(crate) async fn end(self) -> Tally {
        // The receivers are the tasks; if all have ended there is nobody to tell.
        let _ = self.over.send(true);
        let mut total = Tally::default();
        for tally in self.tasks.join_all().await {
            total.add(tally);
        }
        total
    }
}

/// One minion: listens, and comes back after each loss.
async fn live(mut minion: Minion, book: Arc<Book>, mut end: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    loop {
        tokio::select! {
            () = listen(&mut minion, &book, &mut tally) => {}
            _ = end.changed() => return tally,
        }
        clock::pause(RETRY).await;
    }
}

/// Counts a minion as listening for as long as it is held.
struct Presence<'a>(&'a Book);

impl<'a> Presence<'a> {
    fn new(book: &'a Book) -> Self {
        book.listening.fetch_add(1, Ordering::Relaxed);
        Self(book)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.listening.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens until the connection is lost.
async fn listen(minion: &mut Minion, book: &Book, tally: &mut Tally) {
    if !minion.peer.has_session() && !matches!(minion.sign_in().await, Ok(SignIn::Accepted)) {
        return;
    }
    let mut wire = match minion.subscribe().await {
        Ok(wire) => wire,
        Err(failure) => return tally.bad("subscription", &failure.to_string()),
    };
    let _presence = Presence::new(book);
    loop {
        match wire.receive().await {
            Ok(parts) => take(minion, &parts, book, tally).await,
            Err(error) => return tally.bad("subscription", &error.to_string()),
        }
    }
}

/// By what Brine asks for the boot of a machine.
const BOOT_ID_FUN: &str = "file.read";

async fn take(minion: &mut Minion, parts: &[Bytes], book: &Book, tally: &mut Tally) {
    let arrived = clock::now();
    let opened = match book.publications.open(&minion.peer, parts) {
        // The key has changed: sign in and try the same bytes again, as minions do.
        Ok(None) => match minion.sign_in().await {
            Ok(SignIn::Accepted) => book.publications.open(&minion.peer, parts),
            _ => Ok(None),
        },
        opened => opened,
    };
    let job = match opened {
        Ok(Some(job)) => job,
        Ok(None) => return tally.bad("unreadable", "a job under a key that nobody gave us"),
        Err(broken) => return tally.bad("broken", &broken.to_string()),
    };
    let id = minion.peer.id.parse::<MinionId>();
    if !id.is_ok_and(|id| job.is_for(&id)) {
        return;
    }
    let text = |field| job.load.get(field).map(Value::to_text).unwrap_or_default();
    let (jid, fun) = (text("jid"), text("fun"));
    if fun == BOOT_ID_FUN {
        // Brine's own question after a sign-in: answered as any Linux does, and no job of the mode.
        let boot = Value::str(format!("boot-of-{}", minion.peer.id));
        if let Err(failure) = minion.give_back(&jid, &fun, boot).await {
            tally.bad("boot", &failure.to_string());
        }
        return;
    }
    let value = match fun.as_str() {
        "saltutil.find_job" => Value::Map(Map::new()),
        _ => Value::Bool(true),
    };
    let result = minion.give_back(&jid, &fun, value).await;
    book.returned.fetch_add(1, Ordering::Relaxed);
    tally.count(arrived.elapsed(), &result);
}
