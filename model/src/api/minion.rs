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
}
