//! What each minion said of itself.

use std::collections::BTreeMap;

use model::{Cursor, Grains, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

/// One minion.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Minion {
    /// Its last grains.
    pub grains: Option<Grains>,
    /// Its last start: where it stands in the log, when, and what the minion said.
    pub start: Option<Start>,
    /// Where its last request for its pillar stands in the log. A minion's process asks for it
    /// before it takes any job: without one since a moment, it is the process of that moment.
    #[serde(default)]
    pub refreshed: Option<Cursor>,
}

/// One start of a minion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Where it stands in the log.
    pub cursor: Cursor,
    /// When the master took it.
    pub at: Timestamp,
    /// The text of the event, such as `Minion web01 started at Sat Nov 21 08:27:48 2026`.
    pub said: String,
}

/// All minions that ever said something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    minions: BTreeMap<MinionId, Minion>,
}

impl View {
    /// Gives what is known of a minion.
    pub fn get(&self, id: &MinionId) -> Option<&Minion> {
        self.minions.get(id)
    }

    /// Gives its grains.
    pub fn grains(&self, id: &MinionId) -> Option<&Grains> {
        self.minions.get(id)?.grains.as_ref()
    }

    /// Takes in new grains.
    pub fn grains_changed(&mut self, id: &MinionId, grains: &Grains) {
        self.minions.entry(id.clone()).or_default().grains = Some(grains.clone());
    }

    /// Takes in a request for its pillar.
    pub fn refreshed(&mut self, id: &MinionId, cursor: Cursor) {
        self.minions.entry(id.clone()).or_default().refreshed = Some(cursor);
    }

    /// Takes in a start.
    pub fn started(&mut self, id: &MinionId, start: Start) {
        self.minions.entry(id.clone()).or_default().start = Some(start);
    }

    /// Forgets a minion whose key was deleted.
    pub fn forget(&mut self, id: &MinionId) {
        self.minions.remove(id);
    }
}
