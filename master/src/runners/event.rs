//! `event.send`: puts an event on the bus.

use std::sync::Arc;

use model::{Map, Tag, Value};

use super::{Arguments, RunnerError};
use crate::ledger::Input;
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    if function != "send" {
        return Err(arguments.unknown());
    }
    let tag = Tag::new(arguments.required(0, "tag")?);
    let data = match arguments.get(1, "data") {
        None => Map::new(),
        Some(Value::Map(map)) => map.clone(),
        Some(_) => return Err(arguments.problem("argument 'data' must be a map")),
    };
    shared
        .ledger
        .decide(Input::Events(vec![(tag, data)]))
        .await?;
    Ok(Value::Bool(true))
}
