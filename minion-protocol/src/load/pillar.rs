//! `_pillar`: what a minion says when it asks for its pillar.

use model::{Map, MinionId, Value};

use super::{Fields, LoadError};

/// The load of `_pillar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PillarLoad {
    /// The asker.
    pub id: MinionId,
    /// Its grains; `id` among them is overwritten with the asker's.
    pub grains: Map,
    /// The environment, if it names one.
    pub saltenv: Option<String>,
    /// The pillar environment, if it names one.
    pub pillarenv: Option<String>,
    /// Pillar given on the minion's command line, merged last.
    pub pillar_override: Map,
    /// Options of the minion that external pillars asked for.
    pub extra_minion_data: Map,
    /// An on-demand external pillar. Only a configured one may run.
    pub ext: Option<Map>,
    /// Whether cached files are to be dropped first (3005 and newer).
    pub clean_cache: bool,
}

impl PillarLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let mut grains = fields.map_or_empty("grains")?;
        grains.insert("id", id.as_str());
        let ext = match fields.take("ext") {
            Some(Value::Map(ext)) => Some(ext),
            Some(other) if other.is_truthy() => return Err(LoadError::not("ext", "a map")),
            _ => None,
        };
        Ok(Self {
            id,
            grains,
            saltenv: fields.optional_text("saltenv")?,
            pillarenv: fields.optional_text("pillarenv")?,
            pillar_override: fields.map_or_empty("pillar_override")?,
            extra_minion_data: fields.map_or_empty("extra_minion_data")?,
            ext,
            clean_cache: fields.flag("clean_cache"),
        })
    }
}
