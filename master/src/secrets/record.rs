//! What can happen to a secret.

use model::{Jid, Map, MinionId, Tag, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// A secret as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The job that made it.
    pub jid: Jid,
    /// The run that it belongs to and ends with.
    pub run: Jid,
    /// The name under which `mine.get` gives it.
    pub name: String,
    /// The minion that made it.
    pub maker: MinionId,
    /// Who may read it, each once.
    pub readers: Vec<MinionId>,
    /// The blob that holds it, sealed.
    pub blob: String,
    /// When it can be read no longer, if before the end of the run.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Keys of the value whose texts are no secrets.
    #[serde(default)]
    pub plain: Vec<String>,
}

/// One durable fact about a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretRecord {
    /// It is in its blob.
    Made(Made),
    /// A reader asked, and is about to be answered.
    Opened {
        /// The job that made it.
        jid: Jid,
        /// Who.
        reader: MinionId,
    },
    /// The answer was written to the reader's connection: this reader has read.
    Delivered {
        /// The job that made it.
        jid: Jid,
        /// Who.
        reader: MinionId,
    },
    /// Somebody asked and got nothing.
    Refused {
        /// The job that made it.
        jid: Jid,
        /// Who.
        id: MinionId,
        /// Why.
        reason: Reason,
    },
}

/// Why somebody gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// It is not for this minion.
    NoReader,
    /// This minion has read it.
    ReadAlready,
    /// Its lifetime is over.
    Over,
}

impl Reason {
    /// Says it to a person.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoReader => "it is not among the readers",
            Self::ReadAlready => "it has read it already",
            Self::Over => "the lifetime is over",
        }
    }
}

impl SecretRecord {
    /// Gives the job that made the secret.
    pub fn jid(&self) -> &Jid {
        match self {
            Self::Made(made) => &made.jid,
            Self::Opened { jid, .. } | Self::Delivered { jid, .. } | Self::Refused { jid, .. } => {
                jid
            }
        }
    }

    /// Gives the event that tells the bus; never the value.
    pub(crate) fn event(&self) -> Option<(Tag, Map)> {
        let jid = self.jid();
        let (what, data) = match self {
            Self::Made(made) => {
                let readers: Value = made
                    .readers
                    .iter()
                    .map(|id| Value::str(id.as_str()))
                    .collect();
                let data = Map::from([
                    ("name", Value::str(&made.name)),
                    ("id", made.maker.as_str().into()),
                    ("run", made.run.as_str().into()),
                    ("readers", readers),
                ]);
                ("made", data)
            }
            Self::Opened { reader, .. } => ("read", Map::from([("id", reader.as_str())])),
            Self::Delivered { .. } => return None,
            Self::Refused { id, reason, .. } => {
                let data = Map::from([("id", id.as_str()), ("reason", reason.text())]);
                ("refused", data)
            }
        };
        Some((Tag::new(format!("salt/secret/{jid}/{what}")), data))
    }
}
