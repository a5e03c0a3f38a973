//! `brine run explain`: what a run waits for, who is missing and when they last gave a sign of
//! life; or why it failed, and where in the log the proof stands.

use model::Timestamp;
use model::api::{Awaited, MinionPhase, RunExplanation, StepExplanation, StepPhase};

use crate::outputters::{Color, Palette};
use crate::run_report::{moment, word_of};
use crate::terminal::Terminal;
use crate::viewer::{elapsed, now};

/// Prints an explanation.
pub(crate) fn print(run: &RunExplanation, palette: Palette, terminal: &mut Terminal) {
    let summary = &run.summary;
    terminal.line(&format!(
        "{}, run {}: {}, {} of {} steps ended",
        summary.name,
        summary.run,
        word_of(summary.phase),
        summary.steps_ended,
        summary.steps
    ));
    for notice in &run.notices {
        terminal.line(&palette.paint(Color::Yellow, &format!("note: {notice}")));
    }
    for step in &run.tree {
        terminal.line("");
        print_step(step, palette, terminal);
    }
    if run.tree.is_empty() && !summary.phase.has_ended() {
        terminal.line("\nNo step is at work; the next one starts when the master comes to it.");
    }
    if !run.next.is_empty() {
        terminal.line("\nWhat you can do:");
        for command in &run.next {
            terminal.line(&format!("  {command}"));
        }
    }
}

fn print_step(step: &StepExplanation, palette: Palette, terminal: &mut Terminal) {
    let (word, color) = match step.phase {
        StepPhase::Failed => ("failed", Color::Red),
        StepPhase::Cancelled => ("was cancelled", Color::Yellow),
        _ => ("is at work", Color::Cyan),
    };
    let head = format!("{} ({}) {word}", step.id, step.fun);
    terminal.line(&palette.paint(color, &head));
    for line in step.why.lines() {
        terminal.line(&format!("  {line}"));
    }
    if let Some(question) = &step.question {
        for (number, next) in question.then.iter().enumerate() {
            let label = if number == 0 { "then" } else { "" };
            terminal.line(&format!("  {label:>8}  {next}"));
        }
    }
    let mut field = |label: &str, text: String| terminal.line(&format!("  {label:>8}: {text}"));
    if let Some(started) = step.started {
        let ago = elapsed(started, now());
        field("since", format!("{} UTC, {ago} ago", moment(started)));
    }
    if let Some(until) = step.until {
        let limit = step.limit.map_or_else(String::new, |limit| {
            let limit = moment(limit);
            format!(" if nothing more is heard, {limit} UTC in any case")
        });
        field("until", format!("{} UTC{limit}", moment(until)));
    }
    if let Some(jid) = &step.jid {
        field("job", jid.clone());
    }
    if let Some(proof) = step.proof {
        field("proof", format!("the log's record {proof}"));
    }
    let (here, missing): (Vec<&Awaited>, Vec<&Awaited>) =
        step.awaits.iter().partition(|awaited| awaited.is_here);
    for (label, group) in [("seen", here), ("missing", missing)] {
        if group.is_empty() {
            continue;
        }
        terminal.line(&format!("  {label:>8}: {}", group.len()));
        for awaited in group {
            terminal.line(&format!("            {}", describe(awaited)));
        }
    }
}

fn describe(awaited: &Awaited) -> String {
    let mut text = awaited.id.clone();
    if let Some(phase) = awaited.phase {
        text.push_str(&format!(" {}", word_of(phase)));
    }
    if !awaited.why.is_empty() {
        text.push_str(&format!(": {}", awaited.why));
    }
    if let Some(proof) = awaited.proof {
        text.push_str(&format!(" (record {proof})"));
    }
    let before = awaited.boot_before.as_ref();
    match (before, &awaited.boot) {
        (Some(before), Some(boot)) if before == boot => {
            text.push_str(&format!("; still in the same boot ({boot})"));
        }
        (Some(before), Some(boot)) => text.push_str(&format!("; new boot: {boot}, was {before}")),
        _ => {}
    }
    if awaited.is_here && awaited.phase != Some(MinionPhase::Failed) {
        return text;
    }
    let life = if !awaited.is_accepted {
        "no accepted minion has this id".to_owned()
    } else {
        let now = now();
        let ago = |at: Timestamp| format!("{} ago", elapsed(at, now));
        let connected = if awaited.is_connected {
            "connected"
        } else {
            "not connected"
        };
        let seen = awaited.last_seen.map_or_else(
            || "no sign of life since the master started".to_owned(),
            |at| format!("last sign of life {}", ago(at)),
        );
        let start = awaited
            .last_start
            .map_or_else(String::new, |at| format!(", last started {}", ago(at)));
        let boot = match (&awaited.boot, awaited.boot_since) {
            (Some(boot), Some(at)) if before.is_none() => format!(", {boot} told {}", ago(at)),
            _ => String::new(),
        };
        format!("{connected}, {seen}{start}{boot}")
    };
    format!("{text}; {life}")
}
