//! A run as lines for a terminal: one per step, with its minions, its note and its last sub-steps
//! below.

use model::Timestamp;
use model::api::{MinionCounts, MinionPhase, RunPhase, RunView, StepPhase, StepView, SubStep};

use crate::outputters::{Color, Palette};

/// Minions whose sub-steps are shown below a running step: the last words of a few, not a log.
const SUBSTEPS_MAX: usize = 4;
/// Lines shown of why a step failed; the rest is in `brine run explain`.
const REASON_LINES_MAX: usize = 6;
/// Notices shown above the steps.
const NOTICES_MAX: usize = 3;
/// Ids shown per state of a step's minions before the rest is only counted.
const IDS_MAX: usize = 6;

/// The room to draw in, and the moment to draw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// The time, for elapsed times.
    pub(crate) now: Timestamp,
    /// Columns; longer lines are cut.
    pub(crate) width: usize,
    /// Rows; steps that ended are folded away first, then those to come.
    pub(crate) height: usize,
    /// The colours.
    pub(crate) palette: Palette,
    /// Whether only ASCII can be shown.
    pub(crate) is_ascii: bool,
}

/// Draws a run.
pub(super) fn draw(view: &RunView, frame: &Frame) -> Vec<String> {
    let columns = Columns::of(view);
    let mut blocks: Vec<(StepPhase, Vec<Line>)> = view
        .tree
        .iter()
        .map(|step| (step.phase, step_lines(step, &columns, frame)))
        .collect();
    let notices = view.notices.len().min(NOTICES_MAX);
    let room = frame.height.saturating_sub(1 + notices);
    let hidden = fold(&mut blocks, room);
    let mut lines = vec![head(view, frame)];
    let notices = view.notices.iter().take(NOTICES_MAX);
    lines.extend(notices.map(|notice| Line {
        color: Some(Color::Yellow),
        text: format!("  ! {notice}"),
    }));
    if hidden > 0 {
        let text = format!("  ... {hidden} more steps");
        lines.push(Line { color: None, text });
    }
    lines.extend(blocks.into_iter().flat_map(|(_, lines)| lines));
    lines.truncate(frame.height);
    lines.into_iter().map(|line| line.fit(frame)).collect()
}

/// A line before it is cut and coloured.
struct Line {
    color: Option<Color>,
    text: String,
}

impl Line {
    fn plain(text: String) -> Self {
        Self { color: None, text }
    }

    fn fit(self, frame: &Frame) -> String {
        let width = frame.width.max(1);
        let text = if self.text.chars().count() > width {
            let kept: String = self.text.chars().take(width.saturating_sub(1)).collect();
            format!("{kept}{}", if frame.is_ascii { '~' } else { '…' })
        } else {
            self.text
        };
        match self.color {
            Some(color) => frame.palette.paint(color, &text),
            None => text,
        }
    }
}

struct Columns {
    id: usize,
    fun: usize,
}

impl Columns {
    fn of(view: &RunView) -> Self {
        let longest = |text: fn(&StepView) -> &str| {
            let lengths = view.tree.iter().map(|step| text(step).chars().count());
            lengths.max().unwrap_or_default()
        };
        Self {
            // An id longer than this is cut by the line's end, not padded for.
            id: longest(|step| &step.id).min(40),
            fun: longest(|step| &step.fun).min(24),
        }
    }
}

/// Removes whole steps until the rest fits: those that ended well first, then those that wait.
fn fold(blocks: &mut Vec<(StepPhase, Vec<Line>)>, room: usize) -> usize {
    let mut hidden = 0;
    for phase in [StepPhase::Succeeded, StepPhase::Skipped, StepPhase::Pending] {
        loop {
            let rows: usize = blocks.iter().map(|(_, lines)| lines.len()).sum();
            // One row is for telling that steps are hidden.
            if rows + usize::from(hidden > 0) <= room {
                return hidden;
            }
            let found = if phase == StepPhase::Pending {
                blocks.iter().rposition(|(found, _)| *found == phase)
            } else {
                blocks.iter().position(|(found, _)| *found == phase)
            };
            let Some(place) = found else { break };
            blocks.remove(place);
            hidden += 1;
        }
    }
    hidden
}

fn head(view: &RunView, frame: &Frame) -> Line {
    let summary = &view.summary;
    let (word, color) = match summary.phase {
        RunPhase::Running => ("running", Color::Cyan),
        RunPhase::Succeeded => ("succeeded", Color::Green),
        RunPhase::Failed => ("failed", Color::Red),
        RunPhase::Cancelled => ("cancelled", Color::Yellow),
    };
    let until = summary.ended.unwrap_or(frame.now);
    let mut text = format!(
        "{}  {word} {}  {}/{} steps  run {}",
        summary.name,
        elapsed(summary.started, until),
        summary.steps_ended,
        summary.steps,
        summary.run
    );
    if let Some(of) = &view.retry_of {
        text.push_str(&format!("  retry of {of}"));
    }
    if view.resumed > 0 {
        text.push_str(&format!("  resumed {}x", view.resumed));
    }
    Line {
        color: Some(color),
        text,
    }
}

/// Gives a step's mark and its colour.
pub(crate) fn mark(phase: StepPhase, is_ascii: bool) -> (char, Color) {
    if is_ascii {
        let (_, color) = mark(phase, false);
        let sign = match phase {
            StepPhase::Pending => '.',
            StepPhase::Running => '>',
            StepPhase::Succeeded => '+',
            StepPhase::Failed => 'x',
            StepPhase::Skipped => '-',
            StepPhase::Cancelled => '#',
        };
        return (sign, color);
    }
    match phase {
        StepPhase::Pending => ('·', Color::Blue),
        StepPhase::Running => ('▶', Color::Cyan),
        StepPhase::Succeeded => ('✔', Color::Green),
        StepPhase::Failed => ('✘', Color::Red),
        StepPhase::Skipped => ('-', Color::Yellow),
        StepPhase::Cancelled => ('◼', Color::Yellow),
    }
}

fn step_lines(step: &StepView, columns: &Columns, frame: &Frame) -> Vec<Line> {
    let (sign, color) = mark(step.phase, frame.is_ascii);
    let time = match (step.started, step.ended) {
        _ if step.is_carried => "before".to_owned(),
        (Some(started), ended) => elapsed(started, ended.unwrap_or(frame.now)),
        (None, _) => String::new(),
    };
    let (id_width, fun_width) = (columns.id, columns.fun);
    let (id, fun) = (&step.id, &step.fun);
    let mut text = format!("  {sign} {id:id_width$}  {fun:fun_width$}  {time:>8}");
    if step.phase == StepPhase::Running {
        text.push_str(&typically(step));
    }
    if step.attempts > 1 {
        text.push_str(&format!("  attempt {}", step.attempts));
    }
    let counts = step.counts();
    if step.phase == StepPhase::Succeeded && counts.targeted() > 0 {
        text.push_str(&format!("  {}", counted(&counts)));
    }
    let mut lines = vec![Line {
        color: Some(color),
        text: text.trim_end().to_owned(),
    }];
    if step.phase == StepPhase::Running || step.phase == StepPhase::Failed {
        lines.extend(minion_lines(step));
    }
    match (step.phase, &step.ret) {
        (StepPhase::Running, _) => lines.extend(running_lines(step)),
        (StepPhase::Failed, Some(ret)) => {
            let reason = ret.comment.lines().filter(|line| !line.trim().is_empty());
            for line in reason.take(REASON_LINES_MAX) {
                lines.extend(wrapped(line, frame.width).into_iter().map(Line::plain));
            }
        }
        _ => {}
    }
    lines
}

/// Cuts a text into indented lines that fit, at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(INDENT.len()).max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > room {
            lines.push(format!("{INDENT}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{INDENT}{line}"));
    lines
}

/// What stands below a step begins here.
const INDENT: &str = "      ";

/// What a running step does or waits for, and the last words of its minions.
fn running_lines(step: &StepView) -> Vec<Line> {
    let mut lines = Vec::new();
    if !step.note.is_empty() {
        let color = step.question.as_ref().map(|_| Color::Yellow);
        let text = format!("{INDENT}{}", step.note);
        lines.push(Line { color, text });
    }
    for next in step.question.iter().flat_map(|question| &question.then) {
        lines.push(Line::plain(format!("{INDENT}  then {next}")));
    }
    let skipped = step.substeps.len().saturating_sub(SUBSTEPS_MAX);
    for SubStep { id, tag, at, count } in step.substeps.iter().skip(skipped) {
        let clock: String = at.clock().chars().take(8).collect();
        let count = match count {
            0 | 1 => String::new(),
            count => format!("  ({count})"),
        };
        lines.push(Line::plain(format!("{INDENT}{clock} {id}  {tag}{count}")));
    }
    if skipped > 0 {
        lines.push(Line::plain(format!("{INDENT}and {skipped} more minions")));
    }
    lines
}

/// Says how long a step took in earlier runs, if there were any.
pub(crate) fn typically(step: &StepView) -> String {
    match step.typical_ms {
        Some(millis) => {
            let typical = elapsed(Timestamp(0), Timestamp(millis.saturating_mul(1000)));
            format!("  (typically {typical})")
        }
        None => String::new(),
    }
}

/// Writes how many minions ended how: `3 ok, 1 lost`.
pub(crate) fn counted(counts: &MinionCounts) -> String {
    let groups = [
        (counts.failed, "failed"),
        (counts.lost, "lost"),
        (counts.never_seen, "never seen"),
        (counts.rebooted, "rebooted"),
        (counts.cancelled, "cancelled"),
        (counts.running, "running"),
        (counts.waiting, "waiting"),
        (counts.ok, "ok"),
    ];
    let groups = groups.iter().filter(|(count, _)| *count > 0);
    let groups: Vec<String> = groups
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    groups.join(", ")
}

/// The minions of a step, grouped by how they stand.
fn minion_lines(step: &StepView) -> Vec<Line> {
    let order = [
        (MinionPhase::Failed, "failed"),
        (MinionPhase::Lost, "lost"),
        (MinionPhase::NeverSeen, "never seen"),
        (MinionPhase::Rebooted, "rebooted"),
        (MinionPhase::Cancelled, "cancelled"),
        (MinionPhase::Running, "running"),
        (MinionPhase::Waiting, "waiting"),
        (MinionPhase::Ok, "ok"),
    ];
    let mut lines = Vec::new();
    for (phase, word) in order {
        let minions = step.minions.iter().filter(|(_, found)| **found == phase);
        let mut ids: Vec<&str> = minions.map(|(id, _)| id.as_str()).collect();
        if phase == MinionPhase::NeverSeen {
            ids.extend(step.missing.iter().map(String::as_str));
        }
        if ids.is_empty() {
            continue;
        }
        let shown: Vec<&str> = ids.iter().copied().take(IDS_MAX).collect();
        let more = match ids.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!("{INDENT}{} {word}: {}{more}", ids.len(), shown.join(", "));
        lines.push(Line::plain(text));
    }
    lines
}

/// Writes the time between two moments: `0.8s`, `12.7s`, `3m 58s`, `1h 02m`.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> String {
    let millis = to.millis_since(from);
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{seconds}.{}s", millis % 1000 / 100),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
