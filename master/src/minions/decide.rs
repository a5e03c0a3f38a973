//! Decides what a minion's grains and start events change.

use model::{Event, Grains, MinionId, Tag};

use super::View;
use crate::ledger::Record;

/// Decides on grains that came with a pillar request. Unchanged ones leave no record.
pub fn on_grains(minions: &View, id: &MinionId, grains: &Grains) -> Vec<Record> {
    let mut records = Vec::new();
    if minions.grains(id) != Some(grains) {
        records.push(Record::GrainsChanged {
            id: id.clone(),
            grains: grains.clone(),
        });
    }
    records.push(Record::MinionRefreshed { id: id.clone() });
    records
}

/// Says whether a tag may be that of a start event: before anything is copied for a closer look.
pub fn may_be_start(tag: &Tag) -> bool {
    let tag = tag.as_str();
    tag.starts_with("salt/minion/") && tag.ends_with("/start")
}

/// Reads a start event: gives what the minion said, if this is one of `id` and not the same told
/// twice. A minion repeats an event whose answer was lost; the text holds the second of the start,
/// so the same text is the same start.
pub fn started<'a>(minions: &View, event: &'a Event) -> Option<(MinionId, &'a str)> {
    let id = event
        .tag
        .as_str()
        .strip_prefix("salt/minion/")?
        .strip_suffix("/start")?;
    let id: MinionId = id.parse().ok()?;
    let said = event
        .data
        .get("data")
        .and_then(|data| data.as_str())
        .unwrap_or_default();
    let is_told_twice = minions
        .get(&id)
        .and_then(|minion| minion.start.as_ref())
        .is_some_and(|start| !said.is_empty() && start.said == said);
    (!is_told_twice).then_some((id, said))
}
