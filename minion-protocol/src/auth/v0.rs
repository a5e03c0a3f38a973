//! Answers to minions without a version (2019.2 to 3004.0): nothing is signed.

use model::{Map, Value};

use super::reply::Body;
use crate::msgpack;

/// Wraps `ret` in a clear envelope; the accepted map goes bare.
pub(super) fn wrap(body: Body) -> Vec<u8> {
    let reply = match body {
        Body::Ret(load) => Map::from([("enc", Value::str("clear")), ("load", load.into())]),
        Body::Accepted(map) => map,
    };
    msgpack::encode(&reply.into())
}
