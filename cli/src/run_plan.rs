//! `brine run plan`: a plan as text, as a Mermaid or a DOT graph.
//!
//! The exit code is as terraform's with `-detailed-exitcode`: 0 is nothing to do, 2 is changes, 1
//! is an error.

use std::collections::BTreeMap;

use model::api::{PlanMark, PlanNode, PlanStep, PlanView};

use crate::outputters::{Color, Palette};
use crate::terminal::Terminal;

/// The plan would do something.
const CHANGES: u8 = 2;
/// Ids shown for a step before the rest is only counted.
const IDS_MAX: usize = 8;

/// In which form a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// By an outputter.
    Data,
}

impl Form {
    /// Reads `--out`.
    pub(crate) fn of(out: Option<&str>) -> Result<Self, String> {
        Ok(match out {
            None | Some("text" | "nested" | "highstate") => Self::Text,
            Some("mermaid") => Self::Mermaid,
            Some("dot") => Self::Dot,
            Some("json" | "yaml" | "raw" | "pprint") => Self::Data,
            Some(other) => {
                return Err(format!(
                    "a plan cannot be printed as {other}: text, mermaid, dot, json or yaml"
                ));
            }
        })
    }
}

/// Gives the exit code of a plan that could be made.
pub(crate) fn exit_code(plan: &PlanView) -> u8 {
    if plan.changes > 0 {
        CHANGES
    } else {
        crate::exit_code::OK
    }
}

/// Prints a plan.
pub(crate) fn print(plan: &PlanView, form: Form, palette: Palette, terminal: &mut Terminal) {
    let lines = match form {
        Form::Mermaid => mermaid(plan),
        Form::Dot => dot(plan),
        Form::Text | Form::Data => text(plan, palette),
    };
    for line in lines {
        terminal.line(&line);
    }
}

fn text(plan: &PlanView, palette: Palette) -> Vec<String> {
    let mut lines = vec![format!("Plan of {}  (hash {})", plan.name, plan.hash)];
    if !plan.nodes.is_empty() {
        lines.push(String::new());
        lines.push("Nodes".into());
        for (role, nodes) in by_role(&plan.nodes) {
            lines.push(format!("  {role}"));
            lines.extend(nodes.iter().flat_map(|node| node_lines(node, palette)));
        }
    }
    lines.extend(disk_lines(plan, palette));
    lines.push(String::new());
    lines.push("Steps".into());
    let width = plan.steps.iter().map(|step| step.id.chars().count()).max();
    let width = width.unwrap_or_default().min(32);
    for (index, step) in plan.steps.iter().enumerate() {
        lines.extend(step_lines(index, step, width, palette));
    }
    if !plan.warnings.is_empty() {
        lines.push(String::new());
        lines.push("Warnings".into());
        for warning in &plan.warnings {
            lines.push(palette.paint(Color::Yellow, &format!("  ! {warning}")));
        }
    }
    lines.push(String::new());
    lines.push(summary(plan));
    lines
}

/// Says whether the nodes were asked for what is on their disks, and what that means for the run.
fn disk_lines(plan: &PlanView, palette: Palette) -> Vec<String> {
    let is_wipe = |step: &PlanStep| step.marks.contains(&PlanMark::Wipe);
    if !plan.steps.iter().any(is_wipe) {
        return Vec::new();
    }
    let Some(look) = &plan.look else {
        let hint = "Disks: not looked at. With --look the nodes are asked what is on them, \
                    by a job that only reads.";
        return vec![String::new(), hint.to_owned()];
    };
    let jobs = look.jids.join(", then ");
    let asked = match look.asked {
        1 => "1 node was".to_owned(),
        number => format!("{number} nodes were"),
    };
    let mut lines = vec![
        String::new(),
        format!("Disks: {asked} asked what is on them (job {jobs}); nothing was changed."),
    ];
    if !look.silent.is_empty() {
        let silent = ids(&look.silent);
        let text = format!("  no answer from {silent}: the guard stops a run until they tell");
        lines.push(palette.paint(Color::Yellow, &text));
    }
    if !look.carriers.is_empty() {
        let carriers = ids(&look.carriers);
        let text = format!(
            "  a cluster is carried by {carriers}: the guard ends the run before anything is wiped"
        );
        lines.push(palette.paint(Color::Red, &text));
    }
    if let Some(hash) = &look.yes_wipe {
        lines.push(format!("  to lose what is on them: --yes-wipe={hash}"));
    }
    lines
}

fn by_role(nodes: &[PlanNode]) -> BTreeMap<String, Vec<&PlanNode>> {
    let mut by_role: BTreeMap<String, Vec<&PlanNode>> = BTreeMap::new();
    for node in nodes {
        let role = if node.roles.is_empty() {
            "(no role)".to_owned()
        } else {
            node.roles.join(", ")
        };
        by_role.entry(role).or_default().push(node);
    }
    by_role
}

fn node_lines(node: &PlanNode, palette: Palette) -> Vec<String> {
    let state = match (node.is_accepted, node.is_connected) {
        (false, _) => palette.paint(Color::Red, "no accepted minion"),
        (true, true) => "connected".to_owned(),
        (true, false) => palette.paint(Color::Yellow, "not connected now"),
    };
    let steps = match node.steps.len() {
        0 => palette.paint(Color::Yellow, "no step is for it"),
        1 => "1 step".to_owned(),
        number => format!("{number} steps"),
    };
    let mut lines = vec![format!("    {}  {state}, {steps}", node.id)];
    lines.extend(node.facts.iter().map(|fact| format!("        {fact}")));
    lines
}

fn color_of(step: &PlanStep) -> Option<Color> {
    let has = |mark: PlanMark| step.marks.contains(&mark);
    if has(PlanMark::Wipe) {
        Some(Color::Red)
    } else if has(PlanMark::Reboot) || has(PlanMark::Secret) || has(PlanMark::Approval) {
        Some(Color::Yellow)
    } else if step.is_change {
        Some(Color::Green)
    } else {
        None
    }
}

fn step_lines(index: usize, step: &PlanStep, width: usize, palette: Palette) -> Vec<String> {
    let sign = match (step.marks.first(), step.is_change) {
        (Some(PlanMark::Wipe), _) => '!',
        (_, true) => '+',
        (Some(PlanMark::Approval), false) => '?',
        _ => ' ',
    };
    let number = index + 1;
    let (id, what) = (&step.id, &step.what);
    let head = format!("  {number:>3} {sign} {id:width$}  {what}");
    let head = match color_of(step) {
        Some(color) => palette.paint(color, head.trim_end()),
        None => head.trim_end().to_owned(),
    };
    let mut lines = vec![head];
    let mut more = |label: &str, text: String| lines.push(format!("          {label}: {text}"));
    if !step.marks.is_empty() {
        let marks: Vec<&str> = step.marks.iter().map(|mark| mark.as_str()).collect();
        more("beware", marks.join(", "));
    }
    if !step.needs.is_empty() {
        let need = |need: &model::api::PlanNeed| match need.kind.as_str() {
            "require" => need.id.clone(),
            kind => format!("{} ({kind})", need.id),
        };
        let needs: Vec<String> = step.needs.iter().map(need).collect();
        more("after", needs.join(", "));
    }
    // A list of ids is told by the step's own line.
    if !step.nodes.is_empty() && step.nodes.join(",") != step.target {
        more("nodes", ids(&step.nodes));
    }
    if !step.missing.is_empty() {
        more("missing", ids(&step.missing));
    }
    lines
}

fn ids(ids: &[String]) -> String {
    let shown: Vec<&str> = ids.iter().take(IDS_MAX).map(String::as_str).collect();
    match ids.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn summary(plan: &PlanView) -> String {
    if plan.changes == 0 {
        return "Nothing to do: no step would change anything.".into();
    }
    let marked = |mark: PlanMark| {
        let steps = plan.steps.iter();
        steps.filter(|step| step.marks.contains(&mark)).count()
    };
    let counts = [
        (marked(PlanMark::Wipe), "may wipe disks"),
        (marked(PlanMark::Reboot), "restart machines"),
        (marked(PlanMark::Secret), "handle secrets"),
        (marked(PlanMark::Approval), "ask a person"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: String = counts
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    let (changes, steps) = (plan.changes, plan.steps.len());
    format!("{changes} of {steps} steps would do something{counts}.")
}

/// The requisites as edges; a step without any comes after the one before it, which is told by a
/// broken line.
fn edges(plan: &PlanView) -> Vec<(usize, usize, Option<String>)> {
    let place = |key: &str| plan.steps.iter().position(|step| step.key == key);
    let mut edges = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if step.needs.is_empty() && index > 0 {
            edges.push((index - 1, index, None));
        }
        for need in &step.needs {
            if let Some(from) = place(&need.key) {
                edges.push((from, index, Some(need.kind.clone())));
            }
        }
    }
    edges
}

fn label(step: &PlanStep, line_end: &str) -> String {
    let marks: Vec<&str> = step.marks.iter().map(|mark| mark.as_str()).collect();
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!("{line_end}[{}]", marks.join(", "))
    };
    format!("{}{line_end}{}{marks}", step.id, step.what)
}

fn mermaid(plan: &PlanView) -> Vec<String> {
    let mut lines = vec![
        format!("%% {} {}", plan.name, plan.hash),
        "flowchart TD".to_owned(),
    ];
    for (index, step) in plan.steps.iter().enumerate() {
        // Entities keep quotes and brackets from ending the label.
        let text = label(step, "\n")
            .replace('#', "#35;")
            .replace('"', "#quot;")
            .replace('<', "#lt;")
            .replace('>', "#gt;")
            .replace('\n', "<br/>");
        let (open, close) = if step.marks.contains(&PlanMark::Approval) {
            ("{{", "}}")
        } else {
            ("[", "]")
        };
        lines.push(format!("  s{index}{open}\"{text}\"{close}"));
    }
    for (from, to, kind) in edges(plan) {
        lines.push(match kind.as_deref() {
            None => format!("  s{from} -.-> s{to}"),
            Some("require") => format!("  s{from} --> s{to}"),
            Some(kind) => format!("  s{from} -- {kind} --> s{to}"),
        });
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let has = |mark: PlanMark| step.marks.contains(&mark);
        let style = if has(PlanMark::Wipe) {
            "fill:#fdd,stroke:#c00"
        } else if has(PlanMark::Reboot) {
            "fill:#ffd,stroke:#c90"
        } else if has(PlanMark::Approval) {
            "fill:#ddf,stroke:#33c"
        } else {
            continue;
        };
        lines.push(format!("  style s{index} {style}"));
    }
    lines
}

fn dot(plan: &PlanView) -> Vec<String> {
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace('\n', "\\n"))
    };
    let mut lines = vec![
        format!("digraph {} {{", quoted(&plan.name)),
        format!(
            "  label={};",
            quoted(&format!("{} {}", plan.name, plan.hash))
        ),
        "  node [shape=box];".to_owned(),
    ];
    for (index, step) in plan.steps.iter().enumerate() {
        let color = match color_of(step) {
            Some(Color::Red) => ", color=red",
            Some(Color::Yellow) => ", color=orange",
            _ => "",
        };
        let text = quoted(&label(step, "\n"));
        lines.push(format!("  s{index} [label={text}{color}];"));
    }
    for (from, to, kind) in edges(plan) {
        let style = match kind.as_deref() {
            None => " [style=dashed]".to_owned(),
            Some("require") => String::new(),
            Some(kind) => format!(" [label={}]", quoted(kind)),
        };
        lines.push(format!("  s{from} -> s{to}{style};"));
    }
    lines.push("}".into());
    lines
}
