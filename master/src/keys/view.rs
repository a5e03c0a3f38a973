//! Which key each id has now.

use std::collections::BTreeMap;

use model::MinionId;
use model::api::KeyList;
use serde::{Deserialize, Serialize};

use super::{KeyChange, KeyChanged};

/// Where a live key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its minion may do everything a minion may.
    Accepted,
    /// It waits for an operator.
    Pending,
    /// It is turned away.
    Rejected,
}

/// One live key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Where it stands.
    pub phase: Phase,
    /// PEM text, normalised.
    pub pem: String,
}

/// All keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    live: BTreeMap<MinionId, Key>,
    denied: BTreeMap<MinionId, String>,
}

impl View {
    /// Takes in one change. The only writer of the view.
    pub fn apply(&mut self, changed: &KeyChanged) {
        let mut put = |phase| {
            let key = Key {
                phase,
                pem: changed.pem.clone(),
            };
            self.live.insert(changed.id.clone(), key);
        };
        match changed.change {
            KeyChange::Pended => put(Phase::Pending),
            KeyChange::Accepted => put(Phase::Accepted),
            KeyChange::Rejected => put(Phase::Rejected),
            KeyChange::Denied => {
                self.denied.insert(changed.id.clone(), changed.pem.clone());
            }
            KeyChange::Deleted => {
                self.live.remove(&changed.id);
            }
            KeyChange::DeniedDeleted => {
                self.denied.remove(&changed.id);
            }
        }
    }

    /// Gives the live key of an id.
    pub fn get(&self, id: &MinionId) -> Option<&Key> {
        self.live.get(id)
    }

    /// Gives the denied key of an id.
    pub fn denied(&self, id: &MinionId) -> Option<&str> {
        self.denied.get(id).map(String::as_str)
    }

    /// Says whether the id's key is accepted.
    pub fn is_accepted(&self, id: &MinionId) -> bool {
        self.live
            .get(id)
            .is_some_and(|key| key.phase == Phase::Accepted)
    }

    /// Walks over the accepted ids in order.
    pub fn accepted(&self) -> impl Iterator<Item = &MinionId> {
        self.in_phase(Phase::Accepted).map(|(id, _)| id)
    }

    /// Walks over the live keys in a phase, by id.
    pub fn in_phase(&self, phase: Phase) -> impl Iterator<Item = (&MinionId, &Key)> {
        self.live.iter().filter(move |(_, key)| key.phase == phase)
    }

    /// Walks over the denied keys, by id.
    pub fn all_denied(&self) -> impl Iterator<Item = (&MinionId, &str)> {
        self.denied.iter().map(|(id, pem)| (id, pem.as_str()))
    }

    /// Gives the ids in each place, as `salt-key -L` shows them.
    pub fn list(&self) -> KeyList {
        let ids = |phase| self.in_phase(phase).map(|(id, _)| id.to_string()).collect();
        KeyList {
            minions: ids(Phase::Accepted),
            minions_pre: ids(Phase::Pending),
            minions_rejected: ids(Phase::Rejected),
            minions_denied: self.denied.keys().map(ToString::to_string).collect(),
        }
    }
}
