//! The master's process as the simulator hosts it: the shipped [`Core`] steps, and what the shipped
//! `act.rs`, `timers.rs` and `master.rs` do with sockets and tasks is done here with the queue.
//!
//! It lives until it is killed; the disk outlives it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use master::act::Look;
use master::auth::decide::{Attempt, Claim, Outcome};
use master::config::Opts;
use master::jobs::act::{recipients, unheard};
use master::jobs::collect::Presence;
use master::jobs::decide::{Known, resolve};
use master::ledger::{
    Answer, Beat, Core, CoreParts, Durable, Effect, Input, Policy, TimerKey, Views,
};
use master::master::start_input;
use master::mine;
use master::minions::PresenceBoard;
use master::secrets::Redactor;
use master::timers::Waiting;
use master::world::Entropy;
use model::target::Target;
use model::{Cursor, Map, MinionId, Value};
use storage::memory::Simulation;
use storage::{Blobs, Entry, Error, Log, LogReader};

use super::fault::{Death, Fault, Moment};
use super::minion::{Ask, Frame, Reply};
use super::world::{Happening, World};
use super::{Mutation, plan};
use crate::random::Random;

/// Inputs that the simulator takes into one batch at most.
const BATCH_MAX: u64 = 8;

/// How long a master that could not start waits before it is started again, in microseconds.
const RESTART_PAUSE: u64 = 2_000_000;

/// How long connections that open are gathered, in microseconds; as `act.rs` does.
const GATHERED: u64 = 200_000;

/// The period of the house keeping, in microseconds; as `maintenance.rs` has it.
const HOUSE_PERIOD: u64 = 60_000_000;

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) enum Asker {
    Nobody,
    Operator,
    /// A stranger that must not get in.
    Twin,
    Minion(Box<Frame>, Vec<String>),
    /// A minion returns; what it says in clear, if the log must not have it.
    Returner(Box<Frame>, Option<Value>),
    /// A minion reads the mine, and found this so far.
    Reader(Box<Frame>, Map),
}

/// What was planned for appends, and what became of it; shared with the log.
#[derive(Debug, Default)]
struct Appends {
    count: u64,
    doomed: Vec<(u64, Death)>,
    /// The process died in this append.
    died: bool,
    /// How many records the last batch had.
    last: usize,
    /// Mutation: half of a batch stays after a death.
    tears: bool,
    /// Mutation: errors are taken for success.
    ignores: bool,
    ignored: u64,
}

/// The log, with deaths at appends.
struct DoomedLog {
    inner: Box<dyn Log>,
    appends: Arc<Mutex<Appends>>,
}

impl Log for DoomedLog {
    fn append(&mut self, batch: &[Entry]) -> Result<Cursor, Error> {
        let mut appends = self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        appends.count += 1;
        let count = appends.count;
        let doom = appends.doomed.iter().position(|(at, _)| *at <= count);
        let Some(place) = doom else {
            appends.last = batch.len();
            let appended = self.inner.append(batch);
            if !appends.ignores {
                return appended;
            }
            appends.ignored += appended.map_or(batch.len() as u64, |_| 0);
            return Ok(Cursor(self.inner.head().0 + appends.ignored));
        };
        let (_, death) = appends.doomed.remove(place);
        appends.died = true;
        if death == Death::AfterSync {
            self.inner.append(batch)?;
        }
        if appends.tears && death != Death::AfterSync {
            self.inner.append(&batch[..batch.len() / 2])?;
        }
        let source = std::io::Error::other("the process died (simulated)");
        Err(Error::Io {
            action: "write",
            path: "(simulated)".into(),
            source,
        })
    }

    fn head(&self) -> Cursor {
        self.inner.head()
    }

    fn trim(&mut self, up_to: Cursor) -> Result<(), Error> {
        self.inner.trim(up_to)
    }
}

/// One life of the process.
struct Life {
    number: u64,
    core: Core,
    reader: Arc<dyn LogReader>,
    blobs: Arc<dyn Blobs>,
    redactor: Redactor,
    durable: Durable,
    presence: PresenceBoard,
    timers: Waiting,
    inbox: VecDeque<(Input, Asker)>,
    effects: VecDeque<Effect>,
    /// Open publish connections: who is behind each.
    links: BTreeMap<u64, (usize, IpAddr)>,
    /// The key that all share; a new one for each life.
    key: u64,
    is_stepping: bool,
    is_acting: bool,
    is_welcoming: bool,
    /// When the task of the timers wakes next.
    wakes: Option<u64>,
    /// What both clocks said when it woke last.
    beat: Beat,
}

/// The master's process, and the disk below it.
pub(crate) struct MasterProcess {
    pub(crate) disk: Simulation,
    life: Option<Life>,
    lives: u64,
    links: u64,
    acts: u64,
    appends: Arc<Mutex<Appends>>,
    doomed_acts: Vec<(u64, u64)>,
    down_ms: Vec<u64>,
    pub(crate) is_asked_to_run: bool,
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

    fn appends(&self) -> std::sync::MutexGuard<'_, Appends> {
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

/// A sign-in that the operator's files let in.
fn attempt(id: MinionId, pem: String) -> Box<Attempt> {
    let claim = Claim {
        signed_by: Some("simulation".into()),
        ..Claim::default()
    };
    Box::new(Attempt {
        id,
        fingerprint: pem.clone(),
        pem,
        version: 3,
        from: "10.0.0.1".into(),
        claim,
        is_over_max: false,
        is_old_gone: false,
    })
}

impl World {
    fn life(&mut self) -> Option<&mut Life> {
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
                    self.put(start, Asker::Nobody);
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
        let durable = Durable::new(store.reader, store.tables, store.blobs);
        let views = durable.views().map_err(|error| error.to_string())?;
        let secrets = views.secrets.blobs();
        let swept = mine::sealed::sweep(&views.mine, secrets, durable.blobs.as_ref());
        swept.map_err(|error| error.to_string())?;
        let reader = Arc::clone(&durable.reader);
        let mut start = start_input(&views, reader.as_ref()).map_err(|e| e.to_string())?;
        if let (Some(Mutation::ForgetsReturns), Input::Start { returns, .. }) =
            (self.mutation, &mut start)
        {
            returns.clear();
        }
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
        self.note_unsent();
        if self.mutation == Some(Mutation::LosesSynced) {
            self.lose_synced();
        }
        self.master.disk.crash();
        for (node, _) in life.links.values() {
            self.lose_link(*node);
        }
        self.after(down_ms * 1000, Happening::MasterStart);
    }

    /// Of what died between its record and the record of its sending, nobody knows whether it went
    /// out: a machine that restarts then may have had it.
    fn note_unsent(&mut self) {
        let store = self.master.disk.open();
        let durable = Durable::new(store.reader, store.tables, store.blobs);
        let Ok(views) = durable.views() else { return };
        let open = views.jobs.open();
        let unsent = open.filter(|job| !job.is_sent && job.published.step.is_some());
        let unsent = unsent.map(|job| job.published.jid.clone());
        self.unsent.extend(unsent);
    }

    fn lose_synced(&mut self) {
        let last = self.master.appends().last;
        let store = self.master.disk.open();
        let head = store.reader.head().0;
        let entries = store.reader.read(Cursor(0), usize::MAX).unwrap_or_default();
        let kept = head.saturating_sub(last as u64) as usize;
        let kept: Vec<Entry> = entries
            .into_iter()
            .take(kept)
            .map(|(_, entry)| entry)
            .collect();
        let disk = Simulation::new();
        let mut copy = disk.open();
        let ids = store.blobs.list().unwrap_or_default();
        for bytes in ids
            .iter()
            .filter_map(|id| store.blobs.get(id).ok().flatten())
        {
            let _ = copy.blobs.put(&bytes);
        }
        let _ = copy.log.append(&kept);
        self.master.disk = disk;
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

    fn queue_effect(&mut self, effect: Effect) {
        let pause = self.chance.within(0..2_000);
        let Some(life) = self.life() else { return };
        life.effects.push_back(effect);
        let number = life.number;
        if !std::mem::replace(&mut life.is_acting, true) {
            self.after(pause, Happening::Act(number));
        }
    }

    fn answer(&mut self, asker: Asker, answer: Result<Answer, master::ledger::LedgerError>) {
        match (asker, answer) {
            (Asker::Nobody, _) => {}
            (Asker::Operator, Ok(Answer::Run(started))) => {
                self.note(|_| format!("the run {} is started", started.run));
                self.history.runs.push(started.run.clone());
                self.run = Some(started.run);
            }
            (Asker::Operator, other) => {
                self.note(|_| format!("the run is not started: {other:?}"));
                self.master.is_asked_to_run = false;
            }
            (Asker::Twin, Ok(Answer::Auth(Outcome::Accepted))) => {
                self.violate("a stranger got in under a minion's id".into());
            }
            (Asker::Twin, _) => {}
            (Asker::Returner(frame, clear), Ok(Answer::MustSeal { ret, run, plain })) => {
                self.seal(frame, clear, ret, (run, plain));
            }
            (Asker::Returner(frame, _), Ok(_)) => {
                self.acknowledge(&frame);
                self.reply(&frame, Reply::Recorded);
            }
            (Asker::Reader(frame, found), Ok(Answer::Secrets(grants))) => {
                self.hand_out(&frame, found, grants);
            }
            (Asker::Returner(frame, _) | Asker::Reader(frame, _), _) => {
                self.reply(&frame, Reply::Broken);
            }
            (Asker::Minion(frame, _), Ok(Answer::Auth(outcome))) => {
                let key = self.life().map_or(0, |life| life.key);
                let reply = match outcome {
                    Outcome::Accepted => Reply::Accepted { key },
                    _ => Reply::Refused,
                };
                self.reply(&frame, reply);
            }
            (Asker::Minion(frame, _), Ok(_)) => {
                self.acknowledge(&frame);
                self.reply(&frame, Reply::Recorded);
            }
            (Asker::Minion(frame, blobs), Err(_)) => {
                if let Some(life) = self.life() {
                    mine::sealed::remove(life.blobs.as_ref(), blobs);
                }
                self.reply(&frame, Reply::Broken);
            }
        }
    }

    /// A secret goes into a blob before its return is recorded.
    fn seal(
        &mut self,
        frame: Box<Frame>,
        clear: Option<Value>,
        ret: Box<model::JobReturn>,
        (run, plain): (model::Jid, Vec<String>),
    ) {
        let sealer = self.sealer.clone();
        let Some(life) = self.life() else { return };
        let clear = clear.unwrap_or_else(|| ret.ret.clone());
        life.redactor.learn(&run, &clear, &plain);
        match sealer.put(life.blobs.as_ref(), &clear) {
            Ok(blob) => {
                let input = Input::SealedReturn {
                    ret,
                    blob: blob.clone(),
                };
                self.put(input, Asker::Minion(frame, vec![blob]));
            }
            Err(_) => self.reply(&frame, Reply::Broken),
        }
    }

    /// Secrets are opened for a reader, and that they were handed out is recorded.
    fn hand_out(
        &mut self,
        frame: &Frame,
        mut found: Map,
        grants: Vec<master::secrets::decide::Grant>,
    ) {
        let sealer = self.sealer.clone();
        let reader = self.minions[frame.node].id.clone();
        if frame.number == 0 && !grants.is_empty() {
            self.violate(format!("{reader} read a secret that is not for it"));
        }
        let mut jids = Vec::new();
        for grant in grants {
            let Some(life) = self.life() else { return };
            match sealer.get(life.blobs.as_ref(), &grant.blob) {
                Ok(value) => {
                    found.insert(grant.maker.as_str(), value);
                    jids.push(grant.jid);
                }
                Err(_) => return self.reply(frame, Reply::Broken),
            }
        }
        self.reply(frame, Reply::Found(found));
        if !jids.is_empty() {
            self.put(Input::SecretsDelivered { reader, jids }, Asker::Nobody);
        }
    }

    /// The master promises that it has recorded what was asked.
    fn acknowledge(&mut self, frame: &Frame) {
        match &frame.ask {
            Ask::Return(ret) => self.history.returns.push((**ret).clone()),
            Ask::Event(tag, data) => self.history.events.push((tag.clone(), data.clone())),
            _ => {}
        }
    }

    fn reply(&mut self, frame: &Frame, reply: Reply) {
        let Frame {
            node, boot, number, ..
        } = *frame;
        let now = self.now;
        for at in self.network.arrivals(&mut self.chance, node, now) {
            let reply = reply.clone();
            self.at(
                at,
                Happening::Reply {
                    node,
                    boot,
                    number,
                    reply,
                },
            );
        }
    }

    /// A request reaches the place where the master should be.
    pub(crate) fn on_request(&mut self, frame: Frame) {
        if self.minions[frame.node].boot != frame.boot {
            return;
        }
        let pause = 100_000 + self.chance.within(0..4_900_000);
        let wall = self.wall();
        let id = self.minions[frame.node].id.clone();
        let ip = self.minions[frame.node].ip;
        let Some(life) = self.life() else {
            // The connection is refused: the client's socket keeps the request and tries again.
            return self.after(pause, Happening::Request(Box::new(frame)));
        };
        if !matches!(frame.ask, Ask::SignIn) {
            if frame.key != Some(life.key) {
                return self.reply(&frame, Reply::BadLoad);
            }
            life.presence.saw(&id, ip, wall);
        }
        let entropy = self.chance.draw();
        let Some(life) = self.life() else { return };
        let mut blobs = Vec::new();
        let input = match &frame.ask {
            Ask::SignIn => {
                let pem = format!("key of {id}");
                Input::Auth(attempt(id, pem))
            }
            Ask::Grains => {
                let grains = Map::from([("id", id.as_str())]);
                Input::Grains(id, model::Grains(grains))
            }
            Ask::Event(tag, data) => Input::Events(vec![(tag.clone(), data.clone())]),
            Ask::Return(ret) => {
                let mut ret = ret.clone();
                let clear = life.redactor.redact_return(&mut ret);
                let asker = Asker::Returner(Box::new(frame), clear);
                return self.put(Input::Return(ret), asker);
            }
            Ask::MineDelete(fun) => Input::MineDelete {
                id,
                fun: fun.clone(),
            },
            Ask::MineSend(data) => {
                let entropy = SimEntropy::new(entropy);
                match mine::sealed::put(life.blobs.as_ref(), &entropy, data.clone()) {
                    Ok(data) => {
                        blobs = data.iter().map(|kept| kept.blob.clone()).collect();
                        Input::MineStore {
                            id,
                            data,
                            clear: false,
                        }
                    }
                    Err(_) => return self.reply(&frame, Reply::Broken),
                }
            }
            Ask::MineGet { tgt, fun } => {
                let Some((found, jids)) = mine_get(life, &id, tgt, fun) else {
                    return self.reply(&frame, Reply::Broken);
                };
                if jids.is_empty() {
                    return self.reply(&frame, Reply::Found(found));
                }
                let asker = Asker::Reader(Box::new(frame), found);
                return self.put(Input::SecretsAsked { reader: id, jids }, asker);
            }
        };
        self.put(input, Asker::Minion(Box::new(frame), blobs));
    }

    /// A stranger signs in with a machine's id and another key.
    pub(crate) fn twin(&mut self, node: usize) {
        let id = self.minions[node].id.clone();
        let is_known = self
            .master
            .views()
            .is_some_and(|views| views.keys.is_accepted(&id));
        if is_known {
            let attempt = attempt(id, "key of a stranger".into());
            self.put(Input::Auth(attempt), Asker::Twin);
        }
    }

    /// Performs the next effect.
    pub(crate) fn act(&mut self) {
        self.master.acts += 1;
        let acts = self.master.acts;
        let doomed = self
            .master
            .doomed_acts
            .iter()
            .position(|(at, _)| *at <= acts);
        if let Some(place) = doomed {
            let (_, down_ms) = self.master.doomed_acts.remove(place);
            return self.kill(down_ms);
        }
        let pause = self.chance.within(0..2_000);
        let Some(life) = self.life() else { return };
        let effect = life.effects.pop_front();
        life.is_acting = !life.effects.is_empty();
        let (number, is_more) = (life.number, life.is_acting);
        if is_more {
            self.after(pause, Happening::Act(number));
        }
        if self.mutation == Some(Mutation::DropsEffects) && acts.is_multiple_of(16) {
            return;
        }
        if let Some(effect) = effect {
            self.perform_effect(number, effect);
        }
    }

    fn perform_effect(&mut self, number: u64, effect: Effect) {
        match effect {
            Effect::Send { job, again } => self.publish(&job, again),
            Effect::SetTimer { key, at } => {
                if let Some(life) = self.life() {
                    life.timers.set(key, at);
                }
                self.plan_wake();
            }
            Effect::HurryTimer { key, at } => {
                if let Some(life) = self.life() {
                    life.timers.hurry(key, at);
                }
                self.plan_wake();
            }
            Effect::LookBack {
                run,
                step,
                glob,
                after,
                upto,
            } => {
                let Some(life) = self.life() else { return };
                let upto = upto.max(life.reader.head());
                let look = Look {
                    run,
                    step,
                    glob,
                    after,
                    upto,
                    tries: 0,
                };
                let pause = self.chance.within(0..50_000);
                self.after(pause, Happening::Look(number, Box::new(look)));
            }
            Effect::GatherPillars { run, wish, .. } => {
                // Nothing is targeted by pillar here.
                let pillars = std::collections::HashMap::new();
                let input = Input::Pillars { run, wish, pillars };
                let pause = self.chance.within(0..50_000);
                self.after(pause, Happening::Input(number, Box::new(input)));
            }
            Effect::Call(call) => {
                let fact = orch::Fact::CallDone {
                    jid: call.jid,
                    is_success: true,
                    ret: model::Value::Nil,
                };
                let fact = Box::new(fact);
                let input = Input::RunFact {
                    run: call.run,
                    fact,
                };
                let pause = self.chance.within(1_000..2_000_000);
                self.after(pause, Happening::Input(number, Box::new(input)));
            }
            Effect::RotateKeys => {
                if let Some(life) = self.life() {
                    life.key += 1_000_000;
                }
            }
            Effect::ForgetSecrets(run) => {
                if let Some(life) = self.life() {
                    life.redactor.forget(&run);
                }
            }
            Effect::WriteKey(_) => {}
        }
    }

    fn publish(&mut self, job: &master::jobs::JobPublished, again: Vec<model::MinionId>) {
        let is_known = self
            .master
            .views()
            .map(|views| views.jobs.get(&job.jid).is_some());
        if is_known == Some(false) {
            self.violate(format!("job {} is sent and not on record", job.jid));
        }
        let Some(life) = self.life() else { return };
        let ids = recipients(job, &again).to_vec();
        let key = life.key;
        let signs = signs(life, ids.iter());
        let unheard = unheard(&ids, &signs);
        let links: Vec<(u64, usize)> = life
            .links
            .iter()
            .map(|(link, (node, _))| (*link, *node))
            .collect();
        let shared = Arc::new(job.clone());
        for (link, node) in links {
            if !ids.contains(&self.minions[node].id) {
                continue;
            }
            let now = self.now;
            let arrivals = self.network.arrivals(&mut self.chance, node, now);
            if self.minions[node].link != Some(link) && job.step.is_some() {
                // The connection's other end is gone, and nobody knows yet.
                let id = self.minions[node].id.clone();
                self.excuse(format!("{} went to a dead connection of {id}", job.jid));
            }
            if arrivals.is_empty() {
                // A frame is lost with its connection.
                self.link_closed(link);
            }
            for at in arrivals {
                let job = Arc::clone(&shared);
                self.at(
                    at,
                    Happening::Publication {
                        node,
                        link,
                        job,
                        key,
                    },
                );
            }
        }
        let jid = job.jid.clone();
        self.put(
            Input::Sent {
                jid,
                again,
                unheard,
            },
            Asker::Nobody,
        );
    }

    /// The task of the timers wakes.
    pub(crate) fn wake(&mut self) {
        let wall = self.wall();
        let (mutation, clock) = (self.mutation, self.clock.clone());
        let Some(life) = self.life() else { return };
        life.wakes = None;
        let beat = Beat::of(clock.as_ref());
        let jumped = beat.jump_since(life.beat);
        life.beat = beat;
        if let Some(by_ms) = jumped {
            life.presence.shift(by_ms);
            self.put(Input::ClockLooked, Asker::Nobody);
        }
        let Some(life) = self.life() else { return };
        for key in life.timers.due(wall) {
            if mutation == Some(Mutation::NeverAsks) && matches!(key, TimerKey::Probe(_)) {
                continue;
            }
            let Some(life) = self.life() else { return };
            let presence = match &key {
                TimerKey::Probe(jid) => {
                    let views = life.core.views();
                    let job = views.and_then(|views| views.jobs.get(jid));
                    let pending = job.map(|job| job.pending().cloned().collect::<Vec<_>>());
                    signs(life, pending.unwrap_or_default().iter())
                }
                TimerKey::Step { .. } => Presence::new(),
            };
            self.put(Input::Timer { key, presence }, Asker::Nobody);
        }
        self.plan_wake();
    }

    fn plan_wake(&mut self) {
        let (wall, now) = (self.wall(), self.now);
        let Some(life) = self.life() else { return };
        let at = now + life.timers.sleep(wall).as_micros() as u64;
        if life.wakes.is_none_or(|wakes| wakes > at) {
            life.wakes = Some(at);
            let number = life.number;
            self.at(at, Happening::Timers(number));
        }
    }

    /// Reads the log back for a wait.
    pub(crate) fn look_back(&mut self, mut look: Look) {
        let mutation = self.mutation;
        let Some(life) = self.life() else { return };
        let number = life.number;
        match look.look(life.reader.as_ref()) {
            Ok(mut told) => {
                if let (Some(Mutation::SkipsLookBack), Input::LookedBack { events, .. }) =
                    (mutation, &mut told)
                {
                    events.clear();
                }
                self.put(told, Asker::Nobody);
            }
            Err(pause) => {
                let pause = pause.as_micros() as u64;
                self.after(pause, Happening::Look(number, Box::new(look)));
            }
        }
    }

    pub(crate) fn welcome(&mut self) {
        if let Some(life) = self.life() {
            life.is_welcoming = false;
        }
        self.put(Input::SubscriberAppeared, Asker::Nobody);
    }

    /// Opens a publish connection, if there is a master.
    pub(crate) fn open_link(&mut self, node: usize) -> Option<u64> {
        let ip = self.minions[node].ip;
        self.master.links += 1;
        let link = self.master.links;
        let life = self.life()?;
        life.links.insert(link, (node, ip));
        let number = life.number;
        if !std::mem::replace(&mut life.is_welcoming, true) {
            self.after(GATHERED, Happening::Welcome(number));
        }
        Some(link)
    }

    pub(crate) fn link_closed(&mut self, link: u64) {
        let Some(life) = self.life() else { return };
        let closed = life.links.remove(&link);
        if let Some((node, _)) = closed.filter(|(node, _)| self.minions[*node].link == Some(link)) {
            self.lose_link(node);
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

    /// A mutation: what a master without memory would do about open jobs.
    fn publish_anew(&mut self) {
        let Some(views) = self.master.views() else {
            return;
        };
        let open: Vec<_> = views.jobs.open().map(|job| job.published.clone()).collect();
        for job in open.into_iter().filter(|job| job.step.is_some()) {
            let ids: HashSet<_> = job.minions.iter().cloned().collect();
            let ids: Vec<_> = ids.into_iter().collect();
            let mut request =
                master::jobs::decide::Request::new(&job.fun.to_text(), Target::list(&ids), "root");
            request.arg = job.arg;
            request.step = job.step;
            self.put(Input::Publish(Box::new(request)), Asker::Nobody);
        }
    }
}

fn signs<'a>(life: &Life, ids: impl Iterator<Item = &'a model::MinionId>) -> Presence {
    let subscribers = life.links.values().map(|(_, ip)| *ip).collect();
    life.presence.signs(ids, &subscribers)
}

fn mine_get(
    life: &mut Life,
    id: &model::MinionId,
    tgt: &model::Value,
    fun: &str,
) -> Option<(Map, Vec<model::Jid>)> {
    let views = life.core.views()?;
    let grains = |id: &model::MinionId| views.minions.grains(id);
    let nodegroups = Map::new();
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups: &nodegroups,
    };
    let target = Target {
        tgt: tgt.clone(),
        tgt_type: model::target::TargetType::Glob,
    };
    let (minions, _) = resolve(&target, known, &Default::default()).ok()?;
    let grains = views.minions.grains(id);
    let fun = model::Value::str(fun);
    let found = mine::decide::read(&views.mine, id, grains, &minions, &fun);
    let names = mine::decide::funs_of(&fun);
    Some((found, views.secrets.named(&minions, &names)))
}
