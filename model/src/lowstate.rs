//! The API's request chunk: which client, which function, whom.

use serde::{Deserialize, Serialize};

use crate::{Map, Value};

/// Which of the master's clients a chunk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// A job for minions; the answer is the jid.
    #[serde(alias = "local")]
    LocalAsync,
    /// A runner on the master; the answer is the jid.
    #[serde(alias = "runner")]
    RunnerAsync,
    /// A wheel function on the master; the answer is its result.
    Wheel,
}

/// One request, as `salt-api` takes it in `POST /run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowChunk {
    /// The client.
    pub client: Client,
    /// The target, for minions.
    #[serde(default)]
    pub tgt: Value,
    /// How to read the target: `glob`, `list`, `grain`, ...
    #[serde(default = "glob")]
    pub tgt_type: String,
    /// The function, such as `test.ping`, `jobs.list_jobs` or `key.accept`.
    pub fun: String,
    /// Positional arguments.
    #[serde(default)]
    pub arg: Vec<Value>,
    /// Keyword arguments.
    #[serde(default)]
    pub kwarg: Map,
    /// Returners, comma separated.
    #[serde(default)]
    pub ret: String,
    /// Who asks; the local socket fills it in from the peer's credentials.
    #[serde(default)]
    pub user: String,
}

fn glob() -> String {
    "glob".into()
}
