//! What one state says of itself.

use serde::{Deserialize, Serialize};

use crate::{Map, Value};

/// The result of one state: Salt's `{name, result, changes, comment}` and its timing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StateReturn {
    /// The `name` argument, or the id.
    pub name: String,
    /// `Some(true)` done, `Some(false)` failed, `None` would change (test mode).
    pub result: Option<bool>,
    /// What changed.
    pub changes: Map,
    /// Text for a person.
    pub comment: String,
    /// `HH:MM:SS.ffffff`, empty if it never started.
    #[serde(default)]
    pub start_time: String,
    /// Milliseconds.
    #[serde(default)]
    pub duration: f64,
    /// The id in the SLS.
    #[serde(rename = "__id__")]
    pub id: String,
    /// The SLS, such as `orch.kubic`.
    #[serde(rename = "__sls__")]
    pub sls: String,
    /// Its place in the order, from 0.
    #[serde(rename = "__run_num__")]
    pub run_num: u64,
    /// Further keys, such as `__jid__`.
    #[serde(flatten, default)]
    pub more: indexmap::IndexMap<String, Value>,
}
