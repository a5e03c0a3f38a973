//! What minions ask on behalf of themselves: jobs for peers, runners, giving a key up, resources.

use model::{Jid, Map, MinionId, Value};

use super::{Fields, LoadError};

/// How long a minion waits for its peers if it does not say, in seconds.
const TIMEOUT_SECS: u64 = 5;

/// The load of `minion_pub` and `minion_publish`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishLoad {
    /// Who publishes.
    pub id: MinionId,
    /// The function; comma text means several.
    pub fun: Value,
    /// Its arguments.
    pub arg: Vec<Value>,
    /// Whom it is for.
    pub tgt: Value,
    /// How `tgt` is read.
    pub tgt_type: String,
    /// Returners, comma separated.
    pub ret: String,
    /// How long returns are waited for, in seconds.
    pub timeout_secs: u64,
    /// `clean` or `full`: the form of each return.
    pub form: String,
}

impl PublishLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let old_name = fields.text_or("expr_form", "glob")?;
        let timeout_secs = fields.seconds_or("timeout", TIMEOUT_SECS);
        Ok(Self {
            id,
            fun: fields.fun()?,
            arg: fields.list_or_empty("arg")?,
            tgt: fields.value("tgt")?,
            tgt_type: fields.text_or("tgt_type", &old_name)?,
            ret: fields.text_or("ret", "")?,
            timeout_secs: fields.seconds_or("tmo", timeout_secs),
            form: fields.text_or("form", "clean")?,
        })
    }
}

/// The load of `pub_ret`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubRetLoad {
    /// Who asks; must be who published.
    pub id: MinionId,
    /// The job.
    pub jid: Jid,
}

impl PubRetLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        // Item 58: a jid that is a path is refused here, before anything is opened.
        let jid = fields.text("jid")?;
        Ok(Self {
            id,
            jid: jid.parse().map_err(|_| LoadError::not("jid", "a jid"))?,
        })
    }
}

/// The load of `minion_runner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerLoad {
    /// Who asks.
    pub id: MinionId,
    /// The runner function.
    pub fun: String,
    /// Its arguments.
    pub arg: Vec<Value>,
    /// How long the minion waits, in seconds.
    pub timeout_secs: u64,
}

impl RunnerLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            fun: fields.text("fun")?,
            arg: fields.list_or_empty("arg")?,
            timeout_secs: fields.seconds_or("tmo", TIMEOUT_SECS),
        })
    }
}

/// The load of `revoke_auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeLoad {
    /// Whose key is given up.
    pub id: MinionId,
    /// Whether what is cached of the minion stays.
    pub preserve_minion_cache: bool,
    /// The load itself, which is the answer where revoking is disabled.
    pub load: Map,
}

impl RevokeLoad {
    pub(crate) fn read(fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let load = fields.rest();
        let is_kept = load
            .get("preserve_minion_cache")
            .is_some_and(Value::is_truthy);
        Ok(Self {
            id,
            preserve_minion_cache: is_kept,
            load,
        })
    }
}

/// The load of `_register_resources`, sent at start by every minion of 3008, mostly empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcesLoad {
    /// The minion that manages them.
    pub id: MinionId,
    /// Type → list of resource ids.
    pub resources: Map,
    /// `type:id` → grains.
    pub resource_grains: Map,
}

impl ResourcesLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            resources: fields.map_or_empty("resources")?,
            resource_grains: fields.map_or_empty("resource_grains")?,
        })
    }
}
