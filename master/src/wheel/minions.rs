//! `minions.connected`: whose connections are open.

use std::sync::Arc;

use model::{MinionId, Value};

use super::WheelError;
use crate::shared::Shared;

pub(super) async fn connected(shared: &Arc<Shared>) -> Result<Value, WheelError> {
    let ids: Vec<MinionId> = shared
        .ledger
        .ask(|views| views.keys.accepted().cloned().collect())
        .await?;
    let signs = shared.signs(ids.iter());
    let is_connected = |id: &&MinionId| signs.get(id).is_some_and(|sign| sign.is_connected);
    Ok(ids
        .iter()
        .filter(is_connected)
        .map(|id| Value::str(id.as_str()))
        .collect())
}
