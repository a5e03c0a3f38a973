//! `_minion_event`: a minion puts something on the bus.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use minion_protocol::Reply;
use minion_protocol::load::event::{EventLoad, MinionEvents};
use model::{Glob, Map, MinionId, Tag, Value};

use super::large;
use super::returns::recorded;
use crate::ledger::Input;
use crate::shared::Shared;
use crate::transport::Refused;

/// Tags that only the master itself may use, as globs: a minion that could say them would play
/// another minion or the master (CVE-2025-22236, CVE-2025-22239).
static MASTERS_TAGS: LazyLock<[Glob; 15]> = LazyLock::new(|| MASTERS.map(Glob::new));
const MASTERS: [&str; 15] = [
    "salt/enrolment/*",
    "salt/job/*/publish",
    "salt/job/*/new",
    "salt/job/*/return",
    "salt/key",
    "salt/cloud/*",
    "salt/run/*",
    "salt/secret/*",
    "salt/cluster/*",
    "salt/wheel/*/new",
    "salt/wheel/*/return",
    "salt/auth",
    "salt/presence/*",
    "key",
    "minion/refresh/*",
];

/// Fires a minion's events. What it may not say is dropped and told in the log.
pub(crate) async fn fire(shared: &Arc<Shared>, load: EventLoad, from: SocketAddr) -> Reply {
    let id = load.id;
    let mut events = Vec::new();
    match load.events {
        MinionEvents::One { tag, data } => events.push((tag, data)),
        MinionEvents::Many {
            pretag,
            events: many,
        } => {
            for (tag, data) in many {
                let data = as_map(data);
                if let Some(pretag) = &pretag {
                    events.push((format!("{pretag}/{tag}"), data.clone()));
                }
                events.push((tag, data));
            }
        }
    }
    events.retain(|(tag, _)| {
        let is_allowed = may_say(&id, tag);
        if !is_allowed {
            let why = format!("{id} may not fire {tag:?}");
            shared.refusals.count(Refused::Event, from, &why);
        }
        is_allowed
    });
    let events = events
        .into_iter()
        .map(|(tag, mut data)| {
            shared.redactor.redact_map(&mut data);
            (Tag::new(tag), data)
        })
        .collect();
    let Some(input) = large::put(shared, Input::Events(events)).await else {
        return Reply::Broken;
    };
    recorded(shared.ledger.decide(input).await.is_ok())
}

fn as_map(data: Value) -> Map {
    match data {
        Value::Map(map) => map,
        other => Map::from([("data", other)]),
    }
}

/// Says whether a minion may fire a tag: none of the master's, and of those that name a minion only
/// its own.
fn may_say(id: &MinionId, tag: &str) -> bool {
    if MASTERS_TAGS.iter().any(|glob| glob.matches(tag)) {
        return false;
    }
    let owned = ["salt/minion/", "salt/beacon/", "salt/key/"];
    if let Some(rest) = owned.iter().find_map(|prefix| tag.strip_prefix(prefix)) {
        return rest
            .strip_prefix(id.as_str())
            .is_some_and(|rest| rest.starts_with('/'));
    }
    let is_foreign_return = tag.starts_with("salt/job/")
        && tag
            .split_once("/ret/")
            .is_some_and(|(_, who)| who != id.as_str());
    // A bare jid announces a job's minions.
    !is_foreign_return && tag.parse::<model::Jid>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minion_speaks_for_itself_only() {
        let id: MinionId = "web01".parse().unwrap();
        let cases = [
            ("yomi/mount_/mnt/var/enter", true),
            ("minion_start", true),
            ("salt/minion/web01/start", true),
            ("salt/minion/web02/start", false),
            ("salt/minion/web011/start", false),
            ("salt/job/20261121081655861002/prog/web01/1", true),
            ("salt/job/20261121081655861002/ret/web02", false),
            ("salt/job/20261121081655861002/publish", false),
            ("20261121081655861002", false),
            ("salt/auth", false),
            ("salt/beacon/web01/load/", true),
            ("salt/beacon/web02/load/", false),
        ];
        for (tag, expected) in cases {
            assert_eq!(may_say(&id, tag), expected, "{tag}");
        }
    }
}
