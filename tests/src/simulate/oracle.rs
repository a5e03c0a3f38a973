//! The judge: reads the log that a simulated world left, and the machines, and says what is wrong.
//!
//! It knows nothing of how the master decides. It holds what was promised (an acknowledgement, a
//! started run) against what is recorded, and what is recorded against what really happened.

use std::collections::{BTreeMap, BTreeSet};

use master::ledger::{Durable, Record, Views};
use model::api::{MinionPhase, RunPhase};
use model::{Cursor, Jid, MinionId};
use orch::RunRecord;
use storage::Store;

use super::machine::Done;
use super::world::World;

/// How a seed ended.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// What is wrong; nothing in a good world.
    pub violations: Vec<String>,
    /// How the run ended, if it did.
    pub phase: Option<RunPhase>,
    /// Why it may have failed.
    pub excuses: Vec<String>,
    /// How many faults there were.
    pub faults: usize,
    /// How long it took by the world's clock, in seconds.
    pub seconds: u64,
    /// How many things happened.
    pub happened: u64,
    /// Records in the log.
    pub records: usize,
    /// A number that is another one if anything in the log is.
    pub digest: u64,
    /// What happened, if it was kept.
    pub trace: Vec<String>,
}

impl Verdict {
    /// Says whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Judges a world that has been played.
pub(crate) fn judge(mut world: World) -> Verdict {
    world.master.disk.heal();
    let store = world.master.disk.open();
    let entries = store.reader.read(Cursor(0), usize::MAX).unwrap_or_default();
    let mut bodies = Vec::with_capacity(entries.len());
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for (_, entry) in &entries {
        for byte in entry.at.0.to_le_bytes().iter().chain(&entry.body) {
            digest = (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        bodies.push(Record::decode(&entry.body));
    }
    let records: Vec<Record> = bodies.into_iter().filter_map(Result::ok).collect();
    let mut judge = Judge {
        violations: std::mem::take(&mut world.history.violations),
        world: &world,
        records: &records,
        phase: None,
    };
    if records.len() != entries.len() {
        judge.objects("a record cannot be read".into());
    }
    judge.promises();
    judge.secrets(
        &entries
            .iter()
            .map(|(_, entry)| &entry.body[..])
            .collect::<Vec<_>>(),
    );
    judge.jobs();
    let phase = judge.runs();
    judge.phase = phase;
    judge.machines();
    judge.views(store);
    let violations = judge.violations;
    Verdict {
        seed: world.seed,
        violations,
        phase,
        excuses: world.history.excuses.clone(),
        faults: world.faults.len(),
        seconds: world.now / 1_000_000,
        happened: world.happened,
        records: records.len(),
        digest,
        trace: world.trace.take().unwrap_or_default(),
    }
}

struct Judge<'a> {
    violations: Vec<String>,
    world: &'a World,
    records: &'a [Record],
    phase: Option<RunPhase>,
}

impl Judge<'_> {
    fn objects(&mut self, what: String) {
        self.violations.push(what);
    }

    /// What was acknowledged is on record.
    fn promises(&mut self) {
        let mut published = BTreeSet::new();
        let mut returned = BTreeSet::new();
        let mut started = BTreeSet::new();
        let mut events: Vec<(&model::Tag, &model::Map)> = Vec::new();
        for record in self.records {
            match record {
                Record::JobPublished(job) => {
                    published.insert(&job.jid);
                }
                Record::JobReturned(ret) => {
                    returned.insert((&ret.jid, &ret.id));
                }
                Record::Run {
                    run,
                    record: RunRecord::Started(_),
                } => {
                    started.insert(run);
                }
                Record::Event { tag, data } => events.push((tag, data)),
                _ => {}
            }
        }
        let mut missing = Vec::new();
        for ret in &self.world.history.returns {
            // What nobody asked for is answered politely and forgotten.
            if published.contains(&ret.jid) && !returned.contains(&(&ret.jid, &ret.id)) {
                let (id, jid) = (&ret.id, &ret.jid);
                missing.push(format!(
                    "the return of {jid} by {id} was acknowledged and is lost"
                ));
            }
        }
        // The job itself is part of the promise: it was sent, so it was on record.
        for ret in &self.world.history.returns {
            if !published.contains(&ret.jid) && ret.jid.as_str() > "2021" {
                missing.push(format!("job {} was done and is not on record", ret.jid));
            }
        }
        for (tag, data) in &self.world.history.events {
            if !events.contains(&(tag, data)) {
                missing.push(format!(
                    "event {} was acknowledged and is lost",
                    tag.as_str()
                ));
            }
        }
        for run in &self.world.history.runs {
            if !started.contains(run) {
                missing.push(format!("run {run} was started and is lost"));
            }
        }
        if started.len() > 1 {
            missing.push(format!(
                "{} runs were started instead of one",
                started.len()
            ));
        }
        missing.dedup();
        self.violations.append(&mut missing);
    }

    /// No token stands in the log, and none is left in a blob when the run is over well.
    fn secrets(&mut self, bodies: &[&[u8]]) {
        for secret in &self.world.secrets {
            let secret = secret.as_bytes();
            let holds = |body: &&&[u8]| contains(body, secret);
            if let Some(place) = bodies.iter().position(|body| holds(&body)) {
                self.violations
                    .push(format!("record {} holds a token", place + 1));
            }
        }
    }

    /// A job has one record, each step's attempt one job, each end its place.
    fn jobs(&mut self) {
        let mut jids = BTreeSet::new();
        let mut by_step: BTreeMap<(&Jid, usize), u32> = BTreeMap::new();
        let mut attempts: BTreeMap<(&Jid, usize), u32> = BTreeMap::new();
        let mut returns = BTreeSet::new();
        let mut wrong = Vec::new();
        for record in self.records {
            match record {
                Record::JobPublished(job) => {
                    if !jids.insert(&job.jid) {
                        wrong.push(format!("job {} was published twice", job.jid));
                    }
                    if let Some(step) = &job.step {
                        *by_step.entry((&step.run, step.step)).or_default() += 1;
                    }
                }
                Record::JobReturned(ret) if !returns.insert((&ret.jid, &ret.id)) => {
                    wrong.push(format!("{} has two returns of {}", ret.jid, ret.id));
                }
                Record::Run {
                    run,
                    record: RunRecord::StepStarted { step, .. },
                } => *attempts.entry((run, *step)).or_default() += 1,
                _ => {}
            }
        }
        for ((run, step), jobs) in by_step {
            let tried = attempts.get(&(run, step)).copied().unwrap_or(0);
            if jobs > tried {
                wrong.push(format!("step {step} has {jobs} jobs for {tried} attempts"));
            }
        }
        self.violations.append(&mut wrong);
    }

    /// A run's records follow each other, the run is over, and each minion of each job has exactly
    /// one end.
    fn runs(&mut self) -> Option<RunPhase> {
        let of_run = self.records.iter().filter_map(|record| match record {
            Record::Run { record, .. } => Some(record),
            _ => None,
        });
        let run = match orch::Run::fold(of_run) {
            Ok(Some(run)) => run,
            Ok(None) => {
                self.objects("no run was started".into());
                return None;
            }
            Err(illegal) => {
                self.objects(format!("{illegal}"));
                return None;
            }
        };
        if !run.phase().has_ended() {
            let open: Vec<String> = run
                .view()
                .tree
                .iter()
                .filter(|step| step.phase == model::api::StepPhase::Running)
                .map(|step| step.id.clone())
                .collect();
            self.objects(format!("the run is stuck in {}", open.join(", ")));
            return Some(run.phase());
        }
        self.parts(&run);
        if run.phase() == RunPhase::Failed && self.world.history.excuses.is_empty() {
            let rets = run.steps().filter_map(|step| step.ret.as_ref());
            let failed = rets.filter(|ret| ret.result == Some(false));
            let why = failed.map(|ret| format!("{}: {}", ret.id, ret.comment));
            let why: Vec<String> = why.collect();
            self.objects(format!("the run failed without a reason: {why:?}"));
        }
        if !matches!(run.phase(), RunPhase::Failed | RunPhase::Succeeded) {
            self.objects(format!("the run ended as {:?}", run.phase()));
        }
        Some(run.phase())
    }

    fn parts(&mut self, run: &orch::Run) {
        let mut expected: BTreeMap<&Jid, BTreeSet<&MinionId>> = BTreeMap::new();
        for record in self.records {
            if let Record::JobPublished(job) = record {
                expected.insert(&job.jid, job.minions.iter().collect());
            }
        }
        let mut wrong = Vec::new();
        for (step, state) in run.steps().enumerate() {
            for attempt in &state.attempts {
                let Some(targeted) = attempt.jid.as_ref().and_then(|jid| expected.get(jid)) else {
                    continue;
                };
                let counted: BTreeSet<&MinionId> = attempt.minions.keys().collect();
                if counted != *targeted {
                    wrong.push(format!("step {step} counts other minions than its job has"));
                }
                for (id, minion) in &attempt.minions {
                    let is_end = matches!(
                        minion.phase,
                        MinionPhase::Ok
                            | MinionPhase::Failed
                            | MinionPhase::Rebooted
                            | MinionPhase::Lost
                            | MinionPhase::Cancelled
                            | MinionPhase::NeverSeen
                    );
                    // A step that waits for boots may be over before every job is.
                    let waits = attempt.after.is_some();
                    if !is_end && !waits {
                        wrong.push(format!("step {step}: {id} has no end ({:?})", minion.phase));
                    }
                    let is_odd = matches!(minion.phase, MinionPhase::Lost | MinionPhase::NeverSeen);
                    if is_odd && self.world.history.excuses.is_empty() {
                        wrong.push(format!(
                            "step {step}: {id} is {:?} without a reason: {}",
                            minion.phase, minion.why
                        ));
                    }
                }
            }
        }
        self.violations.append(&mut wrong);
    }

    /// What must happen once did, and after a success the cluster is what it should be.
    fn machines(&mut self) {
        let mut wrong = Vec::new();
        let is_good = self.phase == Some(RunPhase::Succeeded);
        for (node, minion) in self.world.minions.iter().enumerate() {
            let (id, machine) = (&minion.id, &minion.machine);
            let once = [
                ("wiped", machine.wipes),
                ("made a control plane", machine.inits),
                ("joined", machine.joins),
            ];
            for (what, times) in once {
                if times > 1 {
                    wrong.push(format!("{id} was {what} {times} times"));
                }
            }
            if !is_good {
                continue;
            }
            let is_plane = machine.control_plane == Done::Yes;
            let is_worker = machine.joined == Done::Yes;
            if machine.wipes != 1 || !machine.is_installed {
                wrong.push(format!("{id} is not installed, and the run succeeded"));
            }
            if is_plane != (node == 0) || is_worker != (node > 0) {
                wrong.push(format!("{id} has the wrong part, and the run succeeded"));
            }
            if !machine.tokens.is_empty() {
                wrong.push(format!("{id} has a valid token after the run"));
            }
        }
        self.violations.append(&mut wrong);
    }

    /// The views that were built step by step are those that the log gives; the mine is empty.
    fn views(&mut self, store: Store) {
        let durable = Durable::new(store.reader, store.tables, store.blobs);
        let views = match durable.views() {
            Ok(views) => views,
            Err(error) => return self.objects(format!("the log cannot be replayed: {error}")),
        };
        if self.phase != Some(RunPhase::Succeeded) {
            return;
        }
        if let Some(id) = self.mine_left(&views) {
            self.objects(format!("the mine still holds something of {id}"));
        }
        if let Some(secret) = views.secrets.all().next() {
            let name = &secret.made.name;
            self.objects(format!("the secret {name} outlives its run"));
        }
        let left = durable.blobs.list().unwrap_or_default();
        // What a crash left between a blob and its record is swept at the next start.
        let _ =
            master::mine::sealed::sweep(&views.mine, views.secrets.blobs(), durable.blobs.as_ref());
        let is_undisturbed = self.world.faults.is_empty();
        if is_undisturbed && !left.is_empty() {
            self.objects(format!("{} blobs of the mine are left", left.len()));
        }
    }

    fn mine_left(&self, views: &Views) -> Option<String> {
        let minions = &self.world.minions;
        let left = minions.iter().find(|minion| views.mine.has_any(&minion.id));
        left.map(|minion| minion.id.to_string())
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}
