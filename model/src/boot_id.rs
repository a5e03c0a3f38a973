//! How we know that a machine really restarted.

use serde::{Deserialize, Serialize};

/// The kernel's random id of one boot (`/proc/sys/kernel/random/boot_id`), as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);
