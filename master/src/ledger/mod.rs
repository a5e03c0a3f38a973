//! The owner of what is known: takes an input, decides, appends, applies, releases the effects.
//!
//! One thread. Inputs are decided in the order in which they came; a whole batch of them is made
//! durable by one append (group commit), and only then is anybody answered and anything done.
//! Questions are answered between batches from the views, so that nobody hears of what is not
//! durable yet. If an append fails, the batch never happened: the views are built again from the
//! log and every asker is told.

pub mod decide;
mod effect;
mod input;
mod record;
mod replay;
mod snapshots;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use model::{Cursor, Timestamp};
use storage::{Entry, Log};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info};

pub use decide::Policy;
pub use effect::{Call, CallKind, Effect, TimerKey};
pub use input::{Answer, Input};
pub use record::Record;
pub use replay::{Durable, ReplayError};
pub use snapshots::Snapshots;
pub use views::Views;

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

/// Records that one trim forgets: about 5 ms, so that inputs wait no longer than for some appends.
const TRIM_RECORDS_MAX: u64 = 250;

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

enum Message {
    Decide(Box<Input>, oneshot::Sender<Result<Answer, LedgerError>>),
    Ask(Question),
    Trim(Cursor, oneshot::Sender<Result<bool, LedgerError>>),
}

/// The way to the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inputs: mpsc::Sender<Message>,
    head: watch::Receiver<Cursor>,
}

impl Handle {
    /// Puts an input before the ledger and waits until what follows is durable.
    pub async fn decide(&self, input: Input) -> Result<Answer, LedgerError> {
        let (sender, receiver) = oneshot::channel();
        let message = Message::Decide(Box::new(input), sender);
        self.inputs
            .send(message)
            .await
            .map_err(|_| LedgerError::Stopped)?;
        receiver.await.map_err(|_| LedgerError::Stopped)?
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
    let ledger = Ledger {
        parts,
        inputs,
        effects,
        head,
        are_views_ahead: false,
    };
    let thread = std::thread::Builder::new()
        .name("ledger".into())
        .spawn(move || ledger.run())
        .expect("the system can start one more thread while the master starts");
    (
        Handle {
            inputs: inputs_sender,
            head: head_receiver,
        },
        effects_receiver,
        thread,
    )
}

struct Ledger {
    parts: Parts,
    inputs: mpsc::Receiver<Message>,
    effects: mpsc::Sender<Effect>,
    head: watch::Sender<Cursor>,
    /// The views hold a batch that was not recorded, and could not be built again yet.
    are_views_ahead: bool,
}

/// What a batch will release once it is durable.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    keys: Vec<crate::keys::KeyChanged>,
    effects: Vec<Effect>,
    unneeded_blobs: Vec<String>,
    trims: Vec<(Cursor, oneshot::Sender<Result<bool, LedgerError>>)>,
    answers: Vec<(oneshot::Sender<Result<Answer, LedgerError>>, Answer)>,
    questions: Vec<Question>,
}

impl Ledger {
    fn run(mut self) {
        let (removals, remover) = remover(&self.parts.durable);
        while let Some(first) = self.inputs.blocking_recv() {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            for _ in 1..BATCH_INPUTS_MAX {
                match self.inputs.try_recv() {
                    Ok(message) => self.take(message, &mut batch),
                    Err(_) => break,
                }
            }
            self.finish(batch, &removals);
        }
        drop(removals);
        // What it leaves is removed at the next start.
        let _ = remover.join();
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Ask(question) => batch.questions.push(question),
            Message::Trim(upto, asker) => batch.trims.push((upto, asker)),
            Message::Decide(_, asker) if !self.are_views_right() => {
                let why = "the store cannot be read; the log of the master says why".to_owned();
                let _ = asker.send(Err(LedgerError::NotRecorded(why)));
            }
            Message::Decide(input, asker) => {
                let now = self.parts.clock.now();
                let answer = self.decide(*input, now, batch);
                batch.answers.push((asker, answer));
            }
        }
    }

    /// Decides on an input, and on everything that follows from its records, in log order.
    fn decide(&mut self, input: Input, now: Timestamp, batch: &mut Batch) -> Answer {
        let Parts { views, policy, .. } = &mut self.parts;
        let decision = decide::on_input(views, policy, input, now);
        batch.effects.extend(decision.effects);
        let mut records: std::collections::VecDeque<Record> = decision.records.into();
        while let Some(record) = records.pop_front() {
            let cursor = views.head.next();
            let started = replay::starts_in(views, cursor, now, &record);
            batch.entries.push(Entry {
                at: now,
                body: record.encode(),
            });
            views.apply(cursor, now, &record);
            if let Record::KeyChanged(changed) = &record {
                batch.keys.push(changed.clone());
            }
            let next = decide::on_record(views, policy, cursor, &record, &started, now);
            batch.effects.extend(next.effects);
            records.extend(next.records);
        }
        batch.unneeded_blobs.extend(views.mine.take_unneeded());
        decision.answer
    }

    fn finish(&mut self, batch: Batch, removals: &SyncSender<Vec<String>>) {
        if let Err(problem) = self.append(&batch.entries) {
            self.undo(batch, &problem);
            return;
        }
        for changed in &batch.keys {
            self.parts.keyring.apply(changed);
        }
        for effect in batch.effects {
            // The performer is gone only when the master stops; what is recorded is done at the
            // next start.
            let _ = self.effects.blocking_send(effect);
        }
        for (asker, answer) in batch.answers {
            // An asker that has gone away asks again if it cares.
            let _ = asker.send(Ok(answer));
        }
        if !batch.unneeded_blobs.is_empty() {
            // The remover ends after the ledger.
            let _ = removals.send(batch.unneeded_blobs);
        }
        self.answer_questions(batch.questions);
        for (upto, asker) in batch.trims {
            let _ = asker.send(self.trim(upto));
        }
    }

    /// Answers from what is durable, or drops the questions if that is not known.
    fn answer_questions(&mut self, questions: Vec<Question>) {
        if !questions.is_empty() && self.are_views_right() {
            for question in questions {
                question(&self.parts.views);
            }
        }
    }

    /// Forgets the next records; says whether more are left to forget.
    fn trim(&mut self, upto: Cursor) -> Result<bool, LedgerError> {
        if !self.are_views_right() {
            return Ok(false);
        }
        let upto = upto.min(self.parts.views.unneeded_upto());
        let tail = self.parts.durable.reader.tail();
        let next = upto.min(Cursor(tail.0.saturating_add(TRIM_RECORDS_MAX)));
        if next > tail {
            let trimmed = self.parts.log.trim(next);
            trimmed.map_err(|problem| LedgerError::NotRecorded(problem.to_string()))?;
        }
        Ok(next < upto)
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), storage::Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let cursor = self.parts.log.append(entries)?;
        debug_assert_eq!(
            cursor, self.parts.views.head,
            "views and log count the same records"
        );
        self.head.send_replace(cursor);
        Ok(())
    }

    /// The batch never happened.
    fn undo(&mut self, batch: Batch, problem: &storage::Error) {
        error!(%problem, inputs = batch.answers.len(), "nothing of this batch was recorded");
        self.are_views_ahead = true;
        for (asker, _) in batch.answers {
            let _ = asker.send(Err(LedgerError::NotRecorded(problem.to_string())));
        }
        self.answer_questions(batch.questions);
        for (_, asker) in batch.trims {
            let _ = asker.send(Ok(false));
        }
    }

    /// Builds the views again if they hold what was not recorded; says whether they are right now.
    /// While they are not, nothing is decided and nothing is answered.
    fn are_views_right(&mut self) -> bool {
        if self.are_views_ahead {
            match self.parts.durable.views() {
                Ok(views) => {
                    info!(head = %views.head, "the views are built again from what is durable");
                    self.parts.views = views;
                    self.are_views_ahead = false;
                }
                Err(problem) => error!(%problem, "the views cannot be built again"),
            }
        }
        !self.are_views_ahead
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
