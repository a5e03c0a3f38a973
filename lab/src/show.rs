//! What a person sees: a tree of steps with elapsed times and the nodes below it, drawn anew in
//! place on a terminal, else printed line by line as things change.

use std::io::{IsTerminal, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;
use model::api::{RunView, StepPhase, StepView};

use crate::flags::Out;
use crate::node::Node;
use crate::node::status::{Power, Status};

/// Where progress goes, and what it showed last.
#[derive(Debug)]
pub(crate) struct Screen {
    to_stderr: bool,
    is_live: bool,
    drawn_lines: usize,
    printed: Vec<String>,
}

impl Screen {
    /// Standard output for people, standard error when the result is data.
    pub(crate) fn new(out: Out) -> Self {
        let to_stderr = out == Out::Json;
        let is_live = if to_stderr {
            std::io::stderr().is_terminal()
        } else {
            std::io::stdout().is_terminal()
        };
        Self {
            to_stderr,
            is_live,
            drawn_lines: 0,
            printed: Vec::new(),
        }
    }

    /// Prints a line that stays.
    pub(crate) fn say(&mut self, line: &str) {
        self.drawn_lines = 0;
        self.write(&format!("{line}\n"));
    }

    /// Shows the tree: in place on a terminal, else only lines that tell something new.
    pub(crate) fn tree(&mut self, lines: &[Line]) {
        if self.is_live {
            let up = if self.drawn_lines > 0 {
                format!("\x1b[{}A", self.drawn_lines)
            } else {
                String::new()
            };
            let text: String = lines
                .iter()
                .map(|line| format!("\x1b[2K{}{}\n", line.text, line.time))
                .collect();
            self.write(&format!("{up}\x1b[J{text}"));
            self.drawn_lines = lines.len();
            return;
        }
        for line in lines {
            if !self.printed.contains(&line.text) {
                self.write(&format!("{}{}\n", line.text, line.time));
                self.printed.push(line.text.clone());
            }
        }
    }

    fn write(&self, text: &str) {
        // A closed terminal is noticed as a signal; nothing is lost with a line.
        if self.to_stderr {
            let _ = std::io::stderr().write_all(text.as_bytes());
        } else {
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
    }
}

/// One line: what it says, and the elapsed time that alone makes no news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    text: String,
    time: String,
}

/// The lines of a run and its nodes.
pub(crate) fn lines(view: &RunView, nodes: &[Node], now: Timestamp) -> Vec<Line> {
    let steps = view
        .tree
        .iter()
        .filter(|step| step.phase != StepPhase::Pending)
        .map(|step| step_line(step, now));
    let mut lines: Vec<_> = steps.collect();
    let waiting = view
        .tree
        .iter()
        .filter(|step| step.phase == StepPhase::Pending)
        .count();
    if waiting > 0 {
        lines.push(Line {
            text: format!("    {waiting} more to come"),
            time: String::new(),
        });
    }
    lines.extend(nodes.iter().map(node_line));
    lines
}

fn step_line(step: &StepView, now: Timestamp) -> Line {
    let sign = match step.phase {
        StepPhase::Pending => " ",
        StepPhase::Running => "…",
        StepPhase::Succeeded => "✓",
        StepPhase::Failed => "✗",
        StepPhase::Skipped | StepPhase::Cancelled => "-",
    };
    let attempts = if step.attempts > 1 {
        format!(" (attempt {})", step.attempts)
    } else {
        String::new()
    };
    let note = if step.phase == StepPhase::Running && !step.note.is_empty() {
        format!("  {}", step.note)
    } else {
        String::new()
    };
    let time = step.started.map_or_else(String::new, |start| {
        let elapsed = Duration::from_millis(step.ended.unwrap_or(now).millis_since(start));
        format!("  {:.1} s{note}", elapsed.as_secs_f64())
    });
    Line {
        text: format!("  {sign} {:<24} {}{attempts}", step.id, step.fun),
        time,
    }
}

fn node_line(node: &Node) -> Line {
    let status = Status::read(&node.dir);
    let power = match status.power {
        Power::Off => "off",
        Power::Live => "booted from the live image",
        Power::Disk => "booted from its disk",
    };
    Line {
        text: format!(
            "    {} {}  {power}, boot {}",
            node.hostname, node.id, status.boots
        ),
        time: String::new(),
    }
}

/// The time now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
