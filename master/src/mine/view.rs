//! What is in the mine now.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use model::{Map, MinionId, Value};
use serde::{Deserialize, Serialize};

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Place {
    /// In the record itself, as older releases wrote it.
    Record(Value),
    /// In the blob of this id.
    Blob(String),
}

/// All mine data, by minion, then by function (or alias).
///
/// Of a value in a blob only the blob's id is ever written down with the view; the value is given
/// to it by [`View::hold`], from the request or, after a start, from the blob.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    entries: BTreeMap<MinionId, IndexMap<String, Place>>,
    #[serde(skip)]
    values: HashMap<String, Value>,
    #[serde(skip)]
    unneeded: Vec<String>,
}

impl View {
    /// Takes in what a minion stored, as older releases recorded it.
    pub fn stored(&mut self, id: &MinionId, data: &Map, clear: bool) {
        let places = data
            .iter()
            .map(|(fun, value)| (fun.to_text(), Place::Record(value.clone())));
        self.put(id, places.collect(), clear);
    }

    /// Takes in what a minion stored: function to blob id.
    pub fn kept(&mut self, id: &MinionId, blobs: &BTreeMap<String, String>, clear: bool) {
        let places = blobs
            .iter()
            .map(|(fun, blob)| (fun.clone(), Place::Blob(blob.clone())));
        self.put(id, places.collect(), clear);
    }

    fn put(&mut self, id: &MinionId, places: Vec<(String, Place)>, clear: bool) {
        if clear {
            self.deleted(id, None);
        }
        for (fun, place) in places {
            let entry = self.entries.entry(id.clone()).or_default();
            if let Some(old) = entry.insert(fun, place) {
                self.drop_value(old);
            }
        }
    }

    /// Takes in a deletion: of one function, or of all.
    pub fn deleted(&mut self, id: &MinionId, fun: Option<&str>) {
        let gone: Vec<Place> = match fun {
            None => {
                let entry = self.entries.remove(id).unwrap_or_default();
                entry.into_values().collect()
            }
            Some(fun) => {
                let entry = self.entries.get_mut(id);
                let gone = entry.and_then(|entry| entry.shift_remove(fun));
                gone.into_iter().collect()
            }
        };
        for place in gone {
            self.drop_value(place);
        }
    }

    fn drop_value(&mut self, place: Place) {
        if let Place::Blob(blob) = place {
            self.discard(blob);
        }
    }

    /// Gives the view the value of a blob.
    pub fn hold(&mut self, blob: String, value: Value) {
        self.values.insert(blob, value);
    }

    /// Says that nothing refers to a blob.
    pub fn discard(&mut self, blob: String) {
        self.values.remove(&blob);
        self.unneeded.push(blob);
    }

    /// Gives the blobs that nothing refers to any more, once.
    pub fn take_unneeded(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unneeded)
    }

    /// Walks over the blobs that something refers to.
    pub fn blobs(&self) -> impl Iterator<Item = &String> {
        let places = self.entries.values().flat_map(IndexMap::values);
        places.filter_map(|place| match place {
            Place::Blob(blob) => Some(blob),
            Place::Record(_) => None,
        })
    }

    /// Says whether the minion has this very value there, in a blob.
    pub fn is_same(&self, id: &MinionId, fun: &str, value: &Value) -> bool {
        let place = self.entries.get(id).and_then(|entry| entry.get(fun));
        match place {
            Some(Place::Blob(blob)) => self.values.get(blob) == Some(value),
            _ => false,
        }
    }

    /// Gives what a minion has under a function.
    pub fn get(&self, id: &MinionId, fun: &str) -> Option<&Value> {
        self.value(self.entries.get(id)?.get(fun)?)
    }

    fn value<'a>(&'a self, place: &'a Place) -> Option<&'a Value> {
        match place {
            Place::Record(value) => Some(value),
            Place::Blob(blob) => self.values.get(blob),
        }
    }

    /// Gives all that a minion has in the mine.
    pub fn all(&self, id: &MinionId) -> Option<Map> {
        let entry = self.entries.get(id)?.iter();
        let found =
            entry.filter_map(|(fun, place)| Some((fun.as_str(), self.value(place)?.clone())));
        Some(found.collect())
    }

    /// Gives how many functions a minion has in the mine.
    pub fn count(&self, id: &MinionId) -> usize {
        self.entries.get(id).map_or(0, IndexMap::len)
    }

    /// Says whether a minion has anything in the mine.
    pub fn has_any(&self, id: &MinionId) -> bool {
        self.count(id) > 0
    }
}
