//! All runs that are kept, each the fold of its records.

use std::collections::{BTreeMap, HashMap, VecDeque};

use model::api::{RunSummary, RunView};
use model::{Cursor, Jid, Timestamp, Value};
use orch::{Run, RunRecord};
use serde::{Deserialize, Serialize};

/// Earlier runs that a typical time is made of: the last ones say more than last year's.
const TYPICAL_RUNS_MAX: usize = 20;

/// The runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    runs: BTreeMap<Jid, Run>,
    /// What was decided in the batch at hand and is not taken in yet, in order: the next decision
    /// on a run follows these.
    #[serde(skip)]
    ahead: VecDeque<(Jid, RunRecord)>,
}

impl View {
    /// Takes in one record. One that cannot follow is told and left out: the log is of a newer
    /// release, or damaged in a way that checksums do not see.
    pub fn apply(&mut self, id: &Jid, record: &RunRecord) {
        let mut ahead = self.ahead.iter();
        let place = ahead.position(|(run, decided)| run == id && decided == record);
        if let Some(place) = place {
            self.ahead.remove(place);
        }
        if let Some(run) = Run::of_first(record) {
            self.runs.insert(id.clone(), run);
            return;
        }
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if let Err(illegal) = run.apply(record) {
            tracing::error!(%illegal, "a record of a run makes no sense and is left out");
        }
    }

    /// Notes what was decided for a run and will be taken in with the batch at hand.
    pub fn decided(&mut self, id: &Jid, record: &RunRecord) {
        self.ahead.push_back((id.clone(), record.clone()));
    }

    /// Gives a run with all that was decided for it so far, taken in or not: two causes in one
    /// batch are decided on one after the other.
    pub fn as_decided(&self, id: &Jid) -> Option<Run> {
        let mut run = self.runs.get(id)?.clone();
        for (_, record) in self.ahead.iter().filter(|(of, _)| of == id) {
            if let Err(illegal) = run.apply(record) {
                tracing::error!(%illegal, "a run decided on something that cannot follow");
            }
        }
        Some(run)
    }

    /// Gives a run.
    pub fn get(&self, id: &Jid) -> Option<&Run> {
        self.runs.get(id)
    }

    /// Walks over the runs that have not ended.
    pub fn open(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| !run.phase().has_ended())
    }

    /// Says why a plan cannot be started now: a run that has not ended holds a lock that it wants.
    /// A lock is nothing but that: it is held from a run's first record to its last. What the run
    /// `above`, or one above that, holds is held for the runs that they start.
    pub fn refusal_of(&self, plan: &orch::Plan, above: Option<&Jid>) -> Option<String> {
        if plan.options.is_test || plan.locks.is_empty() {
            return None;
        }
        let parent = |run: &&Run| self.runs.get(run.started().parent.as_ref()?);
        let family = std::iter::successors(above.and_then(|id| self.runs.get(id)), parent);
        let family: Vec<&Jid> = family.map(Run::id).collect();
        let held = |run: &&Run| {
            let held = run.plan();
            !held.options.is_test
                && !family.contains(&run.id())
                && held.locks.iter().any(|lock| plan.locks.contains(lock))
        };
        let run = self.open().find(held)?;
        let lock = run
            .plan()
            .locks
            .iter()
            .find(|lock| plan.locks.contains(lock))?;
        let (id, started) = (run.id(), run.started());
        Some(format!(
            "run {id} of {}, started by {} at {}, holds the lock '{lock}': only one run has it at \
             a time. Wait for its end (brine run attach {id}) or call it off (brine run cancel \
             {id}), then start again.",
            run.plan().name,
            started.user,
            started.at.clock(),
        ))
    }

    /// Gives the ids of the runs that have not ended.
    pub fn unfinished(&self) -> Vec<Jid> {
        self.open().map(|run| run.id().clone()).collect()
    }

    /// Gives the run with its steps.
    pub fn view(&self, id: &Jid) -> Option<RunView> {
        self.runs.get(id).map(Run::view)
    }

    /// Gives how long each step of a run took in earlier runs of the same orchestration, by the
    /// step's key: the median, in milliseconds.
    pub fn typical_ms(&self, id: &Jid) -> HashMap<String, u64> {
        let Some(run) = self.runs.get(id) else {
            return HashMap::new();
        };
        let name = &run.plan().name;
        let others = self.runs.values().rev();
        let others = others.filter(|other| other.id() < id && other.plan().name == *name);
        let mut took: HashMap<String, Vec<u64>> = HashMap::new();
        for other in others.take(TYPICAL_RUNS_MAX) {
            for (index, step) in other.plan().steps.iter().enumerate() {
                if let Some(millis) = other.took_ms(index) {
                    took.entry(step.chunk.key()).or_default().push(millis);
                }
            }
        }
        let median = |(key, mut millis): (String, Vec<u64>)| {
            millis.sort_unstable();
            let middle = millis.get(millis.len() / 2).copied();
            Some((key, middle?))
        };
        took.into_iter().filter_map(median).collect()
    }

    /// Gives what `state.orchestrate` gave, if the run has ended.
    pub fn result(&self, id: &Jid) -> Option<Value> {
        let run = self.runs.get(id)?;
        run.phase().has_ended().then(|| run.result())
    }

    /// Gives one line for each run, oldest first.
    pub fn summaries(&self) -> Vec<RunSummary> {
        self.runs.values().map(|run| run.view().summary).collect()
    }

    /// Gives the place in the log from which a run that has not ended may still want to read.
    pub fn oldest_needed(&self) -> Option<Cursor> {
        self.open().map(Run::oldest_needed).min()
    }

    /// Says whether a run is here and stays after what ended before a moment was forgotten.
    pub fn is_kept(&self, id: &Jid, before: Timestamp) -> bool {
        self.runs.get(id).is_some_and(|run| is_kept(run, before))
    }

    /// Says whether a run ended before a moment.
    pub fn has_older(&self, before: Timestamp) -> bool {
        self.runs.values().any(|run| !is_kept(run, before))
    }

    /// Forgets the runs that ended before a moment.
    pub fn forget(&mut self, before: Timestamp) {
        self.runs.retain(|_, run| is_kept(run, before));
    }
}

fn is_kept(run: &Run, before: Timestamp) -> bool {
    !run.phase().has_ended() || run.ended().is_none_or(|ended| ended >= before)
}
