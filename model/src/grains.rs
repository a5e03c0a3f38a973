//! What a minion says of itself.

use serde::{Deserialize, Serialize};

use crate::{Map, Value};

/// The grains of one minion. Claims of the minion: good for targeting, never for trust.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grains(pub Map);

impl Grains {
    /// Looks up a grain by colon path, as `grains.get` does.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut parts = path.splitn(2, ':');
        let first = self.0.get(parts.next()?)?;
        match parts.next() {
            None => Some(first),
            Some(rest) => first.traverse(rest, ":"),
        }
    }
}
