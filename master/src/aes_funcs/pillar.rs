//! `_pillar`: a minion asks for its pillar and tells its grains.

use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::pillar::PillarLoad;
use model::Grains;

use crate::ledger::Input;
use crate::pillar_sources::Asked;
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
        pillars.encoded(Asked {
            id: load.id,
            grains: Grains(load.grains),
            saltenv: load.saltenv,
            pillarenv: load.pillarenv,
            overrides: load.pillar_override,
            ext: load.ext,
            is_cache_cleared: load.clean_cache,
        })
    });
    match compiled.await {
        Ok(pillar) => Reply::Pillar(pillar),
        Err(_) => Reply::Broken,
    }
}
