//! Answers to v2 and v3: the inner map travels as bytes, signed, with the request's nonce in it.

use model::{Map, Value};

use super::Terms;
use super::reply::Body;
use crate::crypt::{Error, MasterKey};
use crate::msgpack;
use crate::payload::Nonce;

/// Echoes the nonce, signs the exact bytes, and wraps both.
pub(super) fn wrap(body: Body, terms: &Terms, master: &MasterKey) -> Result<Vec<u8>, Error> {
    let (Body::Ret(mut inner) | Body::Accepted(mut inner)) = body;
    inner.insert("nonce", terms.nonce.map(Nonce::to_value));
    let load = msgpack::encode(&inner.into());
    let sig = master.sign(&load, terms.sig_algo)?;
    let reply = Map::from([
        ("enc", Value::str("clear")),
        ("load", Value::Bytes(load)),
        ("sig", Value::Bytes(sig)),
    ]);
    Ok(msgpack::encode(&reply.into()))
}
