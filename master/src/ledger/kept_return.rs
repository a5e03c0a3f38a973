//! A return as its record holds it: what the load says already is not said a second time.
//!
//! A minion's load has the id, the job, the function, the value and the exit code, and is kept
//! whole for the event, in few bytes ([`Terse`]). Records of before have every field, or the load
//! with its words; they are read in the same way.

use model::{Jid, JobReturn, Map, MinionId, Value};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::terse::{Terse, Told};

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a MinionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jid: Option<&'a Jid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fun: Option<&'a Value>,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    ret: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retcode: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<&'a Option<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<&'a Map>,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    terse: Option<Terse<'a>>,
}

/// Each field is `None` where the record has none: what stands there otherwise may be nil.
#[derive(Deserialize)]
struct Read {
    #[serde(default, deserialize_with = "some")]
    id: Option<MinionId>,
    #[serde(default, deserialize_with = "some")]
    jid: Option<Jid>,
    #[serde(default, deserialize_with = "some")]
    fun: Option<Value>,
    #[serde(default, rename = "return", deserialize_with = "some")]
    ret: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    retcode: Option<Value>,
    #[serde(default, deserialize_with = "some")]
    success: Option<Option<Value>>,
    #[serde(default, deserialize_with = "some")]
    out: Option<Option<String>>,
    load: Option<Map>,
    #[serde(rename = "l")]
    terse: Option<Told>,
}

fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

pub(super) fn serialize<S: Serializer>(ret: &JobReturn, serializer: S) -> Result<S::Ok, S::Error> {
    let load = &ret.load;
    let terse = Terse::of(load);
    let text = |field| load.get(field).and_then(Value::as_str);
    let unless_said = |field, value| (load.get(field) != Some(value)).then_some(value);
    let written = Written {
        id: (text("id") != Some(ret.id.as_str())).then_some(&ret.id),
        jid: (text("jid") != Some(ret.jid.as_str())).then_some(&ret.jid),
        fun: unless_said("fun", &ret.fun),
        ret: unless_said("return", &ret.ret),
        retcode: unless_said("retcode", &ret.retcode),
        success: (load.get("success") != ret.success.as_ref()).then_some(&ret.success),
        out: (text("out") != ret.out.as_deref()).then_some(&ret.out),
        load: if terse.is_some() { None } else { Some(load) },
        terse,
    };
    written.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<JobReturn>, D::Error> {
    let read = Read::deserialize(from)?;
    let load = read.terse.map(|Told(load)| load).or(read.load);
    let load = load.ok_or_else(|| D::Error::missing_field("load"))?;
    let text = |field: &'static str| {
        let text = load.get(field).and_then(Value::as_str);
        text.ok_or_else(|| D::Error::missing_field(field))
    };
    let value = |field| load.get(field).cloned();
    Ok(Box::new(JobReturn {
        id: match read.id {
            Some(id) => id,
            None => text("id")?.parse().map_err(D::Error::custom)?,
        },
        jid: match read.jid {
            Some(jid) => jid,
            None => text("jid")?.parse().map_err(D::Error::custom)?,
        },
        fun: read.fun.or_else(|| value("fun")).unwrap_or_default(),
        ret: read.ret.or_else(|| value("return")).unwrap_or_default(),
        retcode: read
            .retcode
            .or_else(|| value("retcode"))
            .unwrap_or_default(),
        success: read.success.unwrap_or_else(|| value("success")),
        out: read
            .out
            .unwrap_or_else(|| text("out").ok().map(str::to_owned)),
        load,
    }))
}
