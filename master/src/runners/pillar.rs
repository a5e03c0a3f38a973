//! `pillar.show_pillar`: the pillar of a minion, as the master compiles it now.

use std::sync::Arc;

use model::{MinionId, Value};

use super::{Arguments, RunnerError};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    if function != "show_pillar" {
        return Err(arguments.unknown());
    }
    let id = match arguments.text(0, "minion") {
        None => shared.opts.master_minion_id(),
        Some(text) if text == "*" => shared.opts.master_minion_id(),
        Some(text) => text
            .parse::<MinionId>()
            .map_err(|error| arguments.problem(&error.to_string()))?,
    };
    let asked = id.clone();
    let grains = shared
        .ledger
        .ask(move |views| views.minions.grains(&asked).cloned())
        .await?;
    let pillars = Arc::clone(&shared.pillars);
    let compiled =
        tokio::task::spawn_blocking(move || pillars.compile(&id, &grains.unwrap_or_default()));
    let data = compiled
        .await
        .map_err(|error| RunnerError::Failed(error.to_string()))?;
    Ok(Value::Map(data))
}
