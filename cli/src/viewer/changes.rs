//! Two views of a run → what changed between them, one line each.

use indexmap::IndexMap;
use model::api::{MinionPhase, RunPhase, RunView, StepPhase, StepView};
use model::{MinionId, Timestamp};

use super::{counted, elapsed};

/// Lines told of why a step failed, after the first.
const REASON_LINES_MAX: usize = 8;
/// One in so many sub-steps of a minion is told.
const SUBSTEPS_TOLD: u64 = 100;

/// Tells what changed since the last view; since nothing, how the run stands.
pub(super) fn between(last: Option<&RunView>, view: &RunView) -> Vec<String> {
    let mut lines = Vec::new();
    let run = &view.summary;
    if last.is_none() {
        lines.push(stamped(
            run.started,
            &format!(
                "{} started as run {}, {} steps",
                run.name, run.run, run.steps
            ),
        ));
    }
    if last.map_or(0, |last| last.resumed) != view.resumed {
        let times = view.resumed;
        lines.push(format!(
            "         the master resumed this run; {times}x in all"
        ));
    }
    let notices_before = last.map_or(&[][..], |last| &last.notices);
    for notice in view
        .notices
        .iter()
        .filter(|notice| !notices_before.contains(notice))
    {
        lines.push(format!("         note: {notice}"));
    }
    for step in &view.tree {
        let before = last.and_then(|last| last.tree.iter().find(|other| other.key == step.key));
        step_changes(before, step, &mut lines);
    }
    let was_running = last.is_none_or(|last| !last.summary.phase.has_ended());
    if was_running && run.phase.has_ended() {
        let word = match run.phase {
            RunPhase::Succeeded => "succeeded",
            RunPhase::Cancelled => "was cancelled",
            RunPhase::Failed | RunPhase::Running => "failed",
        };
        let ended = run.ended.unwrap_or(run.started);
        let time = elapsed(run.started, ended);
        lines.push(stamped(ended, &format!("{} {word} after {time}", run.name)));
    }
    lines
}

fn step_changes(before: Option<&StepView>, step: &StepView, lines: &mut Vec<String>) {
    let phase_before = before.map_or(StepPhase::Pending, |before| before.phase);
    let attempts_before = before.map_or(0, |before| before.attempts);
    let id = &step.id;
    if step.attempts > attempts_before {
        let which = match step.attempts {
            0 | 1 => String::new(),
            number => format!(", attempt {number}"),
        };
        let started = step.started.unwrap_or_default();
        lines.push(stamped(
            started,
            &format!("{id}: {} started{which}", step.fun),
        ));
    }
    if step.question.is_some() && before.is_none_or(|before| before.question.is_none()) {
        for next in step.question.iter().flat_map(|question| &question.then) {
            lines.push(format!("         {id}: then {next}"));
        }
    }
    let missing_before = before.map_or(&[][..], |before| &before.missing);
    if step.missing != missing_before {
        let missing = step.missing.join(", ");
        lines.push(format!(
            "         {id}: no accepted minion is called {missing}"
        ));
    }
    substep_changes(before, step, lines);
    let no_minions = IndexMap::new();
    let minions_before = before.map_or(&no_minions, |before| &before.minions);
    minion_changes(id, minions_before, &step.minions, lines);
    let note_before = before.map_or("", |before| before.note.as_str());
    if !step.phase.has_ended() && !step.note.is_empty() && step.note != note_before {
        lines.push(format!("         {id}: {}", step.note));
    }
    if step.phase != phase_before && step.phase.has_ended() {
        let ended = step.ended.unwrap_or_default();
        lines.push(stamped(ended, &format!("{id}: {}", outcome(step))));
        if let (StepPhase::Failed, Some(ret)) = (step.phase, &step.ret) {
            let more = ret.comment.lines().skip(1).take(REASON_LINES_MAX);
            lines.extend(more.map(|line| format!("         {line}")));
        }
    }
}

/// A minion's first sub-step is told, and every hundredth: a log of them is `state.event`.
fn substep_changes(before: Option<&StepView>, step: &StepView, lines: &mut Vec<String>) {
    for substep in &step.substeps {
        let mut all_before = before.into_iter().flat_map(|before| &before.substeps);
        let seen = all_before.find(|other| other.id == substep.id);
        let seen = seen.map_or(0, |other| other.count);
        let is_told = seen == 0 || substep.count / SUBSTEPS_TOLD != seen / SUBSTEPS_TOLD;
        if is_told && substep.count != seen {
            let (id, tag, count) = (&substep.id, &substep.tag, substep.count);
            lines.push(format!(
                "         {}: {id} reports {tag} ({count})",
                step.id
            ));
        }
    }
}

fn outcome(step: &StepView) -> String {
    let word = match step.phase {
        StepPhase::Succeeded => "succeeded",
        StepPhase::Skipped => return "skipped: a requisite failed".into(),
        StepPhase::Cancelled => "cancelled",
        _ => "failed",
    };
    let time = match (step.started, step.ended) {
        (Some(started), Some(ended)) => format!(" after {}", elapsed(started, ended)),
        _ => String::new(),
    };
    let reason = match (step.phase, &step.ret) {
        (StepPhase::Failed, Some(ret)) => {
            format!(": {}", ret.comment.lines().next().unwrap_or_default())
        }
        _ => String::new(),
    };
    let counts = step.counts();
    let minions = match counts.targeted() {
        0 => String::new(),
        _ => format!(" ({})", counted(&counts)),
    };
    format!("{word}{time}{minions}{reason}")
}

fn minion_changes(
    step: &str,
    before: &IndexMap<MinionId, MinionPhase>,
    minions: &IndexMap<MinionId, MinionPhase>,
    lines: &mut Vec<String>,
) {
    for (id, phase) in minions {
        let word = match phase {
            MinionPhase::Waiting => continue,
            MinionPhase::Running => "is at work",
            MinionPhase::Ok => "is done",
            MinionPhase::Failed => "failed",
            MinionPhase::Rebooted => "restarted",
            MinionPhase::Lost => "is lost",
            MinionPhase::Cancelled => "was called off",
            MinionPhase::NeverSeen => "was never seen",
        };
        if before.get(id) != Some(phase) {
            lines.push(format!("         {step}: {id} {word}"));
        }
    }
}

fn stamped(at: Timestamp, text: &str) -> String {
    let clock: String = at.clock().chars().take(8).collect();
    format!("{clock} {text}")
}
