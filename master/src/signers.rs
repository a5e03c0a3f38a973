//! The threads that use the master's private key.
//!
//! There are as many as cores, and they take work in the order in which it came: more at once would
//! only make all of them late. What a sign-in comes to goes from the ledger straight to them, and
//! they give the answer to its connection themselves: no other thread is woken on the way.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::ledger::{Answer, Handle, Input, LedgerError};

/// The turn that a request had, which the next in its queue waits for.
pub type Turn = OwnedSemaphorePermit;

/// Something that needs the private key, up to the answer that comes of it; gives back the turn of
/// the request.
type Work = Box<dyn FnOnce() -> Option<Turn> + Send>;

/// Turns that are passed on at once while there is work: each passing on wakes the thread of the
/// sockets, which takes a core from a signer. Few beside all turns
/// ([`crate::limits::CLEAR_AT_WORK_MAX`]), so that the signers never wait for it.
const TURNS_AT_ONCE: usize = 8;

/// The threads. They end when this is dropped and what waits is done.
pub struct Signers {
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    has_work: Condvar,
}

/// Bounded by the requests that the sockets leave unanswered.
#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    /// Fewer than [`TURNS_AT_ONCE`], and none while nothing is to be done.
    ended: Vec<Turn>,
    idle: usize,
    is_over: bool,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, work: Work, is_first: bool) {
        let mut state = self.state();
        if is_first {
            state.work.push_front(work);
        } else {
            state.work.push_back(work);
        }
        let is_one_idle = state.idle > 0;
        drop(state);
        if is_one_idle {
            self.has_work.notify_one();
        }
    }

    /// Takes the turn of what is done, and waits for work; `None` when there will be none.
    fn next(&self, ended: Option<Turn>) -> Option<Work> {
        let mut state = self.state();
        state.ended.extend(ended);
        if state.work.is_empty() || state.ended.len() == TURNS_AT_ONCE {
            let turns = std::mem::take(&mut state.ended);
            // Whoever is woken by them may want this lock.
            drop(state);
            drop(turns);
            state = self.state();
        }
        loop {
            if let Some(work) = state.work.pop_front() {
                return Some(work);
            }
            if state.is_over {
                return None;
            }
            state.idle += 1;
            let woken = self.has_work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn serve(&self) {
        let mut ended = None;
        while let Some(work) = self.next(ended) {
            // A panic is told by its hook. The answer is dropped with it, which tells the minion
            // that the master is in trouble, and so is the turn; the thread is needed by others.
            ended = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_default();
        }
    }
}

impl Signers {
    /// Starts the threads.
    pub fn start() -> Self {
        let desk = Arc::<Desk>::default();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            let desk = Arc::clone(&desk);
            let thread = std::thread::Builder::new().name("signer".into());
            let thread = thread.spawn(move || desk.serve());
            thread.expect("the system can start one more thread while the master starts");
        }
        Self { desk }
    }

    /// Gives the threads something to do, behind what waits already. It may block.
    pub fn give(&self, work: impl FnOnce() -> Option<Turn> + Send + 'static) {
        self.desk.put(Box::new(work), false);
    }

    /// Has something done before what waits; gives what comes of it. `None` if it failed, or the
    /// master stops.
    pub async fn first<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        let work = move || {
            drop(done.send(work()));
            None
        };
        self.desk.put(Box::new(work), true);
        result.await.ok()
    }

    /// Puts an input before the ledger and, when what follows is durable, has a thread go on with
    /// what the ledger says. If the master stops before, nobody goes on.
    pub async fn decide(
        &self,
        ledger: &Handle,
        input: Input,
        go_on: impl FnOnce(Result<Answer, LedgerError>) -> Option<Turn> + Send + 'static,
    ) {
        let desk = Arc::clone(&self.desk);
        let then = move |decided| desk.put(Box::new(move || go_on(decided)), false);
        ledger.decide_then(input, then).await;
    }
}

impl Drop for Signers {
    fn drop(&mut self) {
        self.desk.state().is_over = true;
        self.desk.has_work.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_is_done_in_order_and_a_panic_takes_no_thread_along() {
        let signers = Signers::start();
        let (done, results) = mpsc::channel();
        for number in 0..100 {
            let done = done.clone();
            signers.give(move || {
                assert!(number % 10 != 3, "a panic on purpose");
                done.send(number).unwrap();
                None
            });
        }
        drop((signers, done));
        let mut results: Vec<u32> = results.iter().collect();
        results.sort_unstable();
        let whole: Vec<u32> = (0..100).filter(|number| number % 10 != 3).collect();
        assert_eq!(results, whole);
    }
}
