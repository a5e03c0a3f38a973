//! The owner of what is known: takes an input, decides, appends, applies, releases the effects.
//!
//! One thread. Inputs are decided in the order in which they came; a whole batch of them is made
//! durable by one append (group commit), and only then is anybody answered and anything done.
//! Questions are answered between batches from the views, so that nobody hears of what is not
//! durable yet. If an append fails, the batch never happened: the views are built again from the
//! log, every asker is told, and all others are refused until the log takes something. What a
//! batch comes to is decided by [`Core::step`], which has no thread; this file gives it one, and
//! the queues.

#[cfg(test)]
pub(crate) mod bench;
mod core;
pub mod decide;
mod effect;
mod gathering;
mod input;
mod kept_return;
mod large;
mod outage;
mod record;
mod replay;
mod snapshots;
mod terse;
mod unhurried;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use model::Cursor;
use storage::Log;
use tokio::sync::{mpsc, oneshot, watch};

pub use core::{Beat, Core, CoreParts, Step};
pub use decide::Policy;
pub use effect::{Call, CallKind, Effect, TimerKey};
pub use input::{Answer, Input};
pub use large::{LARGE_BYTES_MIN, Large, values as large_values};
pub use record::Record;
pub use replay::{Durable, ReplayError};
pub use snapshots::Snapshots;
pub use views::Views;
pub(crate) use views::jid_after;

use self::gathering::{Gathering, are_sign_ins, is_sign_in, pause_before};
use self::unhurried::Unhurried;
use crate::keys::keyring::Keyring;
use crate::mine;
use crate::world::Clock;

/// Inputs that wait. At 4,096 a burst of 2,000 sign-ins with one question each is held; more makes
/// senders wait.
pub const INPUTS_WAITING_MAX: usize = 4096;

/// Inputs in one batch: past 512 an append gains nothing more and the first asker waits longer.
const BATCH_INPUTS_MAX: usize = 512;

/// Effects that wait to be performed.
pub const EFFECTS_WAITING_MAX: usize = 16_384;

/// Records that one trim forgets, in one commit: about 3 ms and a sync, so that inputs wait no
/// longer than for some appends. A busy master writes 300,000 in the minute after which it is asked
/// again.
const TRIM_RECORDS_MAX: u64 = 1000;

/// Mine changes whose blobs wait to be removed from the disk. More make the ledger wait: the disk
/// is at its end.
const REMOVALS_WAITING_MAX: usize = 1024;

/// The ledger could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The record could not be made durable; nothing happened.
    #[error("nothing was recorded: {0}")]
    NotRecorded(String),
    /// The master is stopping.
    #[error("the master is stopping")]
    Stopped,
}

type Question = Box<dyn FnOnce(&Views) + Send>;

/// Who hears what came of an input.
enum Asker {
    /// A task that waits.
    Task(oneshot::Sender<Result<Answer, LedgerError>>),
    /// Somebody who goes on elsewhere; called by the ledger, so it must not take long.
    Next(Box<dyn FnOnce(Result<Answer, LedgerError>) + Send>),
}

impl Asker {
    fn tell(self, answer: Result<Answer, LedgerError>) {
        match self {
            // An asker that has gone away asks again if it cares.
            Self::Task(asker) => drop(asker.send(answer)),
            Self::Next(next) => next(answer),
        }
    }
}

enum Message {
    Decide(Box<Input>, Asker),
    /// What has time has waited long enough.
    Hurry,
    Ask(Question),
    Trim(Cursor, oneshot::Sender<Result<bool, LedgerError>>),
    Settle(oneshot::Sender<Result<(), LedgerError>>),
}

/// The way to the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inputs: mpsc::Sender<Message>,
    unhurried: Unhurried,
    gathering: Arc<Gathering>,
    head: watch::Receiver<Cursor>,
}

impl Handle {
    /// Puts an input before the ledger and waits until what follows is durable.
    pub fn decide(&self, input: Input) -> impl Future<Output = Result<Answer, LedgerError>> + Send {
        // Here, so that whoever waits has no room for it.
        let input = Box::new(input);
        async move {
            let (sender, receiver) = oneshot::channel();
            self.put(input, Asker::Task(sender)).await?;
            receiver.await.map_err(|_| LedgerError::Stopped)?
        }
    }

    /// Puts an input before the ledger; `next` is called by the ledger when what follows is
    /// durable, so it must not take long. If the master stops before, it is dropped.
    pub fn decide_then(
        &self,
        input: Input,
        next: impl FnOnce(Result<Answer, LedgerError>) + Send + 'static,
    ) -> impl Future<Output = ()> + Send {
        let (input, asker) = (Box::new(input), Asker::Next(Box::new(next)));
        async move {
            // A master that stops drops `next` with it.
            let _ = self.put(input, asker).await;
        }
    }

    async fn put(&self, input: Box<Input>, asker: Asker) -> Result<(), LedgerError> {
        let may_wait = is_sign_in(&input);
        let message = Message::Decide(input, asker);
        let sent = self.inputs.send(message).await;
        if !may_wait {
            self.gathering.wake();
        }
        sent.map_err(|_| LedgerError::Stopped)
    }

    /// Puts an input before the ledger that has time: it is decided at the head of the next batch,
    /// before anything that comes after it, and shares its append. `next` is as for
    /// [`Handle::decide_then`]. Gives how many wait so; whoever calls sees to it that
    /// [`Handle::hurry`] follows.
    pub fn decide_unhurried(
        &self,
        input: Input,
        next: impl FnOnce(Result<Answer, LedgerError>) + Send + 'static,
    ) -> usize {
        self.unhurried.put(input, Asker::Next(Box::new(next)))
    }

    /// Has decided what [`Handle::decide_unhurried`] was given and no batch took along. It never
    /// waits.
    pub fn hurry(&self) {
        if !self.unhurried.is_empty() {
            // Where there is no room, the next batch is waiting.
            let _ = self.inputs.try_send(Message::Hurry);
        }
    }

    /// Asks a question of the views. Keep it short: the ledger does nothing else meanwhile.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Views) -> T + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (sender, receiver) = oneshot::channel();
        let question: Question = Box::new(move |views| {
            // An asker that has gone away needs no answer.
            let _ = sender.send(question(views));
        });
        self.inputs
            .send(Message::Ask(question))
            .await
            .map_err(|_| LedgerError::Stopped)?;
        self.gathering.wake();
        receiver.await.map_err(|_| self.no_answer())
    }

    /// Forgets the next records of the log up to a place, as far as nothing that is kept refers to
    /// them; says whether more are left to forget. Whoever asks sees to it that snapshots stand for
    /// them.
    pub async fn trim(&self, upto: Cursor) -> Result<bool, LedgerError> {
        let (sender, receiver) = oneshot::channel();
        self.inputs
            .send(Message::Trim(upto, sender))
            .await
            .map_err(|_| LedgerError::Stopped)?;
        receiver.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Has the log left in as few bytes as it takes, for a master that stops.
    ///
    /// # Errors
    /// It could not be done; nothing that was recorded is in danger.
    pub async fn settle(&self) -> Result<(), LedgerError> {
        let (sender, receiver) = oneshot::channel();
        let sent = self.inputs.send(Message::Settle(sender)).await;
        sent.map_err(|_| LedgerError::Stopped)?;
        receiver.await.map_err(|_| LedgerError::Stopped)?
    }

    /// A question is dropped if the master stops, or if what is durable cannot be read.
    fn no_answer(&self) -> LedgerError {
        if self.inputs.is_closed() {
            return LedgerError::Stopped;
        }
        LedgerError::NotRecorded("the store cannot be read; the log of the master says why".into())
    }

    /// Gives the place of the last durable record, and a way to wait for the next.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.clone()
    }
}

/// What the ledger is built of.
pub struct Parts {
    /// The views as replayed.
    pub views: Views,
    /// The log to append to.
    pub log: Box<dyn Log>,
    /// What the views were built from, to build them again.
    pub durable: Durable,
    /// The keys for the sockets, brought in line with each durable change before anybody is
    /// answered.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The options.
    pub policy: Policy,
}

/// Starts the ledger on a thread of its own. Effects come out of the second part, in order.
pub fn start(parts: Parts) -> (Handle, mpsc::Receiver<Effect>, std::thread::JoinHandle<()>) {
    let (inputs_sender, inputs) = mpsc::channel(INPUTS_WAITING_MAX);
    let (effects, effects_receiver) = mpsc::channel(EFFECTS_WAITING_MAX);
    let (head, head_receiver) = watch::channel(parts.views.head);
    let gathering = Arc::<Gathering>::default();
    let unhurried = Unhurried::default();
    let Parts {
        views,
        log,
        durable,
        keyring,
        clock,
        policy,
    } = parts;
    let ledger = Ledger {
        core: Core::new(CoreParts {
            views,
            log,
            durable,
            clock,
            policy,
        }),
        keyring,
        inputs,
        effects,
        head,
        gathering: Arc::clone(&gathering),
        unhurried: unhurried.clone(),
        were_several: false,
    };
    let thread = std::thread::Builder::new()
        .name("ledger".into())
        .spawn(move || ledger.run())
        .expect("the system can start one more thread while the master starts");
    (
        Handle {
            inputs: inputs_sender,
            unhurried,
            gathering,
            head: head_receiver,
        },
        effects_receiver,
        thread,
    )
}

struct Ledger {
    core: Core,
    keyring: Arc<Keyring>,
    inputs: mpsc::Receiver<Message>,
    effects: mpsc::Sender<Effect>,
    head: watch::Sender<Cursor>,
    gathering: Arc<Gathering>,
    unhurried: Unhurried,
    /// Whether the last batch had more than one input that is no sign-in.
    were_several: bool,
}

/// Messages that are worked on together.
#[derive(Default)]
struct Batch {
    messages: usize,
    inputs: Vec<Input>,
    askers: Vec<Asker>,
    trims: Vec<(Cursor, oneshot::Sender<Result<bool, LedgerError>>)>,
    questions: Vec<Question>,
    settlers: Vec<oneshot::Sender<Result<(), LedgerError>>>,
    /// Whether what has time is to be decided even if nothing else is.
    is_hurried: bool,
}

impl Batch {
    /// Says whether nobody minds if it waits: sign-ins take their time elsewhere.
    fn is_patient(&self) -> bool {
        self.messages == self.inputs.len() && are_sign_ins(&self.inputs)
    }

    /// Puts what has time before everything else: it happened before.
    fn lead_with(&mut self, unhurried: Vec<(Input, Asker)>) {
        let (inputs, askers): (Vec<_>, Vec<_>) = unhurried.into_iter().unzip();
        self.inputs.splice(0..0, inputs);
        self.askers.splice(0..0, askers);
    }

    fn take(&mut self, message: Message) {
        self.messages += 1;
        match message {
            Message::Ask(question) => self.questions.push(question),
            Message::Hurry => self.is_hurried = true,
            Message::Trim(upto, asker) => self.trims.push((upto, asker)),
            Message::Settle(asker) => self.settlers.push(asker),
            Message::Decide(input, asker) => {
                self.inputs.push(*input);
                self.askers.push(asker);
            }
        }
    }
}

impl Ledger {
    fn run(mut self) {
        self.gathering.begin();
        let (removals, remover) = remover(self.core.durable());
        while let Some(first) = self.inputs.blocking_recv() {
            let mut batch = Batch::default();
            batch.take(first);
            self.gather(&mut batch);
            self.rest(&mut batch);
            let others = batch.inputs.iter().filter(|input| !is_sign_in(input));
            self.were_several = others.count() > 1;
            let is_before_the_end = !batch.settlers.is_empty();
            if !batch.inputs.is_empty() || batch.is_hurried || is_before_the_end {
                batch.lead_with(self.unhurried.take());
            }
            self.finish(batch, &removals);
        }
        drop(removals);
        // What it leaves is removed at the next start.
        let _ = remover.join();
    }

    /// Lets a small batch wait for more, where more are likely.
    fn rest(&mut self, batch: &mut Batch) {
        let gathering = Arc::clone(&self.gathering);
        let pause = pause_before(&batch.inputs, self.were_several);
        gathering.rest(pause, || {
            self.gather(batch);
            batch.is_patient()
        });
    }

    /// Takes what waits, as far as a batch has room.
    fn gather(&mut self, batch: &mut Batch) {
        while batch.messages < BATCH_INPUTS_MAX {
            match self.inputs.try_recv() {
                Ok(message) => batch.take(message),
                Err(_) => return,
            }
        }
    }

    fn finish(&mut self, batch: Batch, removals: &SyncSender<Vec<String>>) {
        let step = self.core.step(batch.inputs);
        self.head.send_if_modified(|head| {
            let is_further = step.head > *head;
            *head = step.head.max(*head);
            is_further
        });
        for changed in &step.keys {
            self.keyring.apply(changed);
        }
        if step
            .effects
            .iter()
            .any(|it| matches!(it, Effect::RotateKeys))
        {
            // What a deleted minion knew is of no use when its deletion is answered.
            self.keyring.rotate();
        }
        for effect in step.effects {
            // The performer is gone only when the master stops; what is recorded is done at the
            // next start.
            let _ = self.effects.blocking_send(effect);
        }
        for (asker, answer) in batch.askers.into_iter().zip(step.answers) {
            asker.tell(answer);
        }
        if !step.unneeded_blobs.is_empty() {
            // The remover ends after the ledger.
            let _ = removals.send(step.unneeded_blobs);
        }
        self.answer_questions(batch.questions);
        for (upto, asker) in batch.trims {
            let _ = asker.send(self.core.trim(upto));
        }
        for asker in batch.settlers {
            let _ = asker.send(self.core.settle());
        }
    }

    /// Answers from what is durable, or drops the questions if that is not known.
    fn answer_questions(&mut self, questions: Vec<Question>) {
        if questions.is_empty() {
            return;
        }
        if let Some(views) = self.core.views() {
            for question in questions {
                question(views);
            }
        }
    }
}

/// Starts the thread that removes blobs: a removal waits for the disk, and nobody waits for a
/// removal.
fn remover(durable: &Durable) -> (SyncSender<Vec<String>>, std::thread::JoinHandle<()>) {
    let (sender, removals) = std::sync::mpsc::sync_channel(REMOVALS_WAITING_MAX);
    let blobs = Arc::clone(&durable.blobs);
    let work = move || {
        for ids in removals {
            mine::sealed::remove(blobs.as_ref(), ids);
        }
    };
    let thread = std::thread::Builder::new().name("blobs".into()).spawn(work);
    let thread = thread.expect("the system can start one more thread while the master starts");
    (sender, thread)
}
