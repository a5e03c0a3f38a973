//! One thing to do: the low chunk, the last form of a state before it runs.
//!
//! High data says *what*, a list of low chunks says *in which order*. The compiler makes them, the
//! orchestrator turns each into a step, `state.show_low_sls` prints them. A chunk never runs
//! itself.

use model::{Map, Value};
use serde::{Deserialize, Serialize};

/// `names` spreads its chunks by this part of an order each.
pub const NAME_ORDERS_PER_ORDER: u32 = 10_000;

/// One state function with everything it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowChunk {
    /// The state module, such as `salt` or `pkg`.
    pub state: String,
    /// The function of the module, such as `wait_for_event`.
    pub fun: String,
    /// The id under which the SLS declares it (`__id__`).
    pub id: String,
    /// The name; the id where none is given.
    pub name: String,
    /// The SLS it was declared in (`__sls__`), dotted.
    pub sls: String,
    /// The environment of that SLS (`__env__`).
    pub saltenv: String,
    /// The place among the chunks; they are sorted by it already.
    pub order: i64,
    /// What `names` adds to the order, in parts of [`NAME_ORDERS_PER_ORDER`].
    #[serde(default)]
    pub name_order: u32,
    /// Every other keyword, requisites included, in Salt's form: a list of maps with one key each.
    #[serde(default)]
    pub args: Map,
}

impl LowChunk {
    /// Gives the key under which results are kept: `salt_|-ID_|-NAME_|-FUN`.
    pub fn key(&self) -> String {
        format!(
            "{}_|-{}_|-{}_|-{}",
            self.state, self.id, self.name, self.fun
        )
    }

    /// Gives the chunk as Salt prints it (`state.show_low_sls`): one flat map.
    pub fn to_salt(&self) -> Map {
        let mut map = Map::new();
        map.insert("state", self.state.as_str());
        map.insert("name", self.name.as_str());
        if !self.sls.is_empty() {
            map.insert("__sls__", self.sls.as_str());
        }
        if !self.saltenv.is_empty() {
            map.insert("__env__", self.saltenv.as_str());
        }
        map.insert("__id__", self.id.as_str());
        map.extend(self.args.clone());
        map.insert("order", self.order_value());
        map.insert("fun", self.fun.as_str());
        map
    }

    fn order_value(&self) -> Value {
        if self.name_order == 0 {
            return Value::from(self.order);
        }
        // One division, correctly rounded: Salt's sum has the same digits.
        let parts = i128::from(self.order) * i128::from(NAME_ORDERS_PER_ORDER);
        let parts = parts + i128::from(self.name_order);
        Value::Float(parts as f64 / f64::from(NAME_ORDERS_PER_ORDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_salts() {
        let chunk = LowChunk {
            state: "salt".into(),
            fun: "wait_for_event".into(),
            id: "wait".into(),
            name: "salt/minion/*/start".into(),
            ..LowChunk::default()
        };
        assert_eq!(
            chunk.key(),
            "salt_|-wait_|-salt/minion/*/start_|-wait_for_event"
        );
    }

    #[test]
    fn names_make_the_order_a_fraction() {
        let chunk = LowChunk {
            order: 10_000,
            name_order: 2,
            ..LowChunk::default()
        };
        assert_eq!(
            chunk.to_salt().get("order"),
            Some(&Value::Float(10_000.000_2))
        );
    }
}
