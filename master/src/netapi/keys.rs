//! `GET /keys` and `GET /minions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::{KeyList, MinionView};

use super::refusal::Refusal;
use crate::shared::Shared;

/// Gives the ids in each place.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<KeyList>, Refusal> {
    Ok(Json(shared.ledger.ask(|views| views.keys.list()).await?))
}

/// Gives what is known of each accepted minion.
pub(super) async fn minions(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Vec<MinionView>>, Refusal> {
    let known = shared
        .ledger
        .ask(|views| {
            let of = |id| {
                (
                    views.minions.get(id).cloned().unwrap_or_default(),
                    id.clone(),
                )
            };
            views.keys.accepted().map(of).collect::<Vec<_>>()
        })
        .await?;
    let signs = shared.signs(known.iter().map(|(_, id)| id));
    let view = |(minion, id): (crate::minions::view::Minion, model::MinionId)| MinionView {
        boot: minion
            .boot
            .as_ref()
            .and_then(|told| Some(told.boot.as_ref()?.to_string())),
        boot_told: minion.boot.map(|told| told.at),
        grains: minion.grains.unwrap_or_default(),
        last_seen: signs.get(&id).and_then(|sign| sign.last_seen),
        started: minion.start.map(|start| start.at),
        is_connected: signs.get(&id).is_some_and(|sign| sign.is_connected),
        id,
    };
    Ok(Json(known.into_iter().map(view).collect()))
}
