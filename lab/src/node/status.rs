//! What a node's supervisor says of it, for the lab's tree and result: one small file, replaced as
//! a whole.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Attempt, Failure};

/// What a node was booted from, or that it is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Power {
    /// Between power-off and power-on.
    Off,
    /// Booted from the live image.
    Live,
    /// Booted from its disk.
    Disk,
}

/// How a node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Whether it is on, and from what.
    pub(crate) power: Power,
    /// How often it was booted.
    pub(crate) boots: u32,
    /// The boot ids so far, the newest last.
    pub(crate) boot_ids: Vec<String>,
    /// A process of the node as the host sees it: pid 1's parent, in the node's network namespace.
    pub(crate) pid: Option<u32>,
}

impl Status {
    /// A node that was never on.
    pub(crate) fn new() -> Self {
        Self {
            power: Power::Off,
            boots: 0,
            boot_ids: Vec::new(),
            pid: None,
        }
    }

    /// Reads the status in a node's directory; a node without one was never on.
    pub(crate) fn read(dir: &Path) -> Self {
        let text = std::fs::read(dir.join("status.json")).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_else(Self::new)
    }

    /// Replaces the status in a node's directory.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Failure> {
        let (new, file) = (dir.join("status.json.new"), dir.join("status.json"));
        let text = serde_json::to_vec(self).attempt(|| "describe the node's status".to_owned())?;
        std::fs::write(&new, text).attempt(|| format!("write {}", new.display()))?;
        std::fs::rename(&new, &file).attempt(|| format!("replace {}", file.display()))
    }
}
