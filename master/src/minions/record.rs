//! What minions tell about the boots of their machines.

use model::{Boot, Jid, Map, MinionId, Tag, Value};
use serde::{Deserialize, Serialize};

/// A minion told in which boot of its machine it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTold {
    /// The question.
    pub jid: Jid,
    /// The minion.
    pub id: MinionId,
    /// The boot; `None` if the minion can tell neither an id nor for how long it is up.
    pub boot: Option<Boot>,
    /// What was known before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Boot>,
    /// How it stands to that.
    pub news: News,
}

/// How a boot that was told stands to what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// Nothing was known.
    First,
    /// The machine did not restart.
    Same,
    /// The machine restarted.
    New,
    /// The two cannot be compared.
    Unclear,
}

impl BootTold {
    /// Gives the event that tells of a machine that restarted.
    pub(crate) fn event(&self) -> Option<(Tag, Map)> {
        let boot = self.boot.as_ref().filter(|_| self.news == News::New)?;
        let before = self.before.as_ref();
        let data = Map::from([
            ("id", Value::str(self.id.as_str())),
            ("boot", boot.to_string().into()),
            (
                "before",
                before.map_or(Value::Nil, |before| before.to_string().into()),
            ),
        ]);
        Some((Tag::new(format!("salt/minion/{}/boot", self.id)), data))
    }
}
