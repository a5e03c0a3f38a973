//! One state of a highstate: id, function, result, comment, times and changes.

use model::{Map, Value};

use super::super::nested;
use super::{CHANGES_INDENT, Color, Style, output_at, show_host};
use crate::outputters::highstate::summary::Counts;
use crate::python_text::{fill, splitlines};

/// Heads a state that a minion returned without saying when it ran.
pub(super) const NO_ORDER: &str = "The State execution failed to record the order in which all \
                                   states were executed. The state return missing data is:";

/// Functions whose changes are again whole highstates.
const ORCHESTRATIONS: [&str; 3] = ["state.orch", "state.orchestrate", "state.sls"];

/// Columns to which warnings are filled.
const WARNING_WIDTH: usize = 80;

/// Shows one state; `Some(None)` if the flags hide it.
pub(super) fn show(
    key: &str,
    info: &Map,
    style: &Style,
    level: usize,
    counts: &mut Counts,
) -> Option<Option<String>> {
    let result = info.get("result")?;
    let (is_changed, changes) = changes_of(info, style, level)?;
    counts.changed += usize::from(is_changed);
    let is_dull = result.is_truthy() && !is_changed;
    if is_dull && (style.state_output_diff || !style.state_verbose) {
        return Some(None);
    }
    let color = match result {
        Value::Bool(false) => Color::Red,
        Value::Nil => Color::LightYellow,
        _ if is_changed => Color::Cyan,
        _ => Color::Green,
    };
    let parts = Parts::of(key, style)?;
    if wants_one_line(&style.state_output, result, is_changed) {
        return Some(Some(one_line(&parts, info, style, color)?));
    }
    let mut lines = block(&parts, info, style, color)?;
    let (start, end) = (style.palette.start(color), style.palette.end());
    lines.push(format!("{start}     Changes:   {changes}{end}"));
    if let Some(warnings) = info.get("warnings") {
        counts.warnings += 1;
        lines.push(warnings_line(warnings, style)?);
    }
    Some(Some(lines.join("\n")))
}

/// The four parts of a low chunk's key.
struct Parts<'a> {
    state: &'a str,
    id: &'a str,
    name: &'a str,
    function: &'a str,
}

impl<'a> Parts<'a> {
    fn of(key: &'a str, style: &Style) -> Option<Self> {
        let parts: Vec<&str> = key.split("_|-").collect();
        let id = *parts.get(1)?;
        let name = *parts.get(2)?;
        Some(Self {
            state: parts.first()?,
            id,
            name: if style.state_output.ends_with("_id") {
                id
            } else {
                name
            },
            function: parts.get(3)?,
        })
    }
}

fn changes_of(info: &Map, style: &Style, level: usize) -> Option<(bool, String)> {
    let changes = info.get("changes")?;
    let name = info.get("name").and_then(Value::as_str);
    if name.is_some_and(|name| ORCHESTRATIONS.contains(&name)) {
        let inner = output_at(changes, style, level + 1)?;
        let pad = " ".repeat(CHANGES_INDENT * level);
        let text = format!("\n{inner}").replace('\n', &format!("\n{pad}"));
        return Some((true, format!("{pad}{text}")));
    }
    if !changes.is_truthy() {
        return Some((false, String::new()));
    }
    let Some(map) = changes.as_map() else {
        return Some((true, format!("Invalid Changes data: {}", changes.to_text())));
    };
    match map.get("ret") {
        Some(ret) if !ret.is_nil() && map.get("out") == Some(&Value::str("highstate")) => {
            nested_highstates(ret.as_map()?, style)
        }
        _ => {
            let text = nested::output(changes, style.palette, CHANGES_INDENT, 0);
            Some((true, format!("\n{}", text.trim_end())))
        }
    }
}

fn nested_highstates(hosts: &Map, style: &Style) -> Option<(bool, String)> {
    let pad = " ".repeat(CHANGES_INDENT);
    let mut has_changed = false;
    let mut text = String::new();
    for (host, states) in hosts.iter() {
        let shown = show_host(&host.to_text(), states, style, 1)?;
        for line in splitlines(&shown.text) {
            text.push_str(&format!("\n{pad}{line}"));
        }
        if splitlines(&shown.text).is_empty() {
            text.push('\n');
        }
        has_changed |= shown.has_changed;
    }
    Some((has_changed, text))
}

fn wants_one_line(state_output: &str, result: &Value, is_changed: bool) -> bool {
    let has_failed = *result == Value::Bool(false);
    let state_output = state_output.to_lowercase();
    state_output.starts_with("terse")
        || (state_output.starts_with("mixed") && !has_failed)
        || (state_output.starts_with("changes") && result.is_truthy() && !is_changed)
}

fn one_line(parts: &Parts<'_>, info: &Map, style: &Style, color: Color) -> Option<String> {
    let result = match info.get("result")? {
        Value::Bool(false) => "Failed",
        Value::Nil => "Differs",
        _ if info.get("changes")?.is_truthy() => "Changed",
        _ => "Clean",
    };
    let palette = style.palette;
    let mut text = String::new();
    if let Some(warnings) = info.get("warnings") {
        let lines: Vec<String> = warnings.as_list()?.iter().map(Value::to_text).collect();
        let heading = format!("Warnings:\n{}", lines.join("\n"));
        text.push_str(&palette.paint(Color::LightRed, &heading));
    }
    let Parts {
        state,
        name,
        function,
        ..
    } = parts;
    let start = palette.start(color);
    text.push_str(&format!(
        " {start} Name: {name} - Function: {state}.{function} - Result: {result}"
    ));
    if let Some(started) = info
        .get("start_time")
        .filter(|_| style.state_output_profile)
    {
        let duration = info.get("duration")?.to_text();
        let started = started.to_text();
        text.push_str(&format!(" - Started: {started} - Duration: {duration} ms"));
    }
    text.push_str(palette.end());
    Some(text)
}

fn block(parts: &Parts<'_>, info: &Map, style: &Style, color: Color) -> Option<Vec<String>> {
    let palette = style.palette;
    let (start, end) = (palette.start(color), palette.end());
    let field = |label: &str, text: &str| format!("    {start}{label:>8}: {text}{end}");
    let mut lines = vec![palette.paint(color, "----------")];
    lines.push(field("ID", parts.id));
    lines.push(field(
        "Function",
        &format!("{}.{}", parts.state, parts.function),
    ));
    if parts.id != parts.name {
        lines.push(field("Name", parts.name));
    }
    lines.push(field("Result", &info.get("result")?.to_text()));
    lines.push(field("Comment", &comment(info)?));
    if let Some(started) = info
        .get("start_time")
        .filter(|_| style.state_output_profile)
    {
        lines.push(field("Started", &started.to_text()));
        let duration = match info.get("duration") {
            None => String::new(),
            Some(Value::Str(text)) if text.is_empty() => String::new(),
            Some(duration) => format!("{} ms", duration.to_text()),
        };
        lines.push(field("Duration", &duration));
    }
    Some(lines)
}

fn comment(info: &Map) -> Option<String> {
    let pad = format!("\n{}", " ".repeat(CHANGES_INDENT));
    let comment = info.get("comment")?.to_text();
    let mut comment = comment.trim().replace('\n', &pad);
    match info.get("data") {
        None => {}
        Some(Value::List(items)) => {
            for item in items {
                comment.push_str(&format!(" {}", item.to_text()));
            }
        }
        Some(Value::Map(map)) => {
            for (key, value) in map.iter() {
                comment.push_str(&format!("\n\t\t{}: {}", key.to_text(), value.to_text()));
            }
        }
        Some(other) => comment.push_str(&format!(" {}", other.to_text())),
    }
    Some(comment)
}

fn warnings_line(warnings: &Value, style: &Style) -> Option<String> {
    let texts: Vec<String> = warnings.as_list()?.iter().map(Value::to_text).collect();
    let indent = " ".repeat(CHANGES_INDENT);
    let text = fill(&texts.join("\n"), WARNING_WIDTH, &indent);
    let red = style.palette.start(Color::LightRed);
    let end = style.palette.end();
    Some(format!("   {red} Warnings: {}{end}", text.trim_start()))
}
