//! `_minion_event`: what a minion puts on the bus. Which tags it may use is decided elsewhere.

use model::{Map, MinionId, Value};

use super::{Fields, LoadError};

/// The load of `_minion_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLoad {
    /// The sender; also the `id` in the data that is fired.
    pub id: MinionId,
    /// The sender's grains, if it sent them along.
    pub grains: Option<Map>,
    /// The events.
    pub events: MinionEvents,
}

/// The two forms of `_minion_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MinionEvents {
    /// One event; its data on the bus is the whole load.
    One {
        /// The tag.
        tag: String,
        /// The whole load without token and nonce.
        data: Map,
    },
    /// Several events with data of their own.
    Many {
        /// What is put before each tag, such as `syndic/<id>`; each event is fired under both.
        pretag: Option<String>,
        /// Tags and data, in order.
        events: Vec<(String, Value)>,
    },
}

impl EventLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let grains = match fields.take("grains") {
            Some(Value::Map(grains)) => Some(grains),
            _ => None,
        };
        if let Some(events) = fields.take("events") {
            let events = events.as_list().ok_or(LoadError::not("events", "a list"))?;
            let events: Result<_, _> = events.iter().map(tagged).collect();
            let pretag = fields.optional_text("pretag")?;
            let events = MinionEvents::Many {
                pretag,
                events: events?,
            };
            return Ok(Self { id, grains, events });
        }
        let mut data = fields.rest();
        data.insert("id", id.as_str());
        let tag = data.get("tag").ok_or(LoadError::missing("tag"))?;
        let tag = tag
            .as_str()
            .ok_or(LoadError::not("tag", "text"))?
            .to_owned();
        if !data.contains_key("data") {
            return Err(LoadError::missing("data"));
        }
        let events = MinionEvents::One { tag, data };
        Ok(Self { id, grains, events })
    }
}

fn tagged(event: &Value) -> Result<(String, Value), LoadError> {
    let tag = event.get("tag").and_then(Value::as_str);
    let tag = tag.ok_or(LoadError::not("events", "a list of tag and data"))?;
    Ok((
        tag.to_owned(),
        event.get("data").cloned().unwrap_or_default(),
    ))
}
