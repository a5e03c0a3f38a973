//! Decides what a minion's grains and start events change.

use model::{Event, Grains, Map, MinionId, Tag};

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
/// twice, nor one that the master had made up.
pub fn started<'a>(minions: &View, event: &'a Event) -> Option<(MinionId, &'a str)> {
    let start = start(&event.tag, &event.data)?;
    let is_told_late = event.data.contains_key(orch::REPEATS_SYNTHESIZED);
    (!is_told_late && !is_known(minions, &start)).then_some(start)
}

/// Says whether an event is a start that is on record already. A minion repeats an event whose
/// answer was lost; the text holds the second of the start, so the same text is the same start. It
/// is on the bus once: a second time it would look like another start to whoever waits for one.
pub fn is_told_twice(minions: &View, tag: &Tag, data: &Map) -> bool {
    start(tag, data).is_some_and(|start| is_known(minions, &start))
}

fn start<'a>(tag: &Tag, data: &'a Map) -> Option<(MinionId, &'a str)> {
    let id = started_id(tag)?;
    let said = data.get("data").and_then(|data| data.as_str());
    Some((id, said.unwrap_or_default()))
}

fn is_known(minions: &View, (id, said): &(MinionId, &str)) -> bool {
    let known = minions.get(id).and_then(|minion| minion.start.as_ref());
    known.is_some_and(|start| !said.is_empty() && start.said == *said)
}

/// Gives the minion whose start a tag tells.
pub fn started_id(tag: &Tag) -> Option<MinionId> {
    let id = tag
        .as_str()
        .strip_prefix("salt/minion/")?
        .strip_suffix("/start")?;
    id.parse().ok()
}

/// Gives the minion whose good sign-in an event tells.
pub fn signed_in_id(tag: &Tag, data: &Map) -> Option<MinionId> {
    if tag.as_str() != "salt/auth" {
        return None;
    }
    let is_in = data.get("act").and_then(|act| act.as_str()) == Some("accept");
    let id = data.get("id").filter(|_| is_in)?;
    id.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use model::{Cursor, Timestamp};

    use super::*;
    use crate::minions::view::Start;

    #[test]
    fn the_same_text_is_the_same_start() {
        let (mut minions, id) = (View::default(), "a".parse::<MinionId>().unwrap());
        let tag = Tag::minion_start(&id);
        let said = |text: &str| Map::from([("data", text)]);
        assert!(!is_told_twice(&minions, &tag, &said("at 1")));
        let start = Start {
            cursor: Cursor(1),
            at: Timestamp(1),
            said: "at 1".into(),
            is_synthesized: false,
            is_before_sign_in: false,
        };
        minions.started(&id, start);
        assert!(is_told_twice(&minions, &tag, &said("at 1")));
        assert!(!is_told_twice(&minions, &tag, &said("at 2")));
        assert!(!is_told_twice(&minions, &Tag::new("other"), &said("at 1")));
    }
}
