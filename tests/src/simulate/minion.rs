//! A minion as unmodified minions are: it signs in when it must, listens, drops a jid it has seen,
//! works, returns until it is acknowledged or gives up, answers `find_job`, and forgets all of it
//! when its machine restarts.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use master::jobs::JobPublished;
use model::{Jid, JobReturn, Map, MinionId, Tag, Value};

use super::functions::{Kind, Next, Stage};
use super::machine::Machine;
use super::world::{Happening, World};

/// Jids that a minion remembers: `minion_jid_queue_hwm`.
const JIDS_REMEMBERED: usize = 100;

/// How long a minion waits for the answer to a sign-in, in microseconds: `auth_timeout`.
const SIGN_IN_WAIT: u64 = 5_000_000;

/// How long a minion waits for any other answer, in microseconds.
const REQUEST_WAIT: u64 = 60_000_000;

/// How often a request is tried.
const REQUEST_TRIES: u32 = 3;

/// How often a minion of 3004 or later begins a return anew: `return_retry_tries`.
const RETURN_TRIES: u32 = 3;

/// What a minion asks of the master.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    SignIn,
    Grains,
    Event(Tag, Map),
    Return(Box<JobReturn>),
    MineSend(Map),
    MineDelete(Option<String>),
    MineGet { tgt: Value, fun: String },
}

/// What the master answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The sign-in is good; this is the key that all share.
    Accepted { key: u64 },
    /// The sign-in is not.
    Refused,
    /// The master cannot read it: sign in first.
    BadLoad,
    /// It is recorded.
    Recorded,
    /// It is not recorded.
    Broken,
    /// What was asked for.
    Found(Map),
}

/// Why something was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    Grains,
    Start,
    /// The return of a job, and how often it was begun anew.
    Return(Jid, u32),
    /// A job needs the answer to go on.
    Job(Jid),
}

/// A question that is not answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) ask: Ask,
    pub(crate) purpose: Purpose,
    pub(crate) tries: u32,
}

/// A job at the minion, from its publication to the acknowledgement of its return.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) published: Arc<JobPublished>,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) is_returning: bool,
}

/// What a minion set itself to do.
#[derive(Debug, Clone)]
pub(crate) enum Todo {
    Connect,
    SignIn,
    /// The next part of a job.
    Work(Jid, Option<Map>),
    /// A question had no answer for long.
    Late(u64, u32),
    /// Begin a return anew.
    ReturnAnew(Jid, u32),
    /// The machine goes down, for so many microseconds; whether it does so as it was told to.
    PowerOff(u64, bool),
}

/// One minion and its machine.
#[derive(Debug)]
pub(crate) struct Minion {
    pub(crate) id: MinionId,
    pub(crate) ip: IpAddr,
    pub(crate) machine: Machine,
    /// Which life of its process this is: what was meant for an earlier one is void.
    pub(crate) boot: u64,
    pub(crate) is_up: bool,
    /// The shared key it has.
    pub(crate) key: Option<u64>,
    /// Its open publish connection.
    pub(crate) link: Option<u64>,
    /// Whether it begins returns anew, as 3004 and later do.
    pub(crate) is_patient: bool,
    pub(crate) jobs: BTreeMap<Jid, Job>,
    /// Every return it ever made, for those that come late.
    pub(crate) returned: Vec<JobReturn>,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(super) seen: VecDeque<Jid>,
    pub(super) unread: Vec<(Arc<JobPublished>, u64)>,
    numbers: u64,
    /// Its process has its pillar: only then does it take jobs and say that it started.
    pub(super) is_ready: bool,
    pub(super) has_asked: bool,
    /// Whether it says again that it started when its master is back, as one of 3008 may.
    pub(super) says_again: bool,
    /// The shared key with which it said so last.
    said_with: Option<u64>,
    /// Its next start event is lost for good.
    pub(super) is_mute: bool,
    /// Jobs of steps that are on their way to it.
    pub(super) coming: Vec<Jid>,
    /// Jobs of steps that were sent to it and got lost on the way.
    pub(crate) void: Vec<Jid>,
}

impl Minion {
    pub(crate) fn new(id: MinionId, ip: IpAddr, is_patient: bool) -> Self {
        Self {
            id,
            ip,
            machine: Machine::new(),
            boot: 1,
            is_up: true,
            key: None,
            link: None,
            is_patient,
            jobs: BTreeMap::new(),
            returned: Vec::new(),
            pending: BTreeMap::new(),
            seen: VecDeque::new(),
            unread: Vec::new(),
            numbers: 0,
            is_ready: false,
            has_asked: false,
            says_again: false,
            said_with: None,
            is_mute: false,
            coming: Vec::new(),
            void: Vec::new(),
        }
    }

    /// Says whether its process is up and has not begun yet: to the master it will look like one
    /// that begins only then.
    pub(super) fn is_starting(&self) -> bool {
        self.is_up && !self.is_ready
    }

    fn is_signing_in(&self) -> bool {
        let mut pending = self.pending.values();
        pending.any(|one| one.purpose == Purpose::SignIn)
    }
}

impl World {
    pub(crate) fn todo(&mut self, node: usize, after: u64, what: Todo) {
        let boot = self.minions[node].boot;
        self.after(after, Happening::Minion { node, boot, what });
    }

    /// The minion does what it set itself to do.
    pub(crate) fn on_todo(&mut self, node: usize, what: Todo) {
        match what {
            Todo::SignIn => self.sign_in(node),
            Todo::Connect => self.connect(node),
            Todo::Work(jid, answer) => self.work(node, &jid, answer),
            Todo::Late(number, tries) => self.on_late(node, number, tries),
            Todo::ReturnAnew(jid, again) => self.return_job(node, &jid, again),
            Todo::PowerOff(off, is_told) => self.power_off(node, off, is_told),
        }
    }

    pub(super) fn sign_in(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        minion.key = None;
        if !minion.is_signing_in() {
            self.ask(node, Ask::SignIn, Purpose::SignIn);
        }
    }

    /// Asks the master; what needs a key waits until there is one.
    pub(crate) fn ask(&mut self, node: usize, ask: Ask, purpose: Purpose) {
        let minion = &mut self.minions[node];
        minion.numbers += 1;
        let number = minion.numbers;
        let tries = 0;
        let is_ready = minion.key.is_some() || matches!(ask, Ask::SignIn);
        minion.pending.insert(
            number,
            Pending {
                ask,
                purpose,
                tries,
            },
        );
        if is_ready {
            self.send(node, number);
        } else if !self.minions[node].is_signing_in() {
            self.sign_in(node);
        }
    }

    fn send(&mut self, node: usize, number: u64) {
        let minion = &mut self.minions[node];
        let key = minion.key;
        let Some(pending) = minion.pending.get_mut(&number) else {
            return;
        };
        pending.tries += 1;
        let (ask, tries) = (pending.ask.clone(), pending.tries);
        let wait = match ask {
            Ask::SignIn => SIGN_IN_WAIT,
            _ => REQUEST_WAIT,
        };
        let boot = minion.boot;
        let frame = Frame {
            node,
            boot,
            number,
            key,
            ask,
        };
        self.send_frame(frame);
        self.todo(node, wait, Todo::Late(number, tries));
    }

    pub(crate) fn send_frame(&mut self, frame: Frame) {
        let (now, node) = (self.now, frame.node);
        let arrivals = self.network.arrivals(&mut self.chance, node, now);
        if arrivals.len() > 1 && matches!(frame.ask, Ask::MineGet { .. }) && frame.number > 0 {
            let id = self.minions[node].id.clone();
            self.excuse(format!("a question of {id} for a secret came twice"));
        }
        for at in arrivals {
            self.at(at, Happening::Request(Box::new(frame.clone())));
        }
    }

    fn on_late(&mut self, node: usize, number: u64, tries: u32) {
        let Some(pending) = self.minions[node].pending.get(&number) else {
            return;
        };
        if pending.tries != tries {
            return;
        }
        let is_sign_in = pending.purpose == Purpose::SignIn;
        if is_sign_in || tries < REQUEST_TRIES {
            return self.send(node, number);
        }
        let pending = self.minions[node].pending.remove(&number);
        if let Some(pending) = pending {
            self.on_unanswered(node, pending.purpose);
        }
    }

    /// A question was tried in vain.
    fn on_unanswered(&mut self, node: usize, purpose: Purpose) {
        match purpose {
            Purpose::Return(jid, again)
                if self.minions[node].is_patient && again < RETURN_TRIES =>
            {
                let pause = 5_000_000 + self.chance.within(0..5_000_000);
                self.todo(node, pause, Todo::ReturnAnew(jid, again + 1));
            }
            Purpose::Return(jid, _) => {
                let job = self.minions[node].jobs.remove(&jid);
                let is_of_run = job.is_some_and(|job| job.published.step.is_some());
                if is_of_run {
                    let id = self.minions[node].id.clone();
                    self.excuse(format!("{id} gave the return of {jid} up"));
                }
            }
            Purpose::Job(jid) => self.work(node, &jid, None),
            Purpose::SignIn => {}
            Purpose::Grains => self.ask(node, Ask::Grains, Purpose::Grains),
            Purpose::Start => {
                self.note(|world| format!("{} gave its start event up", world.minions[node].id))
            }
        }
    }

    /// The master's answer arrives.
    pub(crate) fn on_reply(&mut self, node: usize, number: u64, reply: Reply) {
        let minion = &mut self.minions[node];
        let Some(pending) = minion.pending.get(&number) else {
            return;
        };
        let purpose = pending.purpose.clone();
        match reply {
            Reply::BadLoad => return self.sign_in(node),
            Reply::Broken => {
                // It is tried again when the time for an answer is over.
                return;
            }
            Reply::Refused => {
                minion.pending.remove(&number);
                return self.todo(node, 10_000_000, Todo::SignIn);
            }
            Reply::Accepted { key } => {
                minion.pending.remove(&number);
                return self.on_signed_in(node, key);
            }
            Reply::Recorded | Reply::Found(_) => {
                minion.pending.remove(&number);
            }
        }
        match purpose {
            Purpose::Return(jid, _) => {
                self.minions[node].jobs.remove(&jid);
            }
            Purpose::Job(jid) => {
                let found = match reply {
                    Reply::Found(found) => found,
                    _ => Map::new(),
                };
                self.work(node, &jid, Some(found));
            }
            Purpose::Grains => self.be_ready(node),
            Purpose::Start | Purpose::SignIn => {}
        }
    }

    /// The process has its pillar: it says that it started, and takes the jobs it heard meanwhile.
    fn be_ready(&mut self, node: usize) {
        self.miss_unreadable(node);
        if std::mem::replace(&mut self.minions[node].is_ready, true) {
            return;
        }
        self.minions[node].said_with = self.minions[node].key;
        // Before its first start is known nobody runs anything.
        let minion = &mut self.minions[node];
        if minion.machine.boots > 1 && std::mem::take(&mut minion.is_mute) {
            self.note(|world| format!("{}: its start event is lost", world.minions[node].id));
        } else {
            self.say_started(node);
        }
        self.take_unread(node);
    }

    fn say_started(&mut self, node: usize) {
        let (tag, data) = self.start_event(node);
        self.ask(node, Ask::Event(tag, data), Purpose::Start);
    }

    /// Its loop begins anew, because its master did. Some ask for their pillar then, which makes
    /// them look like a process that begins: what they missed before nobody can know any more.
    fn say_again(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let is_news = minion.is_ready && minion.said_with != minion.key;
        if !minion.says_again || !is_news {
            return;
        }
        minion.said_with = minion.key;
        if self.chance.within(0..2) == 0 {
            self.excuse_unheard(node);
            self.excuse_unsent(node);
            self.ask(node, Ask::Grains, Purpose::Grains);
        }
        self.say_started(node);
    }

    /// What it heard while it was starting, under a key that is over, is lost.
    fn miss_unreadable(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let key = minion.key;
        let unread = std::mem::take(&mut minion.unread);
        let (read, lost) = unread.into_iter().partition(|(_, with)| Some(*with) == key);
        minion.unread = read;
        for (job, _) in lost {
            self.miss(node, &job);
        }
    }

    fn take_unread(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let Some(key) = minion.key.filter(|_| minion.is_ready) else {
            return;
        };
        for (job, with) in std::mem::take(&mut minion.unread) {
            if with == key {
                self.take_job(node, job);
            }
        }
    }

    fn on_signed_in(&mut self, node: usize, key: u64) {
        let minion = &mut self.minions[node];
        minion.key = Some(key);
        let waiting: Vec<u64> = minion.pending.keys().copied().collect();
        for number in waiting {
            self.send(node, number);
        }
        self.take_unread(node);
        if self.minions[node].link.is_none() {
            self.connect(node);
        }
        if !std::mem::replace(&mut self.minions[node].has_asked, true) {
            self.ask(node, Ask::Grains, Purpose::Grains);
        } else {
            self.say_again(node);
        }
    }

    fn start_event(&mut self, node: usize) -> (Tag, Map) {
        let id = self.minions[node].id.clone();
        let said = format!("Minion {id} started at {}", self.now / 1_000_000);
        let tag = Tag::minion_start(&id);
        let data = Map::from([
            ("id", Value::str(id.as_str())),
            ("cmd", "_minion_event".into()),
            ("pretag", Value::Nil),
            ("data", said.into()),
            ("tag", tag.as_str().into()),
        ]);
        (tag, data)
    }

    fn connect(&mut self, node: usize) {
        if self.minions[node].link.is_some() || !self.minions[node].is_up {
            return;
        }
        match self.open_link(node) {
            Some(link) => self.minions[node].link = Some(link),
            None => {
                // `recon_default` and `recon_max`: 1 to 11 seconds.
                let pause = 1_000_000 + self.chance.within(0..10_000_000);
                self.todo(node, pause, Todo::Connect);
            }
        }
    }

    /// The publish connection broke; the minion opens another one.
    pub(crate) fn lose_link(&mut self, node: usize) {
        if self.minions[node].link.take().is_some() && self.minions[node].is_up {
            let pause = 1_000_000 + self.chance.within(0..10_000_000);
            self.todo(node, pause, Todo::Connect);
        }
    }

    /// A publication arrives on a connection.
    pub(crate) fn on_publication(
        &mut self,
        node: usize,
        link: u64,
        job: Arc<JobPublished>,
        key: u64,
    ) {
        let minion = &mut self.minions[node];
        let place = minion.coming.iter().position(|jid| *jid == job.jid);
        place.map(|place| minion.coming.swap_remove(place));
        if minion.link != Some(link) {
            return self.miss(node, &job);
        }
        let has_key = minion.key == Some(key);
        minion.unread.push((job, key));
        if has_key {
            self.take_unread(node);
        } else {
            self.sign_in(node);
        }
    }

    fn take_job(&mut self, node: usize, job: Arc<JobPublished>) {
        let minion = &mut self.minions[node];
        if minion.seen.contains(&job.jid) {
            return;
        }
        minion.seen.push_back(job.jid.clone());
        if minion.seen.len() > JIDS_REMEMBERED {
            minion.seen.pop_front();
        }
        let jid = job.jid.clone();
        let kind = Kind::of(&job);
        if !kind.is_quiet() {
            self.note(|world| {
                let id = &world.minions[node].id;
                format!("{id} begins {jid} {}", job.fun.to_text())
            });
        }
        if job.step.is_some() {
            let times = self.history.begun.entry((node, jid.clone())).or_default();
            *times += 1;
        }
        let entry = Job {
            published: job,
            kind,
            stage: Stage::default(),
            is_returning: false,
        };
        self.minions[node].jobs.insert(jid.clone(), entry);
        let pause = self.chance.within(1_000..200_000);
        self.todo(node, pause, Todo::Work(jid, None));
    }

    fn work(&mut self, node: usize, jid: &Jid, answer: Option<Map>) {
        let Some(job) = self.minions[node].jobs.get(jid).cloned() else {
            return;
        };
        if job.is_returning {
            return;
        }
        match self.perform(node, &job, answer) {
            Next::Later(stage, micros) => {
                if let Some(job) = self.minions[node].jobs.get_mut(jid) {
                    job.stage = stage;
                }
                self.todo(node, micros, Todo::Work(jid.clone(), None));
            }
            Next::Ask(stage, ask) => {
                if let Some(job) = self.minions[node].jobs.get_mut(jid) {
                    job.stage = stage;
                }
                self.ask(node, ask, Purpose::Job(jid.clone()));
            }
            Next::Done(ret, is_good) => self.finish(node, &job, ret, is_good),
        }
    }

    fn finish(&mut self, node: usize, job: &Job, ret: Value, is_good: bool) {
        let id = self.minions[node].id.clone();
        let jid = job.published.jid.clone();
        if !job.kind.is_quiet() {
            self.note(|_| format!("{id} is done with {jid}: {is_good}"));
        }
        let fun = job.published.fun.clone();
        let retcode = Value::from(i64::from(!is_good));
        let load = Map::from([
            ("cmd", Value::str("_return")),
            ("id", id.as_str().into()),
            ("jid", jid.as_str().into()),
            ("fun", fun.clone()),
            ("fun_args", Value::List(job.published.arg.clone())),
            ("return", ret.clone()),
            ("retcode", retcode.clone()),
            ("success", is_good.into()),
        ]);
        let ret = JobReturn {
            id,
            jid: jid.clone(),
            fun,
            ret,
            retcode,
            success: Some(is_good.into()),
            out: None,
            load,
        };
        self.minions[node].returned.push(ret);
        if let Some(job) = self.minions[node].jobs.get_mut(&jid) {
            job.is_returning = true;
        }
        self.return_job(node, &jid, 1);
    }

    fn return_job(&mut self, node: usize, jid: &Jid, again: u32) {
        let minion = &self.minions[node];
        let ret = minion.returned.iter().rev().find(|ret| ret.jid == *jid);
        if let (true, Some(ret)) = (minion.jobs.contains_key(jid), ret.cloned()) {
            let purpose = Purpose::Return(jid.clone(), again);
            self.ask(node, Ask::Return(Box::new(ret)), purpose);
        }
    }
}

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) node: usize,
    pub(crate) boot: u64,
    pub(crate) number: u64,
    pub(crate) key: Option<u64>,
    pub(crate) ask: Ask,
}
