//! `_pillar`: a minion asks for its pillar and tells its grains.

use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::pillar::PillarLoad;
use model::Grains;

use crate::ledger::Input;
use crate::shared::Shared;

/// Compiles the asker's pillar, and records the grains that came with the question.
pub(crate) async fn pillar(shared: &Arc<Shared>, load: PillarLoad) -> Reply {
    let grains = Grains(load.grains.clone());
    if shared
        .ledger
        .decide(Input::Grains(load.id.clone(), grains))
        .await
        .is_err()
    {
        return Reply::Broken;
    }
    let pillars = Arc::clone(&shared.pillars);
    let compiled = tokio::task::spawn_blocking(move || {
        pillars.compile_for(
            &load.id,
            &Grains(load.grains),
            load.saltenv.as_deref(),
            load.pillarenv.as_deref(),
            &load.pillar_override,
        )
    });
    match compiled.await {
        Ok(data) => Reply::Pillar(data),
        Err(_) => Reply::Broken,
    }
}
