//! What is asked in the clear. Only signing in does anything; local users have a socket of their
//! own.

pub(crate) mod auth;
mod evidence;

use minion_protocol::Reply;
use model::{Map, Value};

/// Refuses a command of python's `salt` on the public port: local control goes over the local
/// socket, where the system itself says who asks.
pub(crate) fn refuse() -> Reply {
    let message = "Authentication error occurred: this master takes commands on its local \
                   socket only; use its own salt, salt-run and salt-key";
    let error = Map::from([
        ("name", Value::str("AuthenticationError")),
        ("message", Value::str(message)),
    ]);
    Reply::Value(Map::from([("error", error)]).into())
}
