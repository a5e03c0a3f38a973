//! Performs effects, in the order in which the ledger released them.
//!
//! Nothing here waits for the ledger: what takes time, or tells the ledger something, is a task of
//! its own.

use std::sync::Arc;
use std::time::Duration;

use model::target::Target;
use model::{Cursor, Jid, MinionId, TagGlob};
use storage::LogReader;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;

use crate::event_bus::look_back;
use crate::jobs::{self, JobPublished};
use crate::keys::KeyChanged;
use crate::ledger::{Answer, Call, CallKind, Effect, Input, LedgerError, TimerKey};
use crate::shared::Shared;
use crate::timers::{Timers, Woken};
use crate::transport::SubscriberChange;
use crate::{local_states, runners, timers, wheel};

/// Key files that are written in one go, by one thread that is woken for them: a herd of strangers
/// comes with as many.
const KEY_FILES_AT_ONCE: usize = 256;

/// How long it may take until it is on record that a job was sent, where no other append comes by
/// first. A master that dies meanwhile asks about the job as it does about each that is open.
const SENT_NOTED_WITHIN: Duration = Duration::from_millis(100);

/// Jobs of which it is noted together that they were sent: signing them takes about as long.
const SENT_NOTED_TOGETHER: usize = 64;

/// Starts what performs effects, wakes the ledger and greets connections.
pub fn spawn_all(tasks: &mut JoinSet<()>, shared: &Arc<Shared>, effects: mpsc::Receiver<Effect>) {
    let (timers, fired) = timers::start(Arc::clone(&shared.world.clock));
    tasks.spawn(perform(Arc::clone(shared), timers.clone(), effects));
    tasks.spawn(wake(Arc::clone(shared), timers, fired));
    let changes = shared.channel.subscriber_changes();
    tasks.spawn(welcome(Arc::clone(shared), changes));
}

/// Performs effects until the ledger has stopped.
async fn perform(shared: Arc<Shared>, timers: Timers, mut effects: mpsc::Receiver<Effect>) {
    // An effect that was taken while key files were gathered.
    let mut taken = None;
    let mut is_noting = false;
    loop {
        let next = match taken.take() {
            Some(effect) => Some(effect),
            None if is_noting => match next_soon(&shared, &mut effects).await {
                Some(next) => next,
                None => {
                    is_noting = false;
                    shared.ledger.hurry();
                    continue;
                }
            },
            None => effects.recv().await,
        };
        let Some(effect) = next else { return };
        match effect {
            Effect::Send { job, again } => is_noting |= send(&shared, job, again).await,
            Effect::WriteKey(first) => {
                taken = write_keys(&shared, first, &mut effects).await;
            }
            // Done by the ledger, before anybody was answered.
            Effect::RotateKeys => {}
            Effect::SetTimer { key, at } => timers.set(key, at).await,
            Effect::HurryTimer { key, at } => timers.hurry(key, at).await,
            Effect::LookBack {
                run,
                step,
                glob,
                after,
                upto,
            } => {
                // The wait hears live from its own record on, which is durable now. What stands
                // between its cause and that record is found by reading up to here; an event that
                // is told twice counts once.
                let upto = upto.max(*shared.ledger.head().borrow());
                let look = Look {
                    run,
                    step,
                    glob,
                    after,
                    upto,
                    tries: 0,
                };
                tokio::spawn(read_back(Arc::clone(&shared), look));
            }
            Effect::GatherPillars { run, wish, target } => {
                gather_pillars(&shared, run, wish, target);
            }
            Effect::GatherBoots {
                run,
                wish,
                pillars,
                ids,
            } => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    gather_boots(&shared, ids).await;
                    tell(&shared, Input::BootsGathered { run, wish, pillars });
                });
            }
            Effect::Call(call) => start_call(&shared, call),
            Effect::ForgetSecrets(run) => shared.redactor.forget(&run),
        }
    }
}

/// Waits for the next effect, but not longer than it may take to note that a job was sent; `None`
/// if that is due.
async fn next_soon(
    shared: &Shared,
    effects: &mut mpsc::Receiver<Effect>,
) -> Option<Option<Effect>> {
    tokio::select! {
        biased;
        effect = effects.recv() => Some(effect),
        () = shared.world.clock.sleep(SENT_NOTED_WITHIN) => None,
    }
}

/// Sends a job. Sealing costs a private RSA operation; order matters, so it is waited for. Says
/// whether the ledger is to be hurried for it.
async fn send(shared: &Arc<Shared>, job: Box<JobPublished>, again: Vec<MinionId>) -> bool {
    let sending = Arc::clone(shared);
    let (jid, to) = (job.jid.clone(), again.clone());
    let send = move || jobs::act::send(&sending, &job, &to);
    let Some(unheard) = shared.signers.first(send).await else {
        return false;
    };
    let is_again = !again.is_empty();
    let sent = Input::Sent {
        jid,
        again,
        unheard,
    };
    if is_again {
        // How often a job went out again decides whether it does once more.
        tell(shared, sent);
        return false;
    }
    if note(shared, sent) >= SENT_NOTED_TOGETHER {
        shared.ledger.hurry();
    }
    true
}

/// Tells the ledger something that has time; how much of the kind it was told since its last batch.
fn note(shared: &Arc<Shared>, input: Input) -> usize {
    let (telling, runtime) = (Arc::clone(shared), tokio::runtime::Handle::current());
    let again = input.clone();
    shared.ledger.decide_unhurried(input, move |noted| {
        if matches!(noted, Err(LedgerError::NotRecorded(_))) {
            runtime.spawn(async move {
                telling.world.clock.sleep(TOLD_AGAIN_AFTER).await;
                tell(&telling, again);
            });
        }
    })
}

/// Writes the key files of one change and of those that wait behind it; gives the first effect of
/// another kind, which was taken meanwhile.
async fn write_keys(
    shared: &Shared,
    first: KeyChanged,
    effects: &mut mpsc::Receiver<Effect>,
) -> Option<Effect> {
    let mut changes = vec![first];
    let mut taken = None;
    while taken.is_none() && changes.len() < KEY_FILES_AT_ONCE {
        match effects.try_recv() {
            Ok(Effect::WriteKey(changed)) => changes.push(changed),
            Ok(other) => taken = Some(other),
            Err(_) => break,
        }
    }
    shared.pki_writer.write(changes).await;
    taken
}

/// How often the log is read for a wait before the step is told that it cannot be: with the pauses
/// in between about five minutes, in which a disk may be mended.
const LOOKS_MAX: u32 = 12;

/// The first pause after a log that could not be read, in milliseconds; each next one is twice as
/// long, up to the longest.
const LOOK_PAUSE_MS: u64 = 500;

/// The longest pause between two looks, in milliseconds.
const LOOK_PAUSE_MS_MAX: u64 = 60_000;

/// A part of the log that a wait has to be told of.
#[derive(Debug, Clone)]
pub struct Look {
    /// The run.
    pub run: Jid,
    /// The step that waits.
    pub step: usize,
    /// Which tags.
    pub glob: TagGlob,
    /// From behind this place ...
    pub after: Cursor,
    /// ... to this one, inclusive.
    pub upto: Cursor,
    /// How often it was tried in vain.
    pub tries: u32,
}

impl Look {
    /// Reads the log. Gives what the run is to be told, or for how long to wait before the next
    /// look. Blocks on the disk.
    ///
    /// # Errors
    /// The pause before the next look.
    pub fn look(&mut self, reader: &dyn LogReader) -> Result<Input, Duration> {
        let (run, step) = (self.run.clone(), self.step);
        let error = match look_back(reader, &self.glob, self.after, self.upto) {
            Ok(events) => {
                let upto = self.upto;
                let done = Box::new(orch::Fact::LookedBack { step, upto });
                return Ok(Input::LookedBack { run, events, done });
            }
            Err(error) => error,
        };
        self.tries += 1;
        tracing::error!(%error, %run, tries = self.tries, "the log could not be read back");
        if self.tries < LOOKS_MAX {
            let pause = LOOK_PAUSE_MS << (self.tries - 1).min(16);
            return Err(Duration::from_millis(pause.min(LOOK_PAUSE_MS_MAX)));
        }
        let why = format!(
            "The log of the master could not be read back for this wait: {error}. When it can, \
             start the master again and retry the run from this step."
        );
        let fact = Box::new(orch::Fact::NotLookedBack { step, why });
        Ok(Input::RunFact { run, fact })
    }
}

/// Reads the log for a wait, again and again if that fails: what was not read is not known, so the
/// wait can neither match nor time out before.
async fn read_back(shared: Arc<Shared>, mut look: Look) {
    loop {
        let reader = Arc::clone(&shared.reader);
        let looked = tokio::task::spawn_blocking(move || {
            let told = look.look(reader.as_ref());
            (look, told)
        });
        let Ok((tried, told)) = looked.await else {
            return;
        };
        look = tried;
        match told {
            Ok(input) => return tell(&shared, input),
            Err(pause) => shared.world.clock.sleep(pause).await,
        }
    }
}

/// How long to wait before the ledger is told again what it could not record: a disk that is full
/// or broken may be mended, and nobody else would tell.
pub const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Puts something of the master's own before the ledger, as often as it takes to have it recorded.
pub(crate) async fn insist(shared: &Shared, input: Input) -> Result<Answer, LedgerError> {
    loop {
        match shared.ledger.decide(input.clone()).await {
            Err(error @ LedgerError::NotRecorded(_)) => {
                tracing::warn!(%error, "an act's end is not recorded yet; it is told again");
            }
            decided => return decided,
        }
        shared.world.clock.sleep(TOLD_AGAIN_AFTER).await;
    }
}

/// Tells the ledger something without waiting for it.
fn tell(shared: &Arc<Shared>, input: Input) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // It is not told only if the master stops.
        let _ = insist(&shared, input).await;
    });
}

/// Compiles the pillars that a step's target is matched on, as often as it takes: who is meant is
/// not known without them.
fn gather_pillars(shared: &Arc<Shared>, run: Jid, wish: Box<orch::Effect>, target: Target) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        loop {
            match shared.pillars_for(&target).await {
                Ok(pillars) => return tell(&shared, Input::Pillars { run, wish, pillars }),
                Err(LedgerError::Stopped) => return,
                Err(error) => tracing::warn!(%error, %run, "a target's pillars must wait"),
            }
            shared.world.clock.sleep(TOLD_AGAIN_AFTER).await;
        }
    });
}

/// How long a job that restarts machines is put off for the boots that they run in now: a minion
/// answers within a second, a busy one within a few.
pub const BOOTS_GATHERED_MAX: Duration = Duration::from_secs(10);

/// Asks minions for the boots of their machines and waits until they are told, for a while.
async fn gather_boots(shared: &Arc<Shared>, ids: Vec<MinionId>) {
    let mut head = shared.ledger.head();
    let asked = shared.ledger.decide(Input::AskBoots(ids.clone())).await;
    if let Err(error) = asked {
        tracing::warn!(%error, "the boots of a step's minions were not asked for");
        return;
    }
    let gathered = async {
        loop {
            let ids = ids.clone();
            let are_told = shared.ledger.ask(move |views| {
                let mut ids = ids.iter();
                ids.all(|id| views.minions.present_boot(id).is_some())
            });
            if are_told.await.unwrap_or(true) || head.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = gathered => {}
        () = shared.world.clock.sleep(BOOTS_GATHERED_MAX) => {}
    }
}

fn start_call(shared: &Arc<Shared>, call: Call) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let Call {
            run,
            jid,
            kind,
            fun,
            arg,
            kwarg,
            ..
        } = call;
        let is_nested = kind == CallKind::Runner && runners::state::starts_run(&fun);
        if is_nested {
            let of = (run.clone(), jid.clone());
            if let Err(ret) = runners::state::nested(&shared, &fun, (arg, kwarg), of).await {
                let is_success = false;
                let fact = orch::Fact::CallDone {
                    jid,
                    is_success,
                    ret,
                };
                let fact = Box::new(fact);
                tell(&shared, Input::RunFact { run, fact });
            }
            return;
        }
        let result = match kind {
            CallKind::Runner => runners::call(&shared, &fun, arg, kwarg)
                .await
                .map_err(|error| error.to_string()),
            CallKind::Wheel => wheel::call(&shared, &fun, &arg, &kwarg, "orchestration")
                .await
                .map_err(|error| error.to_string()),
            CallKind::State | CallKind::Check => {
                local_states::call(&shared, &run, (fun, kwarg)).await
            }
        };
        let result = result.map(|mut ret| {
            shared.redactor.redact(&mut ret);
            ret
        });
        let fact = done(jid, result);
        tell(
            &shared,
            Input::RunFact {
                run,
                fact: Box::new(fact),
            },
        );
    });
}

fn done(jid: Jid, result: Result<model::Value, String>) -> orch::Fact {
    match result {
        Ok(ret) => orch::Fact::CallDone {
            jid,
            is_success: true,
            ret,
        },
        Err(error) => orch::Fact::CallDone {
            jid,
            is_success: false,
            ret: error.into(),
        },
    }
}

/// Wakes the ledger for each timer that ran out. One whose end cannot be recorded is set again.
async fn wake(shared: Arc<Shared>, timers: Timers, mut fired: mpsc::Receiver<Woken>) {
    while let Some(woken) = fired.recv().await {
        let key = match woken {
            Woken::Timer(key) => key,
            Woken::ClockJumped(by_ms) => {
                // Before the ledger looks at any timer by these signs.
                shared.presence.shift(by_ms);
                if let Err(error) = shared.ledger.decide(Input::ClockLooked).await {
                    tracing::warn!(%error, "a jump of the clock was not recorded yet");
                }
                continue;
            }
        };
        match ring(&shared, key.clone()).await {
            Ok(()) => {}
            Err(LedgerError::Stopped) => return,
            Err(error) => {
                tracing::warn!(?key, %error, "a timer's end is not recorded yet; it is set again");
                let now = shared.world.clock.now();
                let again = now.plus_millis(TOLD_AGAIN_AFTER.as_millis() as u64);
                timers.hurry(key, again).await;
            }
        }
    }
}

/// Puts a timer that ran out before the ledger, with the signs of life it is judged by.
async fn ring(shared: &Shared, key: TimerKey) -> Result<(), LedgerError> {
    let presence = match &key {
        TimerKey::Probe(jid) => {
            let asked = jid.clone();
            let pending = shared.ledger.ask(move |views| {
                let job = views.jobs.get(&asked);
                job.map(|job| job.pending().cloned().collect::<Vec<_>>())
                    .unwrap_or_default()
            });
            shared.signs(pending.await?.iter())
        }
        TimerKey::Boots => {
            let to_ask = shared.ledger.ask(|views| {
                let ids = views.minions.to_ask().map(|(id, _)| id.clone());
                ids.collect::<Vec<_>>()
            });
            shared.signs(to_ask.await?.iter())
        }
        TimerKey::Step { .. } => std::collections::HashMap::new(),
    };
    shared.ledger.decide(Input::Timer { key, presence }).await?;
    Ok(())
}

/// How long connections that open are gathered before the ledger hears of them: a herd of minions
/// that come back is one input.
const SUBSCRIBERS_GATHERED: Duration = Duration::from_millis(200);

/// Tells the ledger that publish connections opened.
async fn welcome(shared: Arc<Shared>, mut changes: broadcast::Receiver<SubscriberChange>) {
    loop {
        match changes.recv().await {
            Ok(SubscriberChange::Disappeared(_)) => continue,
            Ok(SubscriberChange::Appeared(_)) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
        shared.world.clock.sleep(SUBSCRIBERS_GATHERED).await;
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = changes.try_recv() {}
        tell(&shared, Input::SubscriberAppeared);
    }
}
