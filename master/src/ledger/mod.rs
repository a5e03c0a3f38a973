//! The owner of what is known: takes an input, decides, appends, applies, releases the effects.
//!
//! One thread. Inputs are decided in the order in which they came; a whole batch of them is made durable by one
//! append (group commit), and only then is anybody answered and anything done. Questions are answered between
//! batches from the views, so that nobody hears of what is not durable yet. If an append fails, the batch never
//! happened: the views are built again from the log and every asker is told.

pub mod decide;
mod effect;
mod input;
mod record;
mod replay;
mod views;

use std::sync::Arc;

use model::{Cursor, Timestamp};
use storage::{Entry, Log, LogReader};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;

pub use decide::Policy;
pub use effect::{Call, CallKind, Effect, TimerKey};
pub use input::{Answer, Input};
pub use record::Record;
pub use replay::{ReplayError, replay};
pub use views::Views;

use crate::keys::keyring::Keyring;
use crate::world::Clock;

/// Inputs that wait. At 4,096 a burst of 2,000 sign-ins with one question each is held; more makes senders wait.
pub const INPUTS_WAITING_MAX: usize = 4096;

/// Inputs in one batch: past 512 an append gains nothing more and the first asker waits longer.
const BATCH_INPUTS_MAX: usize = 512;

/// Effects that wait to be performed.
pub const EFFECTS_WAITING_MAX: usize = 16_384;

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
        receiver.await.map_err(|_| LedgerError::Stopped)
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
    /// The same log, to build the views again from.
    pub reader: Arc<dyn LogReader>,
    /// The keys for the sockets, brought in line with each durable change before anybody is answered.
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
}

/// What a batch will release once it is durable.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    keys: Vec<crate::keys::KeyChanged>,
    effects: Vec<Effect>,
    answers: Vec<(oneshot::Sender<Result<Answer, LedgerError>>, Answer)>,
    questions: Vec<Question>,
}

impl Ledger {
    fn run(mut self) {
        while let Some(first) = self.inputs.blocking_recv() {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            for _ in 1..BATCH_INPUTS_MAX {
                match self.inputs.try_recv() {
                    Ok(message) => self.take(message, &mut batch),
                    Err(_) => break,
                }
            }
            self.finish(batch);
        }
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Ask(question) => batch.questions.push(question),
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
        decision.answer
    }

    fn finish(&mut self, batch: Batch) {
        if let Err(problem) = self.append(&batch.entries) {
            self.undo(batch, &problem);
            return;
        }
        for changed in &batch.keys {
            self.parts.keyring.apply(changed);
        }
        for effect in batch.effects {
            // The performer is gone only when the master stops; what is recorded is done at the next start.
            let _ = self.effects.blocking_send(effect);
        }
        for (asker, answer) in batch.answers {
            // An asker that has gone away asks again if it cares.
            let _ = asker.send(Ok(answer));
        }
        for question in batch.questions {
            question(&self.parts.views);
        }
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
        match replay(self.parts.reader.as_ref()) {
            Ok(views) => self.parts.views = views,
            // The next append fails in the same way and comes here again; nothing is acknowledged meanwhile.
            Err(problem) => error!(%problem, "the views cannot be built again from the log"),
        }
        for (asker, _) in batch.answers {
            let _ = asker.send(Err(LedgerError::NotRecorded(problem.to_string())));
        }
        for question in batch.questions {
            question(&self.parts.views);
        }
    }
}
