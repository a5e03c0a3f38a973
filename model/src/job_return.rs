//! What one minion says of one job.

use serde::{Deserialize, Serialize};

use crate::{Jid, Map, MinionId, Value};

/// The answer of one minion to one job: the `_return` load, typed where the master needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReturn {
    /// The minion that answers.
    pub id: MinionId,
    /// The job.
    pub jid: Jid,
    /// The function, or the list of functions.
    pub fun: Value,
    /// What the function gave.
    #[serde(rename = "return")]
    pub ret: Value,
    /// The exit code, or one per function.
    pub retcode: Value,
    /// Whether the minion calls it a success; absent in `salt-call` returns.
    #[serde(default)]
    pub success: Option<Value>,
    /// The outputter it asks for, such as `highstate`.
    #[serde(default)]
    pub out: Option<String>,
    /// Everything of the load, as the event `salt/job/<jid>/ret/<id>` shows it.
    pub load: Map,
}

impl JobReturn {
    /// Says whether the minion reports a failure: a non-zero exit code, or `success: false`.
    pub fn is_failure(&self) -> bool {
        let bad_code = match &self.retcode {
            Value::Int(code) => *code != 0,
            Value::Bool(is_bad) => *is_bad,
            Value::Map(codes) => codes.values().any(|code| code.is_truthy()),
            Value::List(codes) => codes.iter().any(Value::is_truthy),
            _ => false,
        };
        bad_code || self.success.as_ref().and_then(Value::as_bool) == Some(false)
    }
}
