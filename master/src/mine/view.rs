//! What is in the mine now.

use std::collections::BTreeMap;

use model::{Map, MinionId, Value};
use serde::{Deserialize, Serialize};

/// All mine data, by minion, then by function (or alias).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    entries: BTreeMap<MinionId, Map>,
}

impl View {
    /// Takes in what a minion stored.
    pub fn stored(&mut self, id: &MinionId, data: &Map, clear: bool) {
        let entry = self.entries.entry(id.clone()).or_default();
        if clear {
            *entry = Map::new();
        }
        entry.extend(data.clone());
    }

    /// Takes in a deletion: of one function, or of all.
    pub fn deleted(&mut self, id: &MinionId, fun: Option<&str>) {
        match fun {
            None => {
                self.entries.remove(id);
            }
            Some(fun) => {
                if let Some(entry) = self.entries.get_mut(id) {
                    entry.remove(fun);
                }
            }
        }
    }

    /// Gives what a minion has under a function.
    pub fn get(&self, id: &MinionId, fun: &str) -> Option<&Value> {
        self.entries.get(id)?.get(fun)
    }

    /// Gives all that a minion has in the mine.
    pub fn all(&self, id: &MinionId) -> Option<&Map> {
        self.entries.get(id)
    }

    /// Says whether a minion has anything in the mine.
    pub fn has_any(&self, id: &MinionId) -> bool {
        self.entries.get(id).is_some_and(|entry| !entry.is_empty())
    }
}
