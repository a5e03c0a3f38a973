//! `_return` and `_syndic_return`: what jobs gave.

use model::{Jid, Map, MinionId, Value};

use super::{Fields, LoadError};
use crate::crypt::{PublicKey, SigAlgo};
use crate::msgpack;

/// The job a return belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReturnJid {
    /// A job that was published.
    Known(Jid),
    /// `req`: the minion ran it by itself (`salt-call`) and asks for a jid.
    Requested,
}

/// The load of `_return`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnLoad {
    /// The minion that answers.
    pub id: MinionId,
    /// The job.
    pub jid: ReturnJid,
    /// The function, or the list of functions.
    pub fun: Value,
    /// The arguments it ran with.
    pub fun_args: Vec<Value>,
    /// What it gave.
    pub ret: Value,
    /// The exit code, or one per function. 0 if the minion sent none.
    pub retcode: Value,
    /// Whether the minion calls it a success; absent in `salt-call` returns.
    pub success: Option<Value>,
    /// The outputter it asks for.
    pub out: Option<String>,
    /// Whether it is not to be kept.
    pub nocache: bool,
    /// 3008: the resource this is really about. Anybody's claim until the registration is checked.
    pub resource_id: Option<String>,
    /// The whole load without token, nonce and signature, as the event shows it.
    pub load: Map,
    /// The minion's signature over the load (`minion_sign_messages`).
    pub sig: Option<Vec<u8>>,
}

impl ReturnLoad {
    pub(crate) fn read(fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let mut load = fields.rest();
        let sig = match load.remove("sig") {
            None | Some(Value::Nil) => None,
            Some(sig) => Some(
                sig.as_bytes()
                    .ok_or(LoadError::not("sig", "bytes"))?
                    .to_vec(),
            ),
        };
        // What the function gave may be large: it is not copied to read the rest.
        let beside = load
            .iter()
            .filter(|(key, _)| key.as_str() != Some("return"));
        let beside = beside.map(|(key, value)| (key.clone(), value.clone()));
        let mut fields = Fields::new(beside.collect());
        let jid = match fields.text("jid")?.as_str() {
            "req" => ReturnJid::Requested,
            text => ReturnJid::Known(text.parse().map_err(|_| LoadError::not("jid", "a jid"))?),
        };
        // A function may well give nil; only a load without the key is malformed.
        let ret = load.get("return").cloned();
        Ok(Self {
            id,
            jid,
            fun: fields.fun()?,
            fun_args: match fields.take("fun_args") {
                None => Vec::new(),
                Some(Value::List(args)) => args,
                Some(single) => vec![single],
            },
            ret: ret.ok_or(LoadError::missing("return"))?,
            retcode: fields.take("retcode").unwrap_or(Value::Int(0)),
            success: fields.take("success"),
            out: fields
                .take("out")
                .and_then(|out| out.as_str().map(str::to_owned)),
            nocache: fields.flag("nocache"),
            resource_id: fields.optional_text("resource_id")?,
            load,
            sig,
        })
    }

    /// Says whether the load is signed by `key`. Minions sign the new msgpack format.
    pub fn is_signed_by(&self, key: &PublicKey, algo: SigAlgo) -> bool {
        let signed = msgpack::encode_new(&Value::Map(self.load.clone()));
        let sig = self.sig.as_deref();
        sig.is_some_and(|sig| key.verify(&signed, sig, algo))
    }
}

/// The load of `_syndic_return`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyndicReturnLoad {
    /// The syndic.
    pub id: MinionId,
    /// One load for each job.
    pub loads: Vec<SyndicLoad>,
}

/// What the minions below a syndic gave for one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyndicLoad {
    /// The job.
    pub jid: Jid,
    /// The lower master's job load; empty after the first time.
    pub load: Map,
    /// Minion id → map of `return`, `retcode`, `success`.
    pub returns: Map,
    /// Everything, for the fields that are merely copied.
    pub more: Map,
}

impl SyndicReturnLoad {
    pub(crate) fn read(fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let load = fields.rest();
        let loads = match load.get("load") {
            Some(Value::List(loads)) => loads.iter().map(SyndicLoad::read).collect(),
            _ => SyndicLoad::read(&Value::Map(load)).map(|load| vec![load]),
        };
        Ok(Self { id, loads: loads? })
    }
}

impl SyndicLoad {
    fn read(load: &Value) -> Result<Self, LoadError> {
        let more = load.as_map().ok_or(LoadError::not("load", "a map"))?;
        let mut fields = Fields::new(more.clone());
        let jid = fields.text("jid")?;
        Ok(Self {
            jid: jid.parse().map_err(|_| LoadError::not("jid", "a jid"))?,
            load: fields.map_or_empty("load")?,
            returns: fields.map("return")?,
            more: fields.rest(),
        })
    }
}
