//! Sub-steps: what minions report by events while a step of a run is at work.
//!
//! Read from the log beside the run, kept nowhere: whoever watches later reads them again. For each
//! running step and minion the last one is shown, and how many there were.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use model::api::{RunView, SubStep};
use model::{Cursor, Event, MinionId, TagGlob, Value};

use crate::event_bus::look_back;
use crate::shared::Shared;

/// What counts as a sub-step: Yomi's own events, those of our formula that stands in for it, and
/// those that minions with `state_events: True` send for each state.
const GLOBS: [&str; 3] = ["yomi/*", "microos/*", "salt/job/*/prog/*"];

/// The sub-steps of the running steps of one run.
#[derive(Default)]
pub(super) struct Progress {
    read: Cursor,
    steps: BTreeMap<usize, Seen>,
}

struct Seen {
    began: Cursor,
    last: IndexMap<MinionId, SubStep>,
}

impl Progress {
    /// Reads on up to a place in the log, for the steps that are running now: each with the place
    /// where it began. What cannot be read is left out; progress is only shown.
    pub(super) async fn read(
        &mut self,
        shared: &Arc<Shared>,
        running: &[(usize, Cursor)],
        head: Cursor,
    ) {
        self.steps
            .retain(|step, seen| running.contains(&(*step, seen.began)));
        let Some(oldest) = running.iter().map(|(_, began)| *began).min() else {
            self.read = head;
            return;
        };
        for (step, began) in running {
            let new = || Seen {
                began: *began,
                last: IndexMap::new(),
            };
            self.steps.entry(*step).or_insert_with(new);
        }
        let after = self.read.max(oldest);
        if after >= head {
            return;
        }
        let reader = Arc::clone(&shared.reader);
        let look = move || {
            let mut events = Vec::new();
            for glob in GLOBS {
                let found = look_back(reader.as_ref(), &TagGlob::new(glob), after, head);
                events.extend(found.unwrap_or_default());
            }
            events.sort_by_key(|event| event.cursor);
            events
        };
        let events = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        self.read = head;
        for event in events {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Event) {
        let Some(id) = id_of(event) else {
            return;
        };
        for seen in self.steps.values_mut() {
            if event.cursor <= seen.began {
                continue;
            }
            let count = seen.last.get(&id).map_or(0, |last| last.count);
            let substep = SubStep {
                id: id.clone(),
                tag: event.tag.to_string(),
                at: event.stamp,
                count: count + 1,
            };
            seen.last.insert(id.clone(), substep);
        }
    }

    /// Puts them into a view: for each step those of the minions that it asked, the oldest first.
    pub(super) fn put_into(&self, view: &mut RunView) {
        for (index, seen) in &self.steps {
            let Some(step) = view.tree.get_mut(*index) else {
                continue;
            };
            let asked = seen.last.values();
            let asked = asked.filter(|substep| step.minions.contains_key(&substep.id));
            let mut substeps: Vec<SubStep> = asked.cloned().collect();
            substeps.sort_by_key(|substep| substep.at);
            step.substeps = substeps;
        }
    }
}

/// Gives the minion that says it: `id` of the data, or the part of a `prog` tag that names it.
fn id_of(event: &Event) -> Option<MinionId> {
    if let Some(id) = event.data.get("id").and_then(Value::as_str) {
        return id.parse().ok();
    }
    let (_, rest) = event.tag.as_str().split_once("/prog/")?;
    rest.split('/').next()?.parse().ok()
}
