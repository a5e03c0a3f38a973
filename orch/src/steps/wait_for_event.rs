//! `salt.wait_for_event`: goes on when an event of every listed id was seen.
//!
//! Reads the log from where the required step (or else the run) began, not from "now": a machine
//! that started while its neighbour was still being installed counts. Ids are compared as text.

use model::value::float_repr;
use model::{Cursor, Event, Map, Tag, TagGlob, Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;
use crate::boots::REPEATS_SYNTHESIZED;

use super::{Begin, Outcome, Scene, Step, Timeout, rebooting};

/// Salt's default for `timeout`: 300 seconds.
const TIMEOUT_MS: u64 = 300_000;

/// `salt.wait_for_event` with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitForEvent {
    /// Which tags: a glob.
    pub glob: TagGlob,
    /// Which ids must be seen; one that is listed twice must be seen twice.
    pub ids: Vec<WaitId>,
    /// The key of the event's data that holds the id; dots go deeper.
    pub event_id: String,
    /// How long, in milliseconds: in all, as in Salt, or since an awaited minion last showed
    /// anything, if `timeout_max` is given.
    pub timeout_ms: u64,
    /// How long in all, in milliseconds (`timeout_max`, ours).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_max_ms: Option<u64>,
}

/// An awaited id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitId {
    /// As text.
    pub id: String,
    /// The other way to read it: YAML 1.1 takes an unquoted `12:34:56:10:20:30` for a base-60
    /// number.
    #[serde(default)]
    pub alias: Option<String>,
}

impl WaitForEvent {
    /// Says whether it waits for minions that start: its glob takes the start event of an awaited
    /// id.
    pub(crate) fn waits_for_starts(&self) -> bool {
        let tag = |wait: &WaitId| Tag::new(format!("salt/minion/{}/start", wait.id));
        self.ids.iter().any(|wait| self.glob.matches(&tag(wait)))
    }

    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        let ids = ids(arguments);
        let glob = arguments.name();
        if let Some(only) = only_minion(glob) {
            for id in ids.iter().filter(|wait| wait.id != only) {
                let id = &id.id;
                arguments.refuse(format!(
                    "this wait can never match: only {only} sends '{glob}', not {id}; \
                     write salt/minion/*/start"
                ));
            }
        }
        if let Some(node) = arguments.text("node").filter(|node| node != "master") {
            arguments.warn(format!(
                "'node: {node}': events are taken from the master. Ignored."
            ));
        }
        let event_id = arguments.text("event_id");
        let timeout_ms = arguments.seconds("timeout").unwrap_or(TIMEOUT_MS);
        let timeout_max_ms = rebooting::limit(arguments, "timeout_max", timeout_ms);
        arguments.warn_of_rest();
        Self {
            glob: TagGlob::new(glob),
            ids,
            event_id: event_id.unwrap_or_else(|| "id".into()),
            timeout_ms,
            timeout_max_ms,
        }
    }

    /// Gives the awaited ids that were not seen, in the order they are listed.
    pub fn waiting_for(&self, attempt: &Attempt) -> Vec<&WaitId> {
        let mut waiting: Vec<&WaitId> = self.ids.iter().collect();
        for seen in &attempt.seen {
            if let Some(place) = waiting.iter().position(|wait| wait.id == seen.id) {
                waiting.remove(place);
            }
        }
        waiting
    }

    /// Gives the awaited ids that an event ticks off. One event ticks off an id once, however often
    /// it is told.
    pub(crate) fn matching(&self, attempt: &Attempt, event: &Event) -> Vec<String> {
        let after = attempt.after.unwrap_or(attempt.cursor);
        // A start that the master made up, and that came after all, is one start.
        let is_repeated = event.data.contains_key(REPEATS_SYNTHESIZED);
        if event.cursor <= after || is_repeated || !self.glob.matches(&event.tag) {
            return Vec::new();
        }
        let Some(value) = self.id_of(&event.data) else {
            return Vec::new();
        };
        let told: Vec<String> = match value {
            Value::List(items) => items.iter().map(Value::to_text).collect(),
            Value::Nil | Value::Map(_) => return Vec::new(),
            other => vec![other.to_text()],
        };
        let is_told = |wait: &WaitId| {
            told.iter()
                .any(|id| *id == wait.id || Some(id) == wait.alias.as_ref())
        };
        let is_new = |id: &str| {
            !attempt
                .seen
                .iter()
                .any(|seen| seen.cursor == event.cursor && seen.id == id)
        };
        let mut matching: Vec<String> = Vec::new();
        for wait in self.waiting_for(attempt) {
            if is_told(wait) && is_new(&wait.id) && !matching.contains(&wait.id) {
                matching.push(wait.id.clone());
            }
        }
        matching
    }

    /// Looks for the id in the data, then in the `data` inside it (events that minions send are
    /// wrapped).
    fn id_of<'e>(&self, data: &'e Map) -> Option<&'e Value> {
        let look = |map: &'e Map| {
            map.get(&self.event_id).or_else(|| {
                let (first, rest) = self.event_id.split_once('.')?;
                map.get(first)?.traverse(rest, ".")
            })
        };
        let found = look(data).filter(|value| !value.is_nil());
        found.or_else(|| look(data.get("data")?.as_map()?))
    }
}

fn ids(arguments: &mut Arguments<'_>) -> Vec<WaitId> {
    let Some(value) = arguments.value("id_list").cloned() else {
        arguments.required("id_list");
        return Vec::new();
    };
    let items = match value {
        Value::List(items) => items,
        Value::Map(_) => {
            arguments.refuse("'id_list' must be a list of ids");
            return Vec::new();
        }
        one => vec![one],
    };
    if items.is_empty() {
        arguments.refuse("'id_list' is empty: there is nothing to wait for");
    }
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        if matches!(item, Value::List(_) | Value::Map(_) | Value::Nil) || item == Value::from("") {
            arguments.refuse(format!("'id_list' holds {}, which is no id", item.repr()));
            continue;
        }
        let alias = item.as_u64().and_then(base_60);
        let id = item.to_text();
        if let Some(alias) = &alias {
            arguments.warn(format!(
                "'id_list' holds the number {id}, which is how YAML reads {alias} without quotes. \
                 Both are waited for."
            ));
        }
        ids.push(WaitId { id, alias });
    }
    ids
}

/// Gives a number as YAML 1.1 would have read it from base 60: `12:34:56:10:20:30`.
fn base_60(mut number: u64) -> Option<String> {
    let mut parts = Vec::new();
    while number >= 60 {
        parts.push(format!("{:02}", number % 60));
        number /= 60;
    }
    // A MAC address has six parts; anything shorter is more likely a plain number.
    if parts.len() < 5 {
        return None;
    }
    parts.push(number.to_string());
    parts.reverse();
    Some(parts.join(":"))
}

/// Gives the one minion that can send a tag without wildcards.
fn only_minion(glob: &str) -> Option<&str> {
    let id = glob.strip_prefix("salt/minion/")?.strip_suffix("/start")?;
    let is_literal = !glob.contains(['*', '?', '[']);
    is_literal.then_some(id)
}

impl Step for WaitForEvent {
    fn begin(&self, scene: &Scene<'_>) -> Begin {
        let tag = self.glob.as_str();
        if scene.is_test {
            let would = format!("Orchestration would wait for event '{tag}'");
            return Begin::Done(Outcome::would(would));
        }
        Begin::Wait {
            glob: self.glob.clone(),
            timeout: Timeout {
                millis: self.timeout_ms,
                millis_max: self.timeout_max_ms,
            },
        }
    }

    fn outcome(&self, scene: &Scene<'_>, attempt: &Attempt) -> Option<Outcome> {
        if let Some(why) = &attempt.refused {
            return Some(Outcome::failed(why));
        }
        let waiting = self.waiting_for(attempt);
        if !waiting.is_empty() && !attempt.is_timed_out {
            return None;
        }
        let mut seen = attempt.seen.clone();
        seen.sort_by_key(|seen| seen.cursor);
        let mut outcome = if waiting.is_empty() {
            let seconds = seconds_between(attempt.at, scene.now);
            Outcome::ok(format!("All events seen in {seconds} seconds."))
        } else {
            let missing: Vec<&str> = waiting.iter().map(|wait| wait.id.as_str()).collect();
            let missing = missing.join(", ");
            Outcome::failed(format!("Timeout value reached.\nNot seen: {missing}."))
        };
        let early = early(attempt.cursor, &seen);
        if !early.is_empty() {
            let early = early.join(", ");
            outcome
                .comment
                .push_str(&format!("\nSeen before the wait began: {early}."));
        }
        if !seen.is_empty() {
            let seen: Value = seen.iter().map(|seen| seen.id.as_str().into()).collect();
            outcome.changes.insert("minions_seen", seen);
        }
        Some(outcome)
    }
}

fn early(began: Cursor, seen: &[crate::attempt::Seen]) -> Vec<&str> {
    let early = seen.iter().filter(|seen| seen.cursor <= began);
    early.map(|seen| seen.id.as_str()).collect()
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> String {
    let micros = later.0.saturating_sub(earlier.0);
    float_repr(micros as f64 / 1e6)
}
