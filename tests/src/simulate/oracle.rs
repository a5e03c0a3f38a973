//! The judge: reads the log that a simulated world left, and the machines, and says what is wrong.
//!
//! It knows nothing of how the master decides. It holds what was promised (an acknowledgement, a
//! started run) against what is recorded, and what is recorded against what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use master::ledger::{Durable, Record, Views};
use model::api::{MinionPhase, RunPhase, StepPhase};
use model::{Cursor, Jid, MinionId};
use orch::RunRecord;
use storage::{Entry, LogReader, Store};

use super::Orchestration;
use super::fault::Fault;
use super::machine::{Done, Machine};
use super::retried;
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
    /// How often a run was begun again.
    pub begun_again: usize,
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
    let entries = whole_log(store.reader.as_ref());
    let mut bodies = Vec::with_capacity(entries.len());
    let mut digest = std::hash::DefaultHasher::new();
    for (_, entry) in &entries {
        digest.write_u64(entry.at.0);
        digest.write(&entry.body);
        bodies.push(Record::decode(&entry.body));
    }
    let digest = digest.finish();
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
    judge.secrets(entries.iter().map(|(_, entry)| &entry.body[..]));
    judge.jobs();
    let phase = judge.runs();
    judge.phase = phase;
    judge.machines();
    let mut repeated = retried::repeated(&records, &world.history.begun_again);
    judge.violations.append(&mut repeated);
    judge.views(store);
    let violations = judge.violations;
    Verdict {
        seed: world.seed,
        violations,
        phase,
        excuses: world.history.excuses.clone(),
        faults: world.faults.len(),
        seconds: world.now / 1_000_000,
        begun_again: world.history.begun_again.len(),
        happened: world.happened,
        records: records.len(),
        digest,
        trace: world.trace.take().unwrap_or_default(),
    }
}

/// Reads all of it: one read is cut where it grows large.
pub(super) fn whole_log(reader: &dyn LogReader) -> Vec<(Cursor, Entry)> {
    let mut entries: Vec<(Cursor, Entry)> = Vec::new();
    loop {
        let upto = entries.last().map_or(Cursor(0), |(cursor, _)| *cursor);
        match reader.read(upto, usize::MAX) {
            Ok(more) if !more.is_empty() => entries.extend(more),
            _ => return entries,
        }
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
        let mut again = BTreeSet::new();
        let mut questions = BTreeSet::new();
        let mut events: Vec<(&model::Tag, model::Map)> = Vec::new();
        for record in self.records {
            match record {
                Record::JobPublished(job) => {
                    published.insert(&job.jid);
                    if job.asks_boot {
                        questions.insert(&job.jid);
                    }
                }
                Record::JobReturned(ret) => _ = returned.insert((&ret.jid, &ret.id)),
                Record::Run {
                    run,
                    record: RunRecord::Started(of),
                } if of.parent.is_none() => _ = started.insert(run),
                Record::Run {
                    run,
                    record: RunRecord::Retried { .. },
                } => _ = again.insert(run),
                Record::Event { tag, data } => {
                    // A start that had been made up is on record with that said.
                    let mut data = data.clone();
                    data.remove(orch::REPEATS_SYNTHESIZED);
                    events.push((tag, data));
                }
                _ => {}
            }
        }
        let mut missing = Vec::new();
        for ret in &self.world.history.returns {
            // What a boot is, is a record of its own; an answer from before a sign-in says nothing.
            if questions.contains(&ret.jid) {
                continue;
            }
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
            if !events
                .iter()
                .any(|(told, said)| *told == tag && said == data)
            {
                missing.push(format!(
                    "event {} was acknowledged and is lost",
                    tag.as_str()
                ));
            }
        }
        missing.dedup();
        self.violations.append(&mut missing);
        self.runs_promised(&started, &again);
    }

    /// The run that was acknowledged is on record, and no other.
    fn runs_promised(&mut self, started: &BTreeSet<&Jid>, again: &BTreeSet<&Jid>) {
        for run in &self.world.history.runs {
            if !started.contains(run) && !again.contains(run) {
                self.objects(format!("run {run} was started and is lost"));
            }
        }
        if started.len() > 1 {
            self.objects(format!(
                "{} runs were started instead of one",
                started.len()
            ));
        }
    }

    /// No token stands in the log, and none is left in a blob when the run is over well.
    fn secrets<'b>(&mut self, bodies: impl Iterator<Item = &'b [u8]>) {
        let secrets: BTreeSet<&[u8]> = self.world.secrets.iter().map(String::as_bytes).collect();
        let Some(form) = secrets.first().copied() else {
            return;
        };
        for (place, body) in bodies.enumerate() {
            if token_in(body, form, &secrets) {
                let objection = format!("record {} holds a token", place + 1);
                self.violations.push(objection);
            }
        }
    }

    /// A job has one record, each step's attempt one job, each end its place.
    fn jobs(&mut self) {
        let mut jids = BTreeSet::new();
        let mut by_step: BTreeMap<(&Jid, usize, &MinionId), u32> = BTreeMap::new();
        let mut attempts: BTreeMap<(&Jid, usize), u32> = BTreeMap::new();
        let mut returns = BTreeSet::new();
        let mut wrong = Vec::new();
        for ((node, jid), times) in &self.world.history.begun {
            if *times > 1 {
                let id = &self.world.minions[*node].id;
                wrong.push(format!("{id} ran job {jid} {times} times"));
            }
        }
        for record in self.records {
            match record {
                Record::JobPublished(job) => {
                    if !jids.insert(&job.jid) {
                        wrong.push(format!("job {} was published twice", job.jid));
                    }
                    if let Some(step) = &job.step {
                        for id in &job.minions {
                            let jobs = by_step.entry((&step.run, step.step, id));
                            *jobs.or_default() += 1;
                        }
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
        for ((run, step, id), jobs) in by_step {
            let tried = attempts.get(&(run, step)).copied().unwrap_or(0);
            if jobs > tried {
                wrong.push(format!(
                    "step {step} has {jobs} jobs of {id} for {tried} attempts"
                ));
            }
        }
        self.violations.append(&mut wrong);
    }

    /// The records of each run follow each other, it is over, and each minion of each job has
    /// exactly one end. Gives how the operator's run ended.
    fn runs(&mut self) -> Option<RunPhase> {
        let mut by_run: BTreeMap<&Jid, Vec<&RunRecord>> = BTreeMap::new();
        for record in self.records {
            if let Record::Run { run, record } = record {
                by_run.entry(run).or_default().push(record);
            }
        }
        let mut phase = None;
        for records in by_run.into_values() {
            match orch::Run::fold(records) {
                Ok(Some(run)) => {
                    self.run(&run);
                    if run.started().parent.is_none() {
                        phase = Some(run.phase());
                    }
                }
                Ok(None) => self.objects("a run has no records".into()),
                Err(illegal) => self.objects(format!("{illegal}")),
            }
        }
        if phase.is_none() {
            self.objects("no run was started".into());
        }
        phase
    }

    fn run(&mut self, run: &orch::Run) {
        if !run.phase().has_ended() {
            let tree = run.view().tree;
            let open = tree.iter().filter(|step| step.phase == StepPhase::Running);
            let open: Vec<String> = open.map(|step| step.id.clone()).collect();
            return self.objects(format!("the run is stuck in {}", open.join(", ")));
        }
        self.parts(run);
        let history = &self.world.history;
        match run.phase() {
            RunPhase::Cancelled if history.may_be_called_off => self.cancelled(run),
            RunPhase::Failed if !self.is_excused(run) => self.failed(run),
            RunPhase::Failed => {}
            RunPhase::Succeeded if self.expects_failure(run) => {
                self.objects("the run succeeded, and must not".into());
            }
            RunPhase::Succeeded => {}
            other => self.objects(format!("the run ended as {other:?}")),
        }
    }

    /// Says whether there was a reason to fail; what a later run found is none for the first.
    fn is_excused(&self, run: &orch::Run) -> bool {
        let history = &self.world.history;
        let of_first = history.excuses_of_first.unwrap_or(history.excuses.len());
        let is_first = run.started().parent.is_none() && run.retry_of().is_none();
        match is_first {
            true => of_first > 0,
            false => !history.excuses.is_empty(),
        }
    }

    fn expects_failure(&self, run: &orch::Run) -> bool {
        let is_outer = run.started().parent.is_none();
        let is_made_to = self.world.orchestration == Orchestration::ErrandsThatFail;
        is_outer && (is_made_to || self.is_refused())
    }

    /// Says whether somebody said no to the run, on record.
    fn is_refused(&self) -> bool {
        let is_no = |record: &Record| match record {
            Record::Run { record, .. } => {
                matches!(record, RunRecord::Approved { is_yes: false, .. })
            }
            _ => false,
        };
        self.records.iter().any(is_no)
    }

    /// A run failed although nothing happened that excuses it: only as it is meant to.
    fn failed(&mut self, run: &orch::Run) {
        let rets = run.steps().filter_map(|step| step.ret.as_ref());
        let failed = rets.filter(|ret| ret.result == Some(false));
        let is_refused = self.is_refused();
        let is_meant = |id: &str| self.expects_failure(run) && (is_refused || id == "never");
        let why = failed.filter(|ret| !is_meant(&ret.id));
        let why: Vec<String> = why
            .map(|ret| format!("{}: {}", ret.id, ret.comment))
            .collect();
        if !why.is_empty() {
            self.objects(format!("the run failed without a reason: {why:?}"));
        }
    }

    /// After a run was called off nothing starts but what comes in any case.
    fn cancelled(&mut self, run: &orch::Run) {
        let mut is_called_off = false;
        let mut wrong = Vec::new();
        for record in self.records {
            let Record::Run { run: of, record } = record else {
                continue;
            };
            if of != run.id() {
                continue;
            }
            match record {
                RunRecord::Cancelled { .. } => is_called_off = true,
                RunRecord::StepStarted { step, .. } if is_called_off => {
                    let planned = &run.plan().steps[*step];
                    let is_making = planned.chunk.fun == "secret";
                    if !planned.is_finally && !is_making {
                        let id = &planned.chunk.id;
                        wrong.push(format!("step {id} began after the run was called off"));
                    }
                }
                _ => {}
            }
        }
        self.violations.append(&mut wrong);
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
            // What was interrupted may be done again by a run that begins again.
            let is_again = !self.world.history.begun_again.is_empty();
            let once = [
                ("wiped", machine.wipes, is_again),
                ("made a control plane", machine.inits, false),
                ("joined", machine.joins, is_again),
            ];
            for (what, times, is_allowed) in once {
                if times > 1 && !is_allowed {
                    wrong.push(format!("{id} was {what} {times} times"));
                }
            }
            if machine.systems_lost > 0 {
                wrong.push(format!("{id} was wiped when it had a system"));
            }
            let is_excused = !self.world.history.excuses.is_empty();
            if !machine.tokens.is_empty() && (is_good || !is_excused) {
                wrong.push(format!("{id} has a valid token after the run"));
            }
            if self.world.orchestration != Orchestration::Kubic {
                wrong.extend(self.errands(node, id, machine));
                continue;
            }
            if !is_good {
                continue;
            }
            let is_plane = machine.control_plane == Done::Yes;
            let is_worker = machine.joined == Done::Yes;
            if machine.wipes == 0 || !machine.is_installed {
                wrong.push(format!("{id} is not installed, and the run succeeded"));
            }
            if is_plane != (node == 0) || is_worker != (node > 0) {
                wrong.push(format!("{id} has the wrong part, and the run succeeded"));
            }
        }
        self.violations.append(&mut wrong);
    }

    /// What the errands must have done to a machine: nothing twice; all of it after a success; what
    /// takes back and cleans up after a failure that was meant.
    fn errands(&self, node: usize, id: &MinionId, machine: &Machine) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.is_refused() {
            // What is to be done if a later step fails is done: that one failed too.
            let done = machine.errands.keys().filter(|errand| *errand != "instead");
            let said = |errand| format!("{id} did {errand}, which was refused");
            return done.map(said).collect();
        }
        if !self.world.history.begun_again.is_empty() {
            let is_good = self.phase == Some(RunPhase::Succeeded);
            let expected = ["inside", "rolling", "last"].into_iter();
            let lacking = expected.filter(|errand| is_good && machine.done(errand) == 0);
            return lacking
                .map(|errand| format!("{id} did not do {errand}"))
                .collect();
        }
        let twice = machine.errands.iter().filter(|(_, times)| **times > 1);
        let twice = twice.filter(|(errand, _)| *errand != "flaky");
        wrong.extend(twice.map(|(errand, times)| format!("{id} did {errand} {times} times")));
        let is_excused = !self.world.history.excuses.is_empty();
        let has_failed = match self.phase {
            Some(RunPhase::Succeeded) => false,
            Some(RunPhase::Failed) if !is_excused => true,
            _ => return wrong,
        };
        let expected = [
            ("inside", true),
            ("rolling", true),
            ("last", true),
            ("errand.undo rolling", has_failed),
            ("errand.tidy ", true),
            ("instead", has_failed && node == 0),
        ];
        for (errand, is_done) in expected {
            let times = machine.done(errand);
            if times != u32::from(is_done) {
                wrong.push(format!("{id} did '{errand}' {times} times"));
            }
        }
        wrong
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
        // What a crash or a bad disk left between a blob and its record is swept at the next start.
        let leaves = |fault: &Fault| {
            matches!(
                fault,
                Fault::Kill { .. } | Fault::Eio { .. } | Fault::Full { .. }
            )
        };
        if !self.world.faults.iter().any(leaves) && !left.is_empty() {
            self.objects(format!("{} blobs are left", left.len()));
        }
    }

    fn mine_left(&self, views: &Views) -> Option<String> {
        let minions = &self.world.minions;
        let left = minions.iter().find(|minion| views.mine.has_any(&minion.id));
        left.map(|minion| minion.id.to_string())
    }
}

/// Says whether a text holds one of the tokens. All have one form, with one dot: only what is
/// around a dot is looked at.
fn token_in(body: &[u8], form: &[u8], tokens: &BTreeSet<&[u8]>) -> bool {
    let before = form.iter().position(|byte| *byte == b'.').unwrap_or(0);
    let dots = body.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    let mut around = dots.filter_map(|(dot, _)| {
        let start = dot.checked_sub(before)?;
        body.get(start..start + form.len())
    });
    around.any(|part| tokens.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let tokens = BTreeSet::from([&b"abc.defg"[..], b"xyz.1234"]);
        let holds = |body: &[u8]| token_in(body, b"abc.defg", &tokens);
        assert!(holds(b"abc.defg") && holds(b"..xyz.1234") && holds(b"a.b xyz.1234."));
        assert!(!holds(b"") && !holds(b".") && !holds(b"abc.def") && !holds(b"bc.defg"));
    }
}
