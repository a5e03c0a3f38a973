//! `_master_tops`, also asked as `_ext_nodes`.

use model::{Map, MinionId};

use super::{Fields, LoadError};

/// The load of `_master_tops`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopsLoad {
    /// The asker.
    pub id: MinionId,
    /// The minion's whole configuration, its grains included.
    pub opts: Map,
}

impl TopsLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            opts: fields.map_or_empty("opts")?,
        })
    }
}
