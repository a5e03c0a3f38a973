//! A run that was begun again does not do once more what had been done before the step it begins
//! with. What had been is read from the records of the earlier run, not asked of the master.

use std::collections::{BTreeMap, BTreeSet};

use master::ledger::Record;
use model::Jid;
use model::api::StepPhase;
use orch::{Run, RunRecord};

/// Gives each step that was begun once more, although it had succeeded before the chosen one.
pub(super) fn repeated(records: &[Record], begun_again: &[(Jid, Option<String>)]) -> Vec<String> {
    let mut by_run: BTreeMap<&Jid, Vec<&RunRecord>> = BTreeMap::new();
    for record in records {
        if let Record::Run { run, record } = record {
            by_run.entry(run).or_default().push(record);
        }
    }
    let mut wrong = Vec::new();
    for (run, of_run) in &by_run {
        let Some(RunRecord::Retried { of, .. }) = of_run.first() else {
            continue;
        };
        let wish = begun_again.iter().find(|(run, _)| run == of);
        let before = by_run.get(of).cloned().unwrap_or_default();
        let (Some((_, from)), Ok(Some(before))) = (wish, Run::fold(before)) else {
            wrong.push(format!(
                "{run} is no retry of a run that was to begin again"
            ));
            continue;
        };
        let done = done_before(&before, from.as_deref());
        for step in begun(records, run).filter(|step| done.contains(step)) {
            let id = &before.plan().steps[step].chunk.id;
            wrong.push(format!(
                "{id} had succeeded in {of}, and {run} did it again"
            ));
        }
    }
    wrong.dedup();
    wrong
}

/// Walks over what a run begins: steps, and their jobs.
fn begun<'a>(records: &'a [Record], run: &'a Jid) -> impl Iterator<Item = usize> + 'a {
    records.iter().filter_map(move |record| match record {
        Record::Run {
            run: of,
            record: RunRecord::StepStarted { step, .. },
        } if of == run => Some(*step),
        Record::JobPublished(job) => {
            let step = job.step.as_ref().filter(|step| step.run == *run);
            step.map(|step| step.step)
        }
        _ => None,
    })
}

/// Gives the steps before the chosen one that had succeeded. What belongs to the end of a run is
/// none of these, nor a secret, which its run took back, nor a guard, which looks anew, nor what
/// was undone.
fn done_before(run: &Run, from: Option<&str>) -> BTreeSet<usize> {
    let steps: Vec<_> = run.steps().collect();
    let planned = &run.plan().steps;
    let is_good = |step: usize| {
        let state = steps[step];
        let result = state.ret.as_ref().and_then(|ret| ret.result);
        state.phase == StepPhase::Succeeded && result != Some(false)
    };
    let is_passed = |step: usize| steps[step].phase == StepPhase::Skipped;
    let first_bad = (0..steps.len()).find(|step| !is_good(*step) && !is_passed(*step));
    let named = from.and_then(|from| planned.iter().position(|step| step.chunk.id == from));
    let chosen = named.or(first_bad).unwrap_or(0);
    let is_undone = |step: usize| {
        let mut all = planned.iter().zip(&steps);
        all.any(|(of, state)| {
            let owner = of.owner.as_ref();
            owner.is_some_and(|owner| owner.is_compensation && owner.step == step)
                && !state.attempts.is_empty()
        })
    };
    let done = (0..chosen).filter(|step| {
        let of = &planned[*step];
        let is_anew = matches!(of.chunk.fun.as_str(), "secret" | "wipe_guard");
        let is_of_end = of.is_finally || of.owner.is_some();
        is_good(*step) && !is_anew && !is_of_end && !is_undone(*step)
    });
    done.collect()
}
