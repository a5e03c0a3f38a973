//! The master's process as the simulator hosts it: the shipped [`Core`] steps, what the shipped
//! `master.rs` does around it, and how it dies.
//!
//! It lives until it is killed; the disk outlives it. What it does for minions is in `requests.rs`,
//! what it does by itself in `performing.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use master::config::Opts;
use master::ledger::{
    Answer, Beat, Core, CoreParts, Durable, Effect, Input, Policy, Record, Views,
};
use master::master::start_input;
use master::mine;
use master::minions::PresenceBoard;
use master::secrets::Redactor;
use master::timers::Waiting;
use master::world::Entropy;
use model::Cursor;
use storage::memory::Simulation;
use storage::{Blobs, LogReader};

use super::doomed_log::{Appends, DoomedLog};
use super::fault::{Death, Fault, Moment};
use super::requests::Asker;
use super::world::{Happening, World};
use super::{Mutation, plan};
use crate::random::Random;

/// Inputs that the simulator takes into one batch at most.
const BATCH_MAX: u64 = 8;

/// How long a master that could not start waits before it is started again, in microseconds.
const RESTART_PAUSE: u64 = 2_000_000;

/// The period of the house keeping, in microseconds; as `maintenance.rs` has it.
const HOUSE_PERIOD: u64 = 60_000_000;

/// Characters of a record in the trace.
const RECORD_NOTED_MAX: usize = 260;

/// One life of the process.
pub(super) struct Life {
    pub(super) number: u64,
    pub(super) core: Core,
    pub(super) reader: Arc<dyn LogReader>,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) redactor: Redactor,
    pub(super) durable: Durable,
    pub(super) presence: PresenceBoard,
    pub(super) timers: Waiting,
    pub(super) inbox: VecDeque<(Input, Asker)>,
    pub(super) effects: VecDeque<Effect>,
    /// Open publish connections: who is behind each.
    pub(super) links: BTreeMap<u64, (usize, IpAddr)>,
    /// The key that all share; a new one for each life.
    pub(super) key: u64,
    pub(super) is_stepping: bool,
    pub(super) is_acting: bool,
    pub(super) is_welcoming: bool,
    /// When the task of the timers wakes next.
    pub(super) wakes: Option<u64>,
    /// What both clocks said when it woke last.
    pub(super) beat: Beat,
}

/// The master's process, and the disk below it.
pub(crate) struct MasterProcess {
    pub(crate) disk: Simulation,
    life: Option<Life>,
    lives: u64,
    pub(super) links: u64,
    pub(super) acts: u64,
    appends: Arc<Mutex<Appends>>,
    pub(super) doomed_acts: Vec<(u64, u64)>,
    down_ms: Vec<u64>,
    pub(crate) is_asked_to_run: bool,
    /// The last record that is in the trace.
    noted: Cursor,
}

/// Chance for the ids of blobs.
#[derive(Debug)]
pub(crate) struct SimEntropy(Mutex<Random>);

impl SimEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill(bytes);
    }
}

impl MasterProcess {
    pub(crate) fn new() -> Self {
        Self {
            disk: Simulation::new(),
            life: None,
            lives: 0,
            links: 0,
            acts: 0,
            appends: Arc::default(),
            doomed_acts: Vec::new(),
            down_ms: Vec::new(),
            is_asked_to_run: false,
            noted: Cursor(0),
        }
    }

    /// Has it die at an append or an effect.
    pub(crate) fn doom(&mut self, moment: Moment, death: Death, fault: Fault) {
        let Fault::Kill { down_ms, .. } = fault else {
            return;
        };
        match (moment, death) {
            (Moment::Append(number), Death::Anywhere) => {
                self.doom_append(number, Death::AfterSync, down_ms)
            }
            (Moment::Append(number), death) => self.doom_append(number, death, down_ms),
            (Moment::Effect(number), _) => self.doomed_acts.push((number, down_ms)),
            (Moment::At(_), _) => {}
        }
    }

    fn doom_append(&mut self, number: u64, death: Death, down_ms: u64) {
        self.appends().doomed.push((number, death));
        self.down_ms.push(down_ms);
    }

    pub(super) fn appends(&self) -> std::sync::MutexGuard<'_, Appends> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is known, if there is a master and it can say.
    pub(crate) fn views(&mut self) -> Option<&Views> {
        self.life.as_mut()?.core.views()
    }
}

fn policy() -> Policy {
    Policy {
        master_minion_id: plan::MASTER_ID.into(),
        ..master::master::policy(&Opts::default())
    }
}

impl World {
    pub(super) fn life(&mut self) -> Option<&mut Life> {
        self.master.life.as_mut()
    }

    pub(crate) fn if_alive(&mut self, number: u64, work: impl FnOnce(&mut Self)) {
        let is_it = self.life().is_some_and(|life| life.number == number);
        if is_it {
            work(self);
        }
    }

    /// Starts the process: what `Master::start` does, as far as the ledger is concerned.
    pub(crate) fn start_master(&mut self) {
        if self.master.life.is_some() {
            return;
        }
        let mutation = self.mutation;
        let mut appends = self.master.appends();
        appends.tears = mutation == Some(Mutation::TearsBatches);
        appends.ignores = mutation == Some(Mutation::IgnoresErrors);
        appends.ignored = 0;
        drop(appends);
        match self.open() {
            Ok((life, start)) => {
                let number = life.number;
                self.note(|_| format!("the master comes up, life {number}"));
                self.master.life = Some(life);
                self.after(HOUSE_PERIOD, Happening::House(number));
                if self.mutation == Some(Mutation::PublishesAnew) {
                    self.publish_anew();
                }
                if self.mutation != Some(Mutation::ForgetsRuns) {
                    self.put(start, Asker::Start);
                    self.step();
                }
            }
            Err(problem) => {
                self.note(|_| format!("the master cannot start: {problem}"));
                self.history.starts_failed += 1;
                self.after(RESTART_PAUSE, Happening::MasterStart);
            }
        }
    }

    fn open(&mut self) -> Result<(Life, Input), String> {
        let store = self.master.disk.open();
        let cut = self.master.appends().cut.take();
        if cut.is_some_and(|heads| !heads.contains(&store.reader.head())) {
            self.violate("the log holds a part of a batch".into());
        }
        let durable = Durable::new(store.reader, store.tables, store.blobs);
        let views = durable.views().map_err(|error| error.to_string())?;
        let secrets = views.secrets.blobs();
        let swept = mine::sealed::sweep(&views.mine, secrets, durable.blobs.as_ref());
        swept.map_err(|error| error.to_string())?;
        let reader = Arc::clone(&durable.reader);
        let start = start_input(&views, reader.as_ref()).map_err(|e| e.to_string())?;
        let redactor = Redactor::new(&[]);
        for (made, value) in self.sealer.all(&views.secrets, durable.blobs.as_ref()) {
            redactor.learn(&made.run, &value, &made.plain);
        }
        self.master.lives += 1;
        let log = DoomedLog {
            inner: store.log,
            appends: Arc::clone(&self.master.appends),
        };
        let core = Core::new(CoreParts {
            views,
            log: Box::new(log),
            durable: durable.clone(),
            clock: self.clock.clone(),
            policy: policy(),
        });
        let life = Life {
            number: self.master.lives,
            core,
            reader,
            blobs: Arc::clone(&durable.blobs),
            redactor,
            durable,
            presence: PresenceBoard::default(),
            timers: Waiting::default(),
            inbox: VecDeque::new(),
            effects: VecDeque::new(),
            links: BTreeMap::new(),
            key: self.master.lives,
            is_stepping: false,
            is_acting: false,
            is_welcoming: false,
            wakes: None,
            beat: Beat::of(self.clock.as_ref()),
        };
        Ok((life, start))
    }

    /// The process is killed, however; it comes back later.
    pub(crate) fn kill(&mut self, down_ms: u64) {
        let Some(life) = self.master.life.take() else {
            return;
        };
        self.note(|_| format!("the master dies, life {}", life.number));
        self.master.is_asked_to_run = false;
        if self.mutation == Some(Mutation::LosesSynced) {
            self.lose_synced();
        }
        let store = self.master.disk.open();
        self.note_unsent(store.reader.as_ref());
        for (node, _) in life.links.values() {
            self.lose_link(*node);
        }
        self.after(down_ms * 1000, Happening::MasterStart);
    }

    pub(crate) fn kill_soon(&mut self, death: Death, down_ms: u64) {
        match death {
            Death::Anywhere => self.kill(down_ms),
            death => {
                let next = self.master.appends().count + 1;
                self.master.doom_append(next, death, down_ms);
            }
        }
    }

    /// Puts an input before the ledger.
    pub(crate) fn put(&mut self, input: Input, asker: Asker) {
        let pause = self.chance.within(0..3_000);
        let Some(life) = self.life() else { return };
        life.inbox.push_back((input, asker));
        let number = life.number;
        if !std::mem::replace(&mut life.is_stepping, true) {
            self.after(pause, Happening::Step(number));
        }
    }

    /// Tells the ledger something of the master's own, as often as it takes.
    pub(crate) fn tell(&mut self, input: Input) {
        let again = Box::new(input.clone());
        self.put(input, Asker::Itself(again));
    }

    /// One step of the ledger with some of what waits.
    pub(crate) fn step(&mut self) {
        let count = self.chance.within(1..BATCH_MAX) as usize;
        let mutation = self.mutation;
        let Some(life) = self.life() else { return };
        let count = count.min(life.inbox.len());
        let (inputs, askers): (Vec<Input>, Vec<Asker>) = life.inbox.drain(..count).unzip();
        life.is_stepping = !life.inbox.is_empty();
        let (number, is_more) = (life.number, life.is_stepping);
        if is_more {
            self.after(500, Happening::Step(number));
        }
        let is_start = matches!(inputs.first(), Some(Input::Start { .. }));
        if mutation == Some(Mutation::AcknowledgesEarly) {
            for asker in &askers {
                if let Asker::Minion(frame, _) | Asker::Returner(frame, _) = asker {
                    self.acknowledge(frame);
                }
            }
        }
        let inputs = inputs.into_iter().filter(|input| {
            let is_return = matches!(input, Input::Return(ret) if ret.jid.as_str() > "2021");
            !(mutation == Some(Mutation::DropsReturns) && is_return)
        });
        let dropped = askers.len();
        let Some(life) = self.life() else { return };
        let mut step = life.core.step(inputs);
        let lacking = dropped - step.answers.len();
        step.answers.extend((0..lacking).map(|_| Ok(Answer::Done)));
        if std::mem::take(&mut self.master.appends().died) {
            let down_ms = self.master.down_ms.pop().unwrap_or(1_000);
            return self.kill(down_ms);
        }
        self.note_records();
        if mutation != Some(Mutation::KeepsBlobs) {
            let blobs = self.life().map(|life| Arc::clone(&life.blobs));
            if let Some(blobs) = blobs {
                mine::sealed::remove(blobs.as_ref(), step.unneeded_blobs);
            }
        }
        for effect in step.effects {
            let is_timer = matches!(effect, Effect::SetTimer { .. } | Effect::HurryTimer { .. });
            if mutation == Some(Mutation::ForgetsTimers) && is_timer && is_start {
                continue;
            }
            self.queue_effect(effect);
        }
        for (asker, answer) in askers.into_iter().zip(step.answers) {
            self.answer(asker, answer);
        }
    }

    /// Writes down, for who reads along, what was recorded.
    fn note_records(&mut self) {
        if self.trace.is_none() {
            return;
        }
        let noted = self.master.noted;
        let Some(life) = self.life() else { return };
        let entries = life.reader.read(noted, usize::MAX).unwrap_or_default();
        for (cursor, entry) in entries {
            self.master.noted = cursor;
            let record = Record::decode(&entry.body).map(|record| format!("{record:?}"));
            let record = record.unwrap_or_default();
            let record: String = record.chars().take(RECORD_NOTED_MAX).collect();
            self.note(|_| format!("    {} {record}", cursor.0));
        }
    }

    fn queue_effect(&mut self, effect: Effect) {
        let pause = self.chance.within(0..2_000);
        let Some(life) = self.life() else { return };
        life.effects.push_back(effect);
        let number = life.number;
        if !std::mem::replace(&mut life.is_acting, true) {
            self.after(pause, Happening::Act(number));
        }
    }

    pub(crate) fn keep_house(&mut self) {
        let is_due = self.chance.within(0..3) == 0;
        let Some(life) = self.life() else { return };
        if is_due {
            // One that fails is tried again; the log is the truth.
            let _ = life.durable.save(1);
        }
        let number = life.number;
        self.after(HOUSE_PERIOD, Happening::House(number));
    }
}
