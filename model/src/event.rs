//! A tagged message on the event bus.

use serde::{Deserialize, Serialize};

use crate::{Cursor, Map, Tag, Timestamp};

/// One event: what happened, to whom, when, and where it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where it stands in the log; `Cursor(0)` until it has been appended.
    #[serde(default)]
    pub cursor: Cursor,
    /// Its name.
    pub tag: Tag,
    /// Its payload. `_stamp` is added when it is shown, not stored.
    pub data: Map,
    /// When the master took it.
    pub stamp: Timestamp,
}

impl Event {
    /// Makes an event that is not in the log yet.
    pub fn new(tag: Tag, data: Map, stamp: Timestamp) -> Self {
        Self {
            cursor: Cursor(0),
            tag,
            data,
            stamp,
        }
    }

    /// Gives the payload as Salt shows it: with `_stamp`, unless the sender put one in.
    pub fn data_with_stamp(&self) -> Map {
        let mut data = self.data.clone();
        if !data.contains_key("_stamp") {
            data.insert("_stamp", self.stamp.iso());
        }
        data
    }
}
