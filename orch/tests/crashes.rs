//! The Kubic orchestration through random crashes, late and early reboots, doubled and shuffled
//! facts.
//!
//! A world of two machines and a job store around a run. The master dies before its records are
//! durable, or after them and before their effects, or in between turns. Whatever happens: the run
//! ends well, no job is sent twice, and every minion of every job is accounted for. A failure
//! prints its seed; `seed()` repeats it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::api::{MinionPhase, RunPhase};
use model::{Cursor, Event, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use orch::{Context, Effect, Fact, Options, Output, Plan, Run, RunRecord, Started, recovery};
use states::low_chunk::LowChunk;

/// Crashes per run at most, so that each run ends.
const CRASHES_MAX: u32 = 8;

fn machines() -> [MinionId; 2] {
    ["a", "b"].map(|id| id.parse().expect("a minion id"))
}

/// A small generator of our own: the same seed gives the same run on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }
}

/// What happens outside the master, each with the moment from which on it may.
enum Pending {
    Return(Jid, MinionId),
    Boot(MinionId),
    Timer(usize, u32, Timestamp),
    LookBack(usize, Cursor),
}

struct World {
    chance: Chance,
    now: Timestamp,
    cursor: Cursor,
    events: Vec<Event>,
    records: Vec<RunRecord>,
    run: Run,
    /// The job store: what was published, and what came back.
    jobs: BTreeMap<Jid, (String, Vec<JobReturn>)>,
    /// How often each job was sent to minions.
    sent: BTreeMap<Jid, u32>,
    pending: Vec<Pending>,
    jids: u64,
    crashes: u32,
    finished: u32,
}

fn step(state: &str, id: &str, name: &str, args: &str) -> LowChunk {
    LowChunk {
        state: "salt".into(),
        fun: state.into(),
        id: id.into(),
        name: name.into(),
        sls: "orch.kubic".into(),
        args: serde_json::from_str(args).expect("arguments"),
        ..LowChunk::default()
    }
}

fn plan() -> Plan {
    let wait = r#"{"id_list": ["a", "b"], "timeout": 100000, "require": [{"salt": "install"}]}"#;
    let low = vec![
        step("function", "sync", "saltutil.sync_all", r#"{"tgt": "*"}"#),
        step(
            "state",
            "install",
            "install",
            r#"{"tgt": "*", "sls": "yomi"}"#,
        ),
        step("wait_for_event", "wait", "salt/minion/*/start", wait),
        step(
            "state",
            "control_plane",
            "control_plane",
            r#"{"tgt": "*", "sls": "kubic"}"#,
        ),
        step(
            "reboot",
            "reboot",
            "reboot",
            r#"{"tgt": "*", "timeout": 100000}"#,
        ),
        step(
            "function",
            "clean",
            "mine.delete",
            r#"{"tgt": "*", "finally": true}"#,
        ),
    ];
    Plan::compile("orch.kubic", low, Vec::new(), Options::default()).expect("it can be planned")
}

impl World {
    fn of(seed: u64) -> Self {
        let started = Started {
            run: "20261121100000000000".parse().expect("a jid"),
            plan: Arc::new(plan()),
            cursor: Cursor(0),
            user: "root".into(),
            pillar: Map::new(),
            at: Timestamp(0),
            parent: None,
        };
        Self {
            chance: Chance(seed),
            now: Timestamp(0),
            cursor: Cursor(1),
            events: Vec::new(),
            records: vec![RunRecord::Started(started.clone())],
            run: Run::start(started),
            jobs: BTreeMap::new(),
            sent: BTreeMap::new(),
            pending: Vec::new(),
            jids: 0,
            crashes: 0,
            finished: 0,
        }
    }

    fn play(&mut self) {
        if !self.chance.one_in(4) {
            self.tell(Fact::Begin);
        } else {
            self.crash();
        }
        for _ in 0..2000 {
            if self.run.phase().has_ended() {
                return;
            }
            self.now = self.now.plus_millis(self.chance.below(3000));
            if self.chance.one_in(12) {
                self.crash();
            }
            self.happen();
        }
    }

    /// Lets one of the things happen that may, whichever.
    fn happen(&mut self) {
        let now = self.now;
        let is_due = |pending: &Pending| !matches!(pending, Pending::Timer(.., at) if *at > now);
        let due: Vec<usize> = (0..self.pending.len())
            .filter(|at| is_due(&self.pending[*at]))
            .collect();
        if due.is_empty() {
            return;
        }
        let chosen = due[self.chance.below(due.len() as u64) as usize];
        match self.pending.remove(chosen) {
            Pending::Return(jid, id) => self.returned(&jid, &id),
            Pending::Boot(id) => self.boot(&id),
            Pending::Timer(step, attempt, _) => self.tell(Fact::TimerFired { step, attempt }),
            Pending::LookBack(step, after) => self.look_back(step, after),
        }
    }

    /// A return is in the job store before the run is told.
    fn returned(&mut self, jid: &Jid, id: &MinionId) {
        let Some((fun, returns)) = self.jobs.get_mut(jid) else {
            return;
        };
        let is_state = fun.starts_with("state");
        let result = r#"{"x_|-a_|-a_|-y": {"result": true, "changes": {"a": 1}}}"#;
        let ret = if is_state {
            serde_json::from_str(result).expect("JSON")
        } else {
            Value::Bool(true)
        };
        let does_reboot = is_state || fun == "system.reboot";
        let ret = JobReturn {
            id: id.clone(),
            jid: jid.clone(),
            fun: fun.as_str().into(),
            ret,
            retcode: 0.into(),
            success: None,
            out: None,
            load: Map::new(),
        };
        returns.push(ret.clone());
        if does_reboot {
            // Some are back before their neighbour's return, some long after; some even before
            // their own.
            self.pending.push(Pending::Boot(id.clone()));
        }
        self.tell(Fact::Returned(ret));
    }

    fn boot(&mut self, id: &MinionId) {
        self.cursor = self.cursor.next();
        let mut event = Event::new(
            Tag::minion_start(id),
            Map::from([("id", id.as_str())]),
            self.now,
        );
        event.cursor = self.cursor;
        self.events.push(event.clone());
        // The master may be down between the event's record and the run's.
        let is_down = self.chance.one_in(10) && self.crash();
        if !is_down {
            self.tell(Fact::Event(event));
        }
    }

    fn look_back(&mut self, step: usize, after: Cursor) {
        let upto = self.cursor;
        let events: Vec<Event> = self
            .events
            .iter()
            .filter(|event| event.cursor > after)
            .cloned()
            .collect();
        for event in events {
            self.tell(Fact::Event(event));
        }
        self.tell(Fact::LookedBack { step, upto });
    }

    fn tell(&mut self, fact: Fact) {
        let times = if self.chance.one_in(5) { 2 } else { 1 };
        for _ in 0..times {
            let run = self.run.clone();
            let output = self.with_context(|context| run.on(&fact, context));
            self.take(output);
        }
    }

    fn with_context<T>(&mut self, decide: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let jids = &mut self.jids;
        let mut next_jid = || {
            *jids += 1;
            format!("202611211000{:08}", *jids).parse().expect("a jid")
        };
        let (now, cursor) = (self.now, self.cursor);
        decide(&mut Context {
            now,
            cursor,
            next_jid: &mut next_jid,
        })
    }

    fn take(&mut self, output: Output) {
        if output == Output::default() {
            return;
        }
        // Killed before the records were durable: nothing of it happened.
        if self.chance.one_in(30) && self.crash() {
            return;
        }
        for record in output.records {
            self.run
                .apply(&record)
                .expect("a record of the run can follow");
            self.cursor = self.cursor.next();
            self.records.push(record);
        }
        // Killed after the records, before the effects.
        if self.chance.one_in(15) && self.crash() {
            return;
        }
        for effect in output.effects {
            self.act(effect);
        }
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Publish { jid, job, .. } => self.publish(jid, job.fun),
            Effect::AdoptJob { jid, job, .. } => match self.jobs.get(&jid).cloned() {
                None => self.publish(jid, job.fun),
                Some((_, returns)) => {
                    self.published(&jid);
                    returns
                        .into_iter()
                        .for_each(|ret| self.tell(Fact::Returned(ret)));
                }
            },
            Effect::Watch { step, after, .. } => self.pending.push(Pending::LookBack(step, after)),
            Effect::SetTimer { step, attempt, at } => {
                self.pending.push(Pending::Timer(step, attempt, at));
            }
            Effect::Finish { phase, ret } => {
                self.finished += 1;
                assert_eq!(phase, RunPhase::Succeeded, "{ret:?}");
            }
            Effect::Event { .. } => {}
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn publish(&mut self, jid: Jid, fun: String) {
        *self.sent.entry(jid.clone()).or_default() += 1;
        self.jobs.insert(jid.clone(), (fun, Vec::new()));
        for id in machines() {
            self.pending.push(Pending::Return(jid.clone(), id));
        }
        self.published(&jid);
    }

    fn published(&mut self, jid: &Jid) {
        let jid = jid.clone();
        let minions = machines().to_vec();
        let missing = Vec::new();
        self.tell(Fact::Published {
            jid,
            minions,
            missing,
        });
    }

    /// The master dies and comes back: the run is what its records say; what only it knew is gone.
    fn crash(&mut self) -> bool {
        if self.crashes == CRASHES_MAX {
            return false;
        }
        self.crashes += 1;
        let is_outside =
            |pending: &Pending| matches!(pending, Pending::Return(..) | Pending::Boot(_));
        self.pending.retain(is_outside);
        let last_alive = self.now;
        self.now = self.now.plus_millis(self.chance.below(200_000));
        let run = Run::fold(&self.records)
            .expect("the records fold")
            .expect("the run has started");
        self.run = run.clone();
        let output = self.with_context(|context| recovery::resume(&run, last_alive, context));
        self.take(output);
        true
    }

    fn judge(&self, seed: u64) {
        let notes: Vec<String> = self
            .run
            .view()
            .tree
            .into_iter()
            .map(|step| step.note)
            .collect();
        assert_eq!(
            self.run.phase(),
            RunPhase::Succeeded,
            "seed {seed}: {notes:?}"
        );
        assert!(
            self.finished <= 1,
            "seed {seed}: finished {} times",
            self.finished
        );
        assert!(
            self.sent.values().all(|times| *times == 1),
            "seed {seed}: {:?}",
            self.sent
        );
        assert_eq!(self.sent.len(), 5, "seed {seed}: one job a step");
        assert_eq!(
            Run::fold(&self.records).as_ref(),
            Ok(&Some(self.run.clone())),
            "seed {seed}"
        );
        for step in self.run.view().tree {
            assert_eq!(step.attempts, 1, "seed {seed}: {}", step.id);
            let is_ok = |phase: &MinionPhase| *phase == MinionPhase::Ok;
            let are_counted = step.id == "reboot" || step.minions.values().all(is_ok);
            assert!(are_counted, "seed {seed}: {:?}", step.minions);
        }
    }
}

fn seed(seed: u64) {
    let mut world = World::of(seed);
    world.play();
    world.judge(seed);
}

#[test]
fn the_run_ends_well_whatever_dies_in_between() {
    (0..500).for_each(seed);
}
