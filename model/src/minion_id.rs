//! Minion ids: parsed once, valid for ever.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a minion. Never empty, `.` or `..`; holds no `/`, `\`, NUL or control character;
/// safe as one path component. Compares as text (an id such as `12:34:56:10:20:30` is never a
/// number).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinionId(String);

/// The text cannot be a minion id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid minion id")]
pub struct InvalidMinionId(pub String);

/// Longest id: the longest file name that common file systems take.
const MINION_ID_BYTES_MAX: usize = 255;

impl MinionId {
    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MinionId {
    type Err = InvalidMinionId;

    fn from_str(text: &str) -> Result<Self, InvalidMinionId> {
        let is_bad = text.is_empty()
            || text.len() > MINION_ID_BYTES_MAX
            || text == "."
            || text == ".."
            || text
                .chars()
                .any(|c| c == '/' || c == '\\' || c.is_control());
        if is_bad {
            Err(InvalidMinionId(text.to_owned()))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl TryFrom<String> for MinionId {
    type Error = InvalidMinionId;

    fn try_from(text: String) -> Result<Self, InvalidMinionId> {
        text.parse()
    }
}

impl From<MinionId> for String {
    fn from(id: MinionId) -> Self {
        id.0
    }
}

impl fmt::Display for MinionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_not_an_id() {
        for text in ["", ".", "..", "../../etc", "a/b", "a\\b", "a\0b", "a\nb"] {
            assert!(text.parse::<MinionId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_mac_is_an_id() {
        assert!("00:00:00:11:11:11".parse::<MinionId>().is_ok());
    }
}
