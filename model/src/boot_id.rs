//! How we know that a machine really restarted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The kernel's random id of one boot (`/proc/sys/kernel/random/boot_id`), as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

/// The longest text that is taken for a boot id, in characters: the kernel writes 36.
const BOOT_ID_CHARS_MAX: usize = 64;

impl BootId {
    /// Reads what a minion gave: one word of visible ASCII, with or without the line's end.
    pub fn read(text: &str) -> Option<Self> {
        let word = text.trim();
        let is_word = word.bytes().all(|byte| byte.is_ascii_graphic());
        let is_sane = is_word && (1..=BOOT_ID_CHARS_MAX).contains(&word.len());
        is_sane.then(|| Self(word.to_owned()))
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One boot of a machine, as far as it can be told from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boot {
    /// By the kernel's id: exact.
    Id(BootId),
    /// By when it began, where there is no such id. A minion tells for how long it has been up; by
    /// the master's clock it booted between these moments.
    Since {
        /// If the minion counted as soon as it was asked.
        earliest: Timestamp,
        /// If it counted just before its answer came.
        latest: Timestamp,
    },
}

/// How far two moments of one boot may lie apart, in milliseconds: minions tell whole seconds, and
/// clocks are slewed.
const SINCE_SLACK_MS: u64 = 5_000;

impl Boot {
    /// Says whether this is a later boot than another; `None` if the two cannot be compared.
    pub fn is_later_than(&self, other: &Boot) -> Option<bool> {
        match (self, other) {
            (Self::Id(id), Self::Id(other)) => Some(id != other),
            (Self::Since { earliest, .. }, Self::Since { latest, .. }) => {
                Some(*earliest > latest.plus_millis(SINCE_SLACK_MS))
            }
            _ => None,
        }
    }

    /// Gives the same boot after the wall clock jumped by so many milliseconds.
    #[must_use]
    pub fn moved(self, by_ms: i64) -> Self {
        match self {
            Self::Since { earliest, latest } => Self::Since {
                earliest: earliest.moved(by_ms),
                latest: latest.moved(by_ms),
            },
            id @ Self::Id(_) => id,
        }
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "boot id {id}"),
            Self::Since { earliest, .. } => {
                let since = earliest.format("%Y-%m-%d %H:%M:%S");
                write!(formatter, "up since about {since} UTC")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_one_word() {
        let real = "7e4a5d9c-13b7-4a0e-9a39-2f9d0a1c3a55\n";
        assert_eq!(BootId::read(real), Some(BootId(real.trim().into())));
        let wrong = [
            "",
            "\n",
            "ERROR: Unable to read",
            "'file.read' is not available.",
        ];
        for text in wrong {
            assert_eq!(BootId::read(text), None, "{text:?}");
        }
        assert_eq!(BootId::read(&"a".repeat(65)), None);
    }

    #[test]
    fn times_of_boots_that_may_be_one_are_not_later() {
        let since = |earliest, latest| Boot::Since {
            earliest: Timestamp::from_secs(earliest),
            latest: Timestamp::from_secs(latest),
        };
        let id = Boot::Id(BootId("a".into()));
        let table = [
            (since(100, 110), since(90, 104), Some(false)),
            (since(100, 110), since(90, 96), Some(false)),
            (since(102, 110), since(90, 96), Some(true)),
            (since(90, 96), since(200, 210), Some(false)),
        ];
        for (boot, other, expected) in table {
            assert_eq!(boot.is_later_than(&other), expected, "{boot:?} {other:?}");
        }
        assert_eq!(id.is_later_than(&since(1, 2)), None);
        assert_eq!(id.is_later_than(&Boot::Id(BootId("b".into()))), Some(true));
        assert_eq!(id.is_later_than(&id.clone()), Some(false));
    }
}
