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
use crate::record::Pause;
use crate::run::Run;
use crate::steps::Outcome;

/// What happens next.
pub(crate) enum Next {
    /// A step starts.
    Start(usize),
    /// A step is asked what it would do, for a `prereq` on it.
    Foresee(usize),
    /// What a step would do is known without asking.
    Foreseen(usize, Outcome),
    /// A person asked the run to hold before this step.
    Hold(usize),
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
        (Some(step), _) if !is_over_early(run) => {
            let is_held = |pause| !matches!(pause, Pause::Kill);
            match run.pause_of(step) {
                Some((_, pause)) if is_held(*pause) && running.is_empty() => Next::Hold(step),
                Some((_, pause)) if is_held(*pause) => Next::Wait,
                _ => resolve(run, step),
            }
        }
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
    run.cancelled_by.is_some() || is_stopped(run) || is_soft_killed(run)
}

/// Says whether the run has come to a step before which a person wants it to end.
pub(crate) fn is_soft_killed(run: &Run) -> bool {
    let mut steps = (0..run.steps.len())
        .filter(|step| !run.started.plan.steps[*step].is_finally)
        .filter(|step| run.steps[*step].phase == StepPhase::Pending);
    let next = steps.next().and_then(|step| run.pause_of(step));
    next.is_some_and(|(_, pause)| *pause == Pause::Kill)
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

/// Goes from a pending step down to what must run before it, or be asked what it would do.
fn resolve(run: &Run, mut step: usize) -> Next {
    let mut is_pre = false;
    let mut above = BTreeSet::from([(step, is_pre)]);
    let steps = &run.started.plan.steps;
    let is_over_early = is_over_early(run);
    // A step that will never run says nothing to those that run in any case.
    let is_out = |other: usize| is_over_early && !steps[other].is_finally;
    loop {
        let is_open = |need: &Need| {
            let other = &run.steps[need.step];
            let is_never = other.phase == StepPhase::Pending && is_out(need.step);
            let is_foreseen = need.kind == RequisiteKind::Prereq && other.pre.is_some();
            !(other.phase.has_ended() || is_never || is_foreseen)
        };
        // Who wants to know what this step would do runs before it.
        let before: Vec<Need> = match is_pre {
            true => Vec::new(),
            false => prerequired(run, step).collect(),
        };
        let mut needs = before.iter().chain(&steps[step].needs);
        let Some(open) = needs.find(|need| is_open(need)) else {
            return if is_pre {
                foresee(run, step)
            } else {
                ready(run, step)
            };
        };
        if run.steps[open.step].phase == StepPhase::Running {
            return Next::Wait;
        }
        is_pre = open.kind == RequisiteKind::Prereq && steps[step].needs.contains(open);
        if !above.insert((open.step, is_pre)) {
            // The plan refuses circles; a plan of an older version may not have.
            return Next::Skip(step, Outcome::failed("Recursive requisite found"));
        }
        step = open.step;
    }
}

/// Gives the steps that have a `prereq` on a step, as needs of it.
fn prerequired(run: &Run, step: usize) -> impl Iterator<Item = Need> {
    let others = run.started.plan.steps.iter().enumerate();
    let is_it = move |need: &Need| need.kind == RequisiteKind::Prereq && need.step == step;
    let others = others.filter(move |(_, other)| other.needs.iter().any(is_it));
    others.map(|(step, _)| Need {
        kind: RequisiteKind::Require,
        step,
    })
}

/// Says what a step would do, or asks it.
fn foresee(run: &Run, step: usize) -> Next {
    match passed_over(run, step) {
        Some(outcome) => Next::Foreseen(step, outcome),
        None => Next::Foresee(step),
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
    /// What a `prereq` names would change something.
    WouldChange,
    /// It would not.
    WouldNot,
}

fn ready(run: &Run, step: usize) -> Next {
    if let Some(why) = listened_in_vain(run, step) {
        return Next::Skip(step, why);
    }
    let has_failed = |need: Need| {
        let ret = run.steps[need.step].ret.as_deref();
        ret.is_some_and(|ret| ret.result == Some(false))
    };
    // What would have been done is what is shown of a step whose prereq failed, as in Salt.
    if let Some(pre) = run.steps[step].pre.as_deref()
        && prerequired(run, step).any(has_failed)
    {
        return Next::Skip(
            step,
            Outcome {
                result: pre.result,
                comment: pre.comment.clone(),
                ..Outcome::default()
            },
        );
    }
    match passed_over(run, step) {
        Some(outcome) => Next::Skip(step, outcome),
        None => Next::Start(step),
    }
}

/// A listener of ours reacts to changes only.
fn listened_in_vain(run: &Run, step: usize) -> Option<Outcome> {
    let listens = &run.started.plan.steps[step].listens;
    let has_changed = |other: &usize| {
        let ret = run.steps[*other].ret.as_deref();
        ret.is_some_and(|ret| !ret.changes.is_empty())
    };
    let is_vain = !listens.is_empty() && !listens.iter().any(has_changed);
    is_vain.then(|| Outcome::ok("Nothing that it listens to changed."))
}

/// Gives what a step ends with if its requisites keep it from running.
fn passed_over(run: &Run, step: usize) -> Option<Outcome> {
    let said = said(run, step);
    let has = |what: Said| said.contains(&what);
    if has(Said::Fail) {
        return Some(requisite_failed(run, step));
    }
    if has(Said::WouldNot) && !has(Said::WouldChange) {
        return Some(Outcome::ok("No changes detected"));
    }
    let comment = if has(Said::OnfailNot) {
        "State was not run because onfail req did not change"
    } else if has(Said::OnchangesNot) && !has(Said::OnchangesMet) {
        "State was not run because none of the onchanges reqs changed"
    } else {
        return None;
    };
    let mut outcome = Outcome::ok(comment);
    outcome.more.insert("__state_ran__".into(), false.into());
    Some(outcome)
}

/// Lets a step that has a `mod_watch` react: one whose watched steps changed something, and that
/// changed nothing itself, says so, as Salt's `test.*` do.
pub(crate) fn after_watch(run: &Run, step: usize, outcome: Outcome) -> Outcome {
    let steps = &run.started.plan.steps;
    let is_watch =
        |need: &&Need| matches!(need.kind, RequisiteKind::Watch | RequisiteKind::WatchAny);
    let changed = steps[step].needs.iter().filter(is_watch).filter(|need| {
        let ret = run.steps[need.step].ret.as_deref();
        ret.is_some_and(|ret| !ret.changes.is_empty())
    });
    let changed: Vec<model::Value> = changed
        .filter(|need| need.kind == RequisiteKind::Watch)
        .map(|need| {
            let chunk = &steps[need.step].chunk;
            format!("{}: {}", chunk.state, chunk.id).into()
        })
        .collect();
    if changed.is_empty() || !outcome.changes.is_empty() || run.started.plan.options.is_test {
        return outcome;
    }
    let mut fired = Outcome::ok("Watch statement fired.");
    let changed = model::Value::List(changed);
    fired.changes.insert("Requisites with changes", changed);
    fired
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
    if kind == RequisiteKind::Prereq {
        // A step that ran before anybody asked what it would do is not asked any more.
        let state = &run.steps[on];
        return match state.pre.as_deref().or(state.ret.as_deref())?.result {
            Some(false) => Some(Said::Fail),
            Some(true) => Some(Said::WouldNot),
            None => Some(Said::WouldChange),
        };
    }
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
        let state = &run.steps[need.step];
        let ret = match need.kind {
            RequisiteKind::Prereq => state.pre.as_deref().or(state.ret.as_deref()),
            _ => state.ret.as_deref(),
        };
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
