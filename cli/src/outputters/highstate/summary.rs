//! The end of a highstate: how many states ended how, and how long they took.

use model::{Map, Value};

use super::{Color, Style};

/// Length of the longest label, `Succeeded`.
const LABEL_CHARS_MAX: usize = 9;

/// What is counted over the states of one host.
#[derive(Debug, Default)]
pub(super) struct Counts {
    succeeded: usize,
    failed: usize,
    undecided: usize,
    /// States with warnings.
    pub(super) warnings: usize,
    /// States that changed something.
    pub(super) changed: usize,
    millis: f64,
    parallel_millis_max: f64,
}

impl Counts {
    /// Counts one state's result and time; gives the result, `Some(None)` being `None`.
    #[expect(
        clippy::option_option,
        reason = "the outer one is 'no highstate', the inner Salt's None"
    )]
    pub(super) fn count(&mut self, info: &Map) -> Option<Option<bool>> {
        let result = match info.get("result")? {
            Value::Nil => None,
            other => Some(other.is_truthy()),
        };
        match result {
            Some(true) => self.succeeded += 1,
            Some(false) => self.failed += 1,
            None => self.undecided += 1,
        }
        let millis = info.get("duration").map_or(0.0, millis_of);
        if info.contains_key("__parallel__") {
            self.parallel_millis_max = self.parallel_millis_max.max(millis);
        } else {
            self.millis += millis;
        }
        Some(result)
    }

    /// Writes the summary.
    pub(super) fn summary(&self, host: &str, style: &Style) -> Vec<String> {
        let palette = style.palette;
        let counted = [self.succeeded, self.failed, self.undecided, self.warnings];
        let digits = counted.map(|count| match count {
            0 => 0,
            count => count.to_string().len(),
        });
        let has_counted = digits.iter().any(|digits| *digits > 0);
        let digits_max = digits.into_iter().max().unwrap_or_default();
        let width = LABEL_CHARS_MAX + digits_max + 2;
        debug_assert!(has_counted || digits_max == 0);
        let rule = "-".repeat(width);
        let row = |label: &str, count: usize| {
            let room = width.saturating_sub(label.len() + 2);
            format!("{label}: {count:>room$}")
        };
        let mut lines = vec![palette.paint(Color::Cyan, &format!("\nSummary for {host}\n{rule}"))];
        let succeeded = row("Succeeded", self.succeeded + self.undecided);
        let succeeded = palette.paint(Color::Green, &succeeded);
        lines.push(format!("{succeeded}{}", self.details(style)));
        let color = if self.failed > 0 {
            Color::Red
        } else {
            Color::Cyan
        };
        lines.push(palette.paint(color, &row("Failed", self.failed)));
        if self.warnings > 0 {
            lines.push(palette.paint(Color::LightRed, &row("Warnings", self.warnings)));
        }
        let total = self.succeeded + self.failed + self.undecided;
        let room = width.saturating_sub(7);
        let totals = format!("{rule}\nTotal states run: {total:>room$}");
        lines.push(palette.paint(Color::Cyan, &totals));
        if style.state_output_profile {
            lines.push(palette.paint(Color::Cyan, &self.time(width)));
        }
        lines
    }

    fn details(&self, style: &Style) -> String {
        let mut details = Vec::new();
        if self.undecided > 0 {
            let text = format!("unchanged={}", self.undecided);
            details.push(style.palette.paint(Color::LightYellow, &text));
        }
        if self.changed > 0 {
            let text = format!("changed={}", self.changed);
            details.push(style.palette.paint(Color::Green, &text));
        }
        if details.is_empty() {
            String::new()
        } else {
            format!(" ({})", details.join(", "))
        }
    }

    fn time(&self, width: usize) -> String {
        let millis = self.millis + self.parallel_millis_max;
        let (time, unit) = if millis > 999.0 {
            (millis / 1000.0, "s")
        } else {
            (millis, "ms")
        };
        let room = width.saturating_sub(5);
        format!("Total run time: {:>room$} {unit}", format!("{time:.3}"))
    }
}

/// A duration is a number, or text such as `3.1 ms`; anything else counts nothing.
fn millis_of(duration: &Value) -> f64 {
    match duration {
        Value::Str(text) => {
            let number = text.split(" ms").next().unwrap_or_default();
            number.parse().unwrap_or_default()
        }
        other => other.as_f64().unwrap_or_default(),
    }
}
