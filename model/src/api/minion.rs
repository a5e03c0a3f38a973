//! Minions as the API shows them.

use serde::{Deserialize, Serialize};

use crate::{Grains, MinionId, Timestamp};

/// What the master knows of one minion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionView {
    /// Its id.
    pub id: MinionId,
    /// Its last grains.
    pub grains: Grains,
    /// When it last asked for or told anything.
    pub last_seen: Option<Timestamp>,
    /// When it last said that it started.
    pub started: Option<Timestamp>,
    /// Whether a connection of it is open now.
    pub is_connected: bool,
    /// In which boot its machine is, as it last told: a boot id, or since when it is up.
    #[serde(default)]
    pub boot: Option<String>,
    /// When it told so.
    #[serde(default)]
    pub boot_told: Option<Timestamp>,
}
