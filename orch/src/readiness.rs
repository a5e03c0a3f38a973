//! Which step is next: requisites over outcomes, in Salt's order.
//!
//! Steps go one after the other. A step whose turn has come first lets those it has a requisite on
//! run; then their results say whether it starts, is passed over, or fails without having run.

use std::collections::BTreeSet;

use model::Cursor;
use model::api::StepPhase;
use states::requisites::RequisiteKind;

use crate::blocks;
use crate::plan::Need;
use crate::run::Run;
use crate::steps::Outcome;

/// What happens next.
pub(crate) enum Next {
    /// A step starts.
    Start(usize),
    /// A step is over without having run.
    Skip(usize, Outcome),
    /// Nothing, until something that is at work ends.
    Wait,
    /// Nothing ever: all is done, or a failed step stopped the run.
    Done,
}

/// Says what happens next.
pub(crate) fn next(run: &Run) -> Next {
    let plan = &run.started.plan;
    let phase = |step: usize| run.steps[step].phase;
    let running: Vec<usize> = (0..run.steps.len())
        .filter(|step| phase(*step) == StepPhase::Running)
        .collect();
    if running.iter().any(|step| !plan.steps[*step].is_parallel) {
        return Next::Wait;
    }
    let mut pending = (0..run.steps.len()).filter(|step| phase(*step) == StepPhase::Pending);
    let body = pending.find(|step| !plan.steps[*step].is_finally);
    match (body, blocks::next_after(run)) {
        (Some(step), _) if !is_over_early(run) => resolve(run, step),
        // What must happen in any case comes when nothing else is at work any more.
        (_, Some(step)) if running.iter().all(|step| plan.steps[*step].is_finally) => {
            resolve(run, step)
        }
        _ if running.is_empty() => Next::Done,
        _ => Next::Wait,
    }
}

/// Says whether nothing starts any more but the steps that run in any case.
fn is_over_early(run: &Run) -> bool {
    run.cancelled_by.is_some() || is_stopped(run)
}

/// Says whether a step failed that has `failhard`.
fn is_stopped(run: &Run) -> bool {
    let options = &run.started.plan.options;
    let mut steps = run.started.plan.steps.iter().zip(&run.steps);
    !options.is_test
        && steps.any(|(planned, step)| {
            let is_failed = step
                .ret
                .as_ref()
                .is_some_and(|ret| ret.result == Some(false));
            is_failed && !planned.is_finally && planned.failhard.unwrap_or(options.failhard)
        })
}

/// Goes from a pending step down to what must run before it.
fn resolve(run: &Run, mut step: usize) -> Next {
    let mut above = BTreeSet::from([step]);
    let steps = &run.started.plan.steps;
    let is_over_early = is_over_early(run);
    // A step that will never run says nothing to those that run in any case.
    let is_out = |other: usize| is_over_early && !steps[other].is_finally;
    loop {
        let needs = &steps[step].needs;
        let is_open = |need: &&Need| {
            let phase = run.steps[need.step].phase;
            let is_never = phase == StepPhase::Pending && is_out(need.step);
            !(phase.has_ended() || is_never)
        };
        let Some(open) = needs.iter().find(is_open) else {
            return ready(run, step);
        };
        if run.steps[open.step].phase == StepPhase::Running {
            return Next::Wait;
        }
        if !above.insert(open.step) {
            // The plan refuses circles; a plan of an older version may not have.
            return Next::Skip(step, Outcome::failed("Recursive requisite found"));
        }
        step = open.step;
    }
}

/// What a requisite's results say, in Salt's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Met,
    Fail,
    OnfailNot,
    OnchangesNot,
    OnchangesMet,
}

fn ready(run: &Run, step: usize) -> Next {
    let said = said(run, step);
    let has = |what: Said| said.contains(&what);
    if has(Said::Fail) {
        return Next::Skip(step, requisite_failed(run, step));
    }
    let passed_over = if has(Said::OnfailNot) {
        Some("State was not run because onfail req did not change")
    } else if has(Said::OnchangesNot) && !has(Said::OnchangesMet) {
        Some("State was not run because none of the onchanges reqs changed")
    } else {
        None
    };
    match passed_over {
        Some(comment) => {
            let mut outcome = Outcome::ok(comment);
            outcome.more.insert("__state_ran__".into(), false.into());
            Next::Skip(step, outcome)
        }
        None => Next::Start(step),
    }
}

/// Collects what each kind of requisite says; the `_any` kinds and `onfail` forgive what they may.
fn said(run: &Run, step: usize) -> BTreeSet<Said> {
    let mut all = BTreeSet::new();
    for kind in RequisiteKind::ALL {
        let needs = run.started.plan.steps[step].needs.iter();
        let needs = needs.filter(|need| need.kind == kind);
        let mut said: BTreeSet<Said> = needs.filter_map(|need| one(run, kind, need.step)).collect();
        let is_any = kind.as_str().ends_with("_any") || kind == RequisiteKind::Onfail;
        if is_any && said.contains(&Said::Met) {
            said.remove(&Said::Fail);
            said.remove(&Said::OnfailNot);
        }
        if is_any && said.contains(&Said::OnchangesMet) {
            said.remove(&Said::OnchangesNot);
        }
        if kind == RequisiteKind::OnfailAll && said.contains(&Said::OnfailNot) {
            said.remove(&Said::Met);
        }
        all.append(&mut said);
    }
    all
}

fn one(run: &Run, kind: RequisiteKind, on: usize) -> Option<Said> {
    let ret = run.steps[on].ret.as_deref()?;
    let has_run = ret.more.get("__state_ran__") != Some(&false.into());
    let met = has_run.then_some(Said::Met);
    match kind {
        RequisiteKind::Onfail | RequisiteKind::OnfailAny | RequisiteKind::OnfailAll => {
            match ret.result {
                Some(true) => Some(Said::OnfailNot),
                _ => met,
            }
        }
        RequisiteKind::Onchanges | RequisiteKind::OnchangesAny => {
            let is_met = ret.result != Some(false) && !ret.changes.is_empty();
            Some(if is_met {
                Said::OnchangesMet
            } else {
                Said::OnchangesNot
            })
        }
        _ if ret.result == Some(false) => Some(Said::Fail),
        _ => met,
    }
}

/// Names the failed requisites as Salt does: `SLS.ID`.
fn requisite_failed(run: &Run, step: usize) -> Outcome {
    let plan = &run.started.plan;
    let mut names: Vec<String> = Vec::new();
    for need in &plan.steps[step].needs {
        let ret = run.steps[need.step].ret.as_deref();
        if ret.is_some_and(|ret| ret.result == Some(false)) {
            let chunk = &plan.steps[need.step].chunk;
            let name = format!("{}.{}", chunk.sls, chunk.id);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Outcome::failed(format!(
        "One or more requisite failed: {}",
        names.join(", ")
    ))
}

/// Gives the place behind which events count for a wait: where the first of the steps it requires
/// began, else where the run began.
///
/// A wait without requisites does not take events for news that an earlier wait of the run was
/// content with: two reboots in one orchestration are two reboots.
pub(crate) fn looks_back_to(run: &Run, step: usize) -> Cursor {
    let steps = &run.started.plan.steps;
    let began = steps[step]
        .needs
        .iter()
        .filter_map(|need| run.steps[need.step].attempts.first());
    if let Some(first) = began.map(|attempt| attempt.cursor).min() {
        return first;
    }
    let glob = steps[step].work.glob();
    let same =
        |other: &usize| *other != step && glob.is_some() && steps[*other].work.glob() == glob;
    let earlier = (0..steps.len()).filter(same);
    let earlier = earlier.filter(|other| run.steps[*other].phase.has_ended());
    let seen = earlier.flat_map(|other| &run.steps[other].attempts);
    let seen = seen.flat_map(|attempt| &attempt.seen);
    let last = seen.map(|seen| seen.cursor).max();
    last.unwrap_or_default().max(run.started.cursor)
}
