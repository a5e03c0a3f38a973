//! The world: one queue of what happens, in the order of a time that only the simulator moves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use master::act::Look;
use master::jobs::JobPublished;
use master::ledger::Input;
use master::secrets::Sealer;
use master::world::{Clock, Sleep};
use model::{Jid, JobReturn, Map, Tag, Timestamp, Value};

use super::fault::{self, Fault, Faults, Moment};
use super::master_process::{MasterProcess, SimEntropy};
use super::minion::{Ask, Frame, Minion, Reply, Todo};
use super::network::{Disturbance, Network};
use super::operator::Again;
use super::{Mutation, Orchestration, Scenario, plan};
use crate::random::Random;

/// Where the wall clock starts: an hour of a Saturday.
const WALL_START: u64 = 1_795_249_015_000_000;

/// A run that has not ended by then is stuck, in microseconds: two hours, where one with every
/// fault takes some thousand seconds.
pub(super) const TIME_MAX: u64 = 2 * 3600 * 1_000_000;

/// So many things cannot happen in a run that goes forward: for the whole world, and for each
/// machine in it.
const HAPPENINGS_MAX: u64 = 200_000;
const HAPPENINGS_OF_A_NODE: u64 = 100_000;

/// How often the operator looks, in microseconds.
pub(super) const OPERATOR_PERIOD: u64 = 1_000_000;

/// Makes the generator of the later faults another one than that of the seed.
const LATER: u64 = 0x1a7e_0000_0000;

/// Of so many minions one says again that it started, when its master is back.
const SAYS_AGAIN_OF: u64 = 3;

/// Of so many approvals one is refused.
const REFUSED_OF: u64 = 5;

const MILLI: u64 = 1_000;

/// The wall clock of the simulated machine.
#[derive(Debug, Default)]
pub(crate) struct SimClock {
    wall: AtomicU64,
    steady: AtomicU64,
}

impl SimClock {
    pub(crate) fn set(&self, wall: u64, steady: u64) {
        self.wall.store(wall, Ordering::Relaxed);
        self.steady.store(steady, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::Relaxed))
    }

    fn steady(&self) -> std::time::Duration {
        std::time::Duration::from_micros(self.steady.load(Ordering::Relaxed))
    }

    fn sleep(&self, _: std::time::Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The operator looks whether the run can start, or has ended.
    Operator,
    /// The master's process is started.
    MasterStart,
    /// The ledger takes what waits.
    Step(u64),
    /// The next effect is performed.
    Act(u64),
    /// The task of the timers wakes.
    Timers(u64),
    /// The log is read for a wait.
    Look(u64, Box<Look>),
    /// Connections that opened are told.
    Welcome(u64),
    /// An input from within the master.
    Input(u64, Box<Input>),
    /// The master saves a snapshot, if it is time.
    House(u64),
    /// A request reaches the master.
    Request(Box<Frame>),
    /// An answer reaches a minion.
    Reply {
        node: usize,
        boot: u64,
        number: u64,
        reply: Reply,
    },
    /// A job reaches a connection's end.
    Publication {
        node: usize,
        link: u64,
        job: Arc<JobPublished>,
        key: u64,
    },
    /// The master learns that a connection is closed.
    LinkClosed(u64),
    /// A minion does something.
    Minion { node: usize, boot: u64, what: Todo },
    /// A machine comes up.
    PowerOn { node: usize, boot: u64 },
    /// A fault begins.
    Fault(Fault),
    /// The disk is well again.
    Heal,
}

struct Queued {
    at: u64,
    number: u64,
    what: Happening,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What the oracle wants to know afterwards.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Returns that the master said were recorded.
    pub(crate) returns: Vec<JobReturn>,
    /// Events that the master said were recorded.
    pub(crate) events: Vec<(Tag, Map)>,
    /// Runs that the operator was told of.
    pub(crate) runs: Vec<Jid>,
    /// How often each machine began each job of a run.
    pub(crate) begun: BTreeMap<(usize, Jid), u32>,
    /// The operator called the run off, and was told so.
    pub(crate) is_called_off: bool,
    /// The operator tried to call the run off: the answer may have been lost.
    pub(crate) may_be_called_off: bool,
    /// The operator said yes or no.
    pub(crate) is_answered: bool,
    /// Runs that the operator began again, in order: which, and the step that was chosen.
    pub(crate) begun_again: Vec<(Jid, Option<String>)>,
    /// How many of the excuses there were when that was done first.
    pub(crate) excuses_of_first: Option<usize>,
    /// Reasons for which a run may fail honestly.
    pub(crate) excuses: Vec<String>,
    /// What went wrong on the way.
    pub(crate) violations: Vec<String>,
    /// Starts of the master that were tried in vain.
    pub(crate) starts_failed: u32,
}

/// The world of one seed.
pub struct World {
    pub(crate) seed: u64,
    pub(crate) chance: Random,
    /// Microseconds since the start; nothing but the queue moves it.
    pub(crate) now: u64,
    wall_offset: i64,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) sealer: Sealer,
    queue: BinaryHeap<Reverse<Queued>>,
    numbers: u64,
    pub(crate) happened: u64,
    pub(crate) master: MasterProcess,
    pub(crate) minions: Vec<Minion>,
    pub(crate) network: Network,
    pub(crate) orchestration: Orchestration,
    pub(crate) plans: Arc<plan::Plans>,
    /// Every token that was ever made.
    pub(crate) secrets: Vec<String>,
    /// Whoever is asked for an approval says no.
    pub(super) refuses: bool,
    /// Jobs of which nobody knows whether they were sent, for each machine.
    pub(crate) unsent: BTreeSet<(usize, Jid)>,
    pub(crate) run: Option<Jid>,
    pub(super) again: Again,
    /// When the play ends in any case.
    pub(super) end: u64,
    pub(crate) is_over: bool,
    pub(crate) history: History,
    pub(crate) faults: Vec<Fault>,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    /// Makes the world of a seed.
    pub fn new(seed: u64, scenario: &Scenario) -> Self {
        let mut chance = Random::new(seed);
        let nodes = scenario
            .nodes
            .unwrap_or_else(|| match chance.within(0..100) {
                0..70 => 2,
                70..92 => 3,
                92..99 => 6,
                _ => 20,
            });
        let faults = match &scenario.faults {
            Faults::Given(faults) => faults.clone(),
            Faults::Drawn(counts) => {
                let count = chance.within(*counts.start()..counts.end() + 1);
                let mut faults = fault::draw(&mut chance, count, nodes);
                if scenario.orchestration.has_operator() {
                    faults.extend(fault::call_off(&mut chance));
                }
                faults
            }
        };
        let shares_address = chance.within(0..10) == 0;
        let is_patient = chance.within(0..4) != 0;
        let minions = plan::ids(nodes).into_iter().enumerate();
        let minions = minions.map(|(node, id)| {
            let last = if shares_address { 1 } else { node as u32 + 1 };
            let ip = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + last));
            Minion::new(id, ip, is_patient)
        });
        let mut world = Self {
            seed,
            chance,
            now: 0,
            wall_offset: 0,
            clock: Arc::default(),
            sealer: Sealer::of_chance(Arc::new(SimEntropy::new(seed))),
            queue: BinaryHeap::new(),
            numbers: 0,
            happened: 0,
            master: MasterProcess::new(),
            minions: minions.collect(),
            network: Network::new(nodes),
            orchestration: scenario.orchestration,
            plans: plan::plans(scenario.orchestration, nodes),
            secrets: Vec::new(),
            refuses: false,
            unsent: BTreeSet::new(),
            run: None,
            again: Again::new(seed),
            end: TIME_MAX,
            is_over: false,
            history: History::default(),
            faults,
            mutation: scenario.mutation,
            trace: scenario.is_traced.then(Vec::new),
        };
        if scenario.has_later_faults {
            world.draw_later();
        }
        world.set_up();
        world
    }

    fn draw_later(&mut self) {
        let mut chance = Random::new(self.seed ^ LATER);
        let faults = fault::draw_later(&mut chance, self.minions.len());
        self.faults.extend(faults);
        for minion in &mut self.minions {
            minion.says_again = chance.within(0..SAYS_AGAIN_OF) == 0;
        }
        self.refuses = chance.within(0..REFUSED_OF) == 0;
    }

    fn set_up(&mut self) {
        self.after(0, Happening::MasterStart);
        self.after(OPERATOR_PERIOD, Happening::Operator);
        for node in 0..self.minions.len() {
            let after = self.chance.within(0..2_000_000);
            self.after(after, Happening::PowerOn { node, boot: 1 });
        }
        for fault in self.faults.clone() {
            match fault {
                Fault::Kill { moment, death, .. } if !matches!(moment, Moment::At(_)) => {
                    self.master.doom(moment, death, fault);
                }
                _ => self.at(fault.at_micros(), Happening::Fault(fault)),
            }
        }
    }

    /// Lets time pass until the run is over and nothing is left to be seen, or too long.
    pub(crate) fn play(&mut self) {
        while let Some(Reverse(next)) = self.queue.pop() {
            self.now = next.at;
            self.happened += 1;
            let of_a_run = HAPPENINGS_MAX + HAPPENINGS_OF_A_NODE * self.minions.len() as u64;
            let happenings_max = of_a_run * (1 + self.history.begun_again.len() as u64);
            if self.now > self.end || self.happened > happenings_max || self.is_over {
                return;
            }
            let wall = (WALL_START + self.now).saturating_add_signed(self.wall_offset);
            self.clock.set(wall, self.now);
            self.happen(next.what);
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Operator => self.operate(),
            Happening::MasterStart => self.start_master(),
            Happening::Step(life) => self.if_alive(life, Self::step),
            Happening::Act(life) => self.if_alive(life, Self::act),
            Happening::Timers(life) => self.if_alive(life, Self::wake),
            Happening::Look(life, look) => self.if_alive(life, |world| world.look_back(*look)),
            Happening::Welcome(life) => self.if_alive(life, Self::welcome),
            Happening::House(life) => self.if_alive(life, Self::keep_house),
            Happening::Input(life, input) => {
                self.if_alive(life, |world| world.tell(*input));
            }
            Happening::Request(frame) => self.on_request(*frame),
            Happening::Reply {
                node,
                boot,
                number,
                reply,
            } => {
                if self.minions[node].boot == boot {
                    self.on_reply(node, number, reply);
                }
            }
            Happening::Publication {
                node,
                link,
                job,
                key,
            } => self.on_publication(node, link, job, key),
            Happening::LinkClosed(link) => self.link_closed(link),
            Happening::Minion { node, boot, what } => {
                if self.minions[node].boot == boot {
                    self.on_todo(node, what);
                }
            }
            Happening::PowerOn { node, boot } => {
                if self.minions[node].boot == boot {
                    if boot > 1 {
                        self.minions[node].machine.boot();
                    }
                    self.power_on(node);
                }
            }
            Happening::Fault(fault) => self.on_fault(fault),
            Happening::Heal => self.master.disk.heal(),
        }
    }

    pub(crate) fn at(&mut self, at: u64, what: Happening) {
        self.numbers += 1;
        let number = self.numbers;
        self.queue.push(Reverse(Queued { at, number, what }));
    }

    pub(crate) fn after(&mut self, after: u64, what: Happening) {
        self.at(self.now + after, what);
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = format!("{:>10.3} s  {}", self.now as f64 / 1e6, line(self));
            if let Some(trace) = &mut self.trace {
                trace.push(line);
            }
        }
    }

    pub(crate) fn excuse(&mut self, why: String) {
        self.note(|_| format!("excuse: {why}"));
        self.history.excuses.push(why);
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.note(|_| format!("VIOLATION: {what}"));
        self.history.violations.push(what);
    }

    fn on_fault(&mut self, fault: Fault) {
        self.note(|_| format!("fault: {fault:?}"));
        match fault {
            Fault::Kill { death, down_ms, .. } => self.kill_soon(death, down_ms),
            Fault::Eio { for_ms, .. } => self.hurt(storage::memory::Fault::Broken, for_ms),
            Fault::Full { for_ms, .. } => self.hurt(storage::memory::Fault::Full, for_ms),
            Fault::Clock { by_ms, .. } => self.wall_offset += by_ms * MILLI as i64,
            Fault::Frames {
                for_ms,
                lost,
                doubled,
                late_ms,
                ..
            } => {
                let until = self.now + for_ms * MILLI;
                self.network.disturb(Disturbance {
                    lost,
                    doubled,
                    late_ms,
                    until,
                });
            }
            Fault::Reboot {
                node,
                off_ms,
                is_twice,
                ..
            } => {
                self.power_off(node, off_ms * MILLI, false);
                if is_twice {
                    let again = (off_ms + 1 + self.chance.within(0..30_000)) * MILLI;
                    let fault = Fault::Reboot {
                        at: 0,
                        node,
                        off_ms,
                        is_twice: false,
                    };
                    self.after(again, Happening::Fault(fault));
                }
            }
            Fault::Cut { node, for_ms, .. } => self.network.cut(node, self.now + for_ms * MILLI),
            Fault::LateReturn { node, .. } => self.return_late(node),
            Fault::Spy { .. } => self.spy(),
            Fault::MuteStart { node, .. } => self.minions[node].is_mute = true,
            Fault::Twin { node, .. } => self.twin(node),
            Fault::CallOff { .. } => self.call_off(),
        }
    }

    fn hurt(&mut self, fault: storage::memory::Fault, for_ms: u64) {
        self.master.disk.fail(fault);
        self.after(for_ms * MILLI, Happening::Heal);
    }

    /// The control plane's minion asks for what it made for others: it is no reader.
    fn spy(&mut self) {
        let minion = &self.minions[0];
        let frame = Frame {
            node: 0,
            boot: minion.boot,
            number: 0,
            key: minion.key,
            ask: Ask::MineGet {
                tgt: Value::str("*"),
                fun: "join_params".into(),
            },
        };
        self.send_frame(frame);
    }

    /// An old job's return comes once more, and says something else.
    fn return_late(&mut self, node: usize) {
        let minion = &self.minions[node];
        // What is not recorded yet is no old return.
        let is_old = |ret: &&JobReturn| {
            let mut recorded = self.history.returns.iter();
            recorded.any(|other| other.jid == ret.jid && other.id == ret.id)
        };
        let old: Vec<&JobReturn> = minion.returned.iter().filter(is_old).collect();
        if old.is_empty() || minion.key.is_none() {
            return;
        }
        let chosen = self.chance.within(0..old.len() as u64) as usize;
        let mut ret = old[chosen].clone();
        ret.ret = Value::str("late");
        ret.load.insert("return", "late");
        if self.chance.within(0..4) == 0 {
            // A job that this master never had.
            ret.jid = "20200101000000000000".parse().expect("a jid");
            ret.load.insert("jid", ret.jid.as_str());
        }
        let minion = &self.minions[node];
        let frame = Frame {
            node,
            boot: minion.boot,
            number: 0,
            key: minion.key,
            ask: Ask::Return(Box::new(ret)),
        };
        self.send_frame(frame);
    }
}
