//! What can happen to a key.

use model::{Map, MinionId, Tag, Value};
use serde::{Deserialize, Serialize};

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChanged {
    /// The minion.
    pub id: MinionId,
    /// What happened.
    pub change: KeyChange,
    /// The public key, PEM text with LF line ends and no trailing white space; empty for a
    /// deletion.
    pub pem: String,
    /// Who did it: `autosign`, `minion`, `enrolment`, `pki_dir` or a user's name.
    pub by: String,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChange {
    /// Stored as pending.
    Pended,
    /// Accepted.
    Accepted,
    /// Rejected.
    Rejected,
    /// A second key for an id that has one was kept for the operator to see.
    Denied,
    /// The live key was deleted.
    Deleted,
    /// The live key was deleted; what its minion said of itself stays (`preserve_minions`).
    DeletedKeepingData,
    /// The denied key was deleted.
    DeniedDeleted,
    /// The accepted key has proven that it speaks this protocol: it speaks no older one from now
    /// on.
    Spoke(u8),
    /// An operator lets the key speak an older protocol again.
    VersionReset,
}

impl KeyChanged {
    /// Gives the `salt/key` event of an operator's act; sign-ins are told by `salt/auth` instead.
    pub(crate) fn events(&self) -> Vec<(Tag, Map)> {
        if matches!(self.by.as_str(), "minion" | "autosign") || self.is_spoken() {
            return Vec::new();
        }
        let act = match self.change {
            KeyChange::Pended => "pend",
            KeyChange::Accepted => "accept",
            KeyChange::Rejected => "reject",
            KeyChange::Denied => "denied",
            KeyChange::Deleted | KeyChange::DeletedKeepingData | KeyChange::DeniedDeleted => {
                "delete"
            }
            KeyChange::Spoke(_) | KeyChange::VersionReset => "reset_version",
        };
        let data = Map::from([
            ("result", Value::Bool(true)),
            ("act", Value::str(act)),
            ("id", Value::str(self.id.as_str())),
        ]);
        vec![(Tag::new("salt/key"), data)]
    }

    fn is_spoken(&self) -> bool {
        matches!(self.change, KeyChange::Spoke(_))
    }
}
