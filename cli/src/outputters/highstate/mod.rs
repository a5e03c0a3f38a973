//! The `highstate` outputter: what each state did, then a summary; the highstates of minions nest
//! in `Changes`.
//!
//! `mod.rs` unwraps the data and walks over hosts, [`chunk`] shows one state, [`summary`] counts.
//! Every function gives `None` where Salt's would raise: the caller then shows the data with
//! `nested`.

mod chunk;
mod summary;

use model::{Map, Value};

use super::{Color, Style, pprint};
use crate::python_text::{splitlines, without_escapes};
use summary::Counts;

/// Columns by which everything inside `Changes` moves right.
const CHANGES_INDENT: usize = 14;

/// Renders `{minion: {chunk: result}}`, with or without the envelopes of runners and job look-ups.
pub(super) fn output(data: &Value, style: &Style) -> Option<String> {
    output_at(data, style, 1)
}

fn output_at(data: &Value, style: &Style, level: usize) -> Option<String> {
    let hosts = match unwrapped(data) {
        Value::Map(hosts) => hosts,
        Value::Nil => return Some("None".into()),
        text @ (Value::Str(_) | Value::Int(_) | Value::Bool(_)) => return Some(text.to_text()),
        _ => return None,
    };
    let masters = hosts
        .keys()
        .filter(|key| key.to_text().ends_with("_master"))
        .count();
    let mut blocks = Vec::new();
    for (host, states) in hosts.iter() {
        let host = host.to_text();
        // The exit code that an orchestration carries beside its one master.
        if host == "retcode" && masters == 1 {
            continue;
        }
        blocks.push(show_host(&host, states, style, level)?.text);
    }
    Some(blocks.join("\n"))
}

/// Takes the envelopes off: a job's `return`, a runner's `data`, a looked up runner job.
fn unwrapped(data: &Value) -> &Value {
    let mut data = data;
    for key in ["return", "data"] {
        data = data.get(key).unwrap_or(data);
    }
    let Some((_, only)) = data
        .as_map()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.get_index(0))
    else {
        return data;
    };
    match only {
        Value::Map(job) if job.contains_key("jid") && job.contains_key("fun") => {
            let found = only.get("return").and_then(|ret| ret.get("data"));
            found.unwrap_or(data)
        }
        _ => data,
    }
}

/// One minion's block.
pub(super) struct Shown {
    /// The block.
    text: String,
    /// Whether anything changed.
    has_changed: bool,
}

fn show_host(host: &str, data: &Value, style: &Style, level: usize) -> Option<Shown> {
    let palette = style.palette;
    let mut lines = Vec::new();
    let mut changes = 0;
    let color = match data {
        Value::Int(_) | Value::Bool(_) | Value::Str(_) => {
            // What a function returned through an orchestration: always a change.
            changes = 1;
            let text = data.to_text();
            for line in splitlines(&text) {
                let start = palette.start(Color::Green);
                lines.push(format!("{start}    {line}{}", palette.end()));
            }
            Color::Cyan
        }
        Value::List(errors) => {
            lines.extend(compile_errors(errors, style));
            Color::LightRed
        }
        Value::Map(states) => {
            let mut counts = Counts::default();
            let color = show_states(states, style, level, &mut counts, &mut lines)?;
            lines.extend(counts.summary(host, style));
            changes = counts.changed;
            color
        }
        _ => Color::Green,
    };
    let title = format!("{}:", without_escapes(host));
    lines.insert(0, palette.paint(color, &title));
    Some(Shown {
        text: lines.join("\n"),
        has_changed: changes > 0,
    })
}

fn compile_errors(errors: &[Value], style: &Style) -> Vec<String> {
    let red = style.palette.start(Color::LightRed);
    let end = style.palette.end();
    let mut lines = vec![format!("    {red}Data failed to compile:{end}")];
    for error in errors {
        let error = without_escapes(&error.to_text());
        lines.push(format!("{red}----------\n    {error}{end}"));
    }
    lines
}

/// Shows the states in the order in which they ran; gives the colour of the host's name.
fn show_states(
    states: &Map,
    style: &Style,
    level: usize,
    counts: &mut Counts,
    lines: &mut Vec<String>,
) -> Option<Color> {
    let mut color = Color::Green;
    let mut chunks = Vec::new();
    for (key, info) in states.iter() {
        let key = key.to_text();
        let Some(info) = info.as_map() else { continue };
        if key != "changes" && !info.is_empty() && !info.contains_key("__run_num__") {
            lines.insert(0, pprint::output(&Value::Map(info.clone())));
            lines.insert(0, chunk::NO_ORDER.to_owned());
        }
        if info.contains_key("result") {
            chunks.push((key, info));
        }
    }
    chunks.sort_by_key(|(_, info)| info.get("__run_num__").and_then(Value::as_i64));
    for (key, info) in chunks {
        match counts.count(info)? {
            Some(false) => color = Color::Red,
            None => color = Color::LightYellow,
            Some(true) => {}
        }
        if let Some(shown) = chunk::show(&key, info, style, level, counts)? {
            lines.push(shown);
        }
    }
    Some(color)
}
