//! Which key each id has now.

use std::collections::BTreeMap;

use model::api::KeyList;
use model::{Cursor, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::pattern::Section;
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
    /// The highest protocol it has proven to speak; it is refused with an older one.
    #[serde(default)]
    pub version: u8,
    /// Since when it stands there. Unknown in snapshots of older releases.
    #[serde(default)]
    pub since: Timestamp,
}

/// All keys.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    live: BTreeMap<MinionId, Key>,
    denied: BTreeMap<MinionId, String>,
    /// When the last live key of an id was deleted, while the id has none.
    #[serde(default)]
    deleted: BTreeMap<MinionId, Timestamp>,
    /// The record of the last change.
    #[serde(default)]
    changed_at: Cursor,
}

/// Deletions that are remembered, the latest ones: their files are gone within seconds, or at the
/// next start of the master.
const DELETED_MAX: usize = 1024;

impl View {
    /// Takes in one change. The only writer of the view.
    pub fn apply(&mut self, changed: &KeyChanged) {
        let mut put = |phase| {
            let before = self.live.get(&changed.id);
            let key = Key {
                phase,
                pem: changed.pem.clone(),
                // Another key of the same id starts anew.
                version: before
                    .filter(|key| key.pem == changed.pem)
                    .map_or(0, |key| key.version),
                since: Timestamp::default(),
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
            KeyChange::Deleted | KeyChange::DeletedKeepingData => {
                self.live.remove(&changed.id);
            }
            KeyChange::DeniedDeleted => {
                self.denied.remove(&changed.id);
            }
            KeyChange::Spoke(version) => self.set_version(&changed.id, version),
            KeyChange::VersionReset => self.set_version(&changed.id, 0),
        }
    }

    /// Gives the record of the last change: as long as it is the same, so are the keys.
    pub fn changed_at(&self) -> Cursor {
        self.changed_at
    }

    /// Notes of which record a change is, and when the last one of an id's place was.
    pub(crate) fn date(&mut self, changed: &KeyChanged, cursor: Cursor, at: Timestamp) {
        self.changed_at = cursor;
        let is_of_its_place = matches!(
            changed.change,
            KeyChange::Pended | KeyChange::Accepted | KeyChange::Rejected
        );
        if let Some(key) = self.live.get_mut(&changed.id).filter(|_| is_of_its_place) {
            key.since = at;
            self.deleted.remove(&changed.id);
        }
        let is_deletion = matches!(
            changed.change,
            KeyChange::Deleted | KeyChange::DeletedKeepingData
        );
        if is_deletion {
            self.deleted.insert(changed.id.clone(), at);
            self.forget_old_deletions();
        }
    }

    fn forget_old_deletions(&mut self) {
        if self.deleted.len() > DELETED_MAX {
            let oldest = self.deleted.iter().min_by_key(|(_, at)| **at);
            let oldest = oldest.map(|(id, _)| id.clone());
            self.deleted.retain(|id, _| Some(id) != oldest.as_ref());
        }
    }

    /// Walks over the ids whose live key was deleted, with the time of the record.
    pub fn deleted(&self) -> impl Iterator<Item = (&MinionId, Timestamp)> {
        self.deleted.iter().map(|(id, at)| (id, *at))
    }

    fn set_version(&mut self, id: &MinionId, version: u8) {
        if let Some(key) = self.live.get_mut(id) {
            key.version = version;
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

    /// Walks over the keys in a section, by id in Salt's order: case does not count.
    pub fn in_section(&self, section: Section) -> Vec<(&MinionId, &str)> {
        let mut keys: Vec<(&MinionId, &str)> = match section.phase() {
            Some(phase) => self
                .in_phase(phase)
                .map(|(id, key)| (id, key.pem.as_str()))
                .collect(),
            None => self.all_denied().collect(),
        };
        keys.sort_by_cached_key(|(id, _)| id.as_str().to_lowercase());
        keys
    }

    /// Gives the ids in each place, as `salt-key -L` shows them.
    pub fn list(&self) -> KeyList {
        let ids = |section| {
            let keys = self.in_section(section).into_iter();
            keys.map(|(id, _)| id.to_string()).collect()
        };
        KeyList {
            minions: ids(Section::Accepted),
            minions_pre: ids(Section::Pending),
            minions_rejected: ids(Section::Rejected),
            minions_denied: ids(Section::Denied),
        }
    }
}
