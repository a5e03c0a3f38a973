//! Keys as the API shows them.

use serde::{Deserialize, Serialize};

/// The ids in each place, as `salt-key -L` and `key.list_all` show them; each list is sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// Accepted.
    pub minions: Vec<String>,
    /// Pending.
    pub minions_pre: Vec<String>,
    /// Rejected.
    pub minions_rejected: Vec<String>,
    /// Denied: a second key for an id that has one.
    pub minions_denied: Vec<String>,
}
