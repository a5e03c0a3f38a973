//! The list of routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::{events, explain, jobs, keys, lowstate, plan, runs, server};
use crate::shared::Shared;

/// Makes the router of everything that the API can do.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/run", post(lowstate::run))
        .route("/events", get(events::stream))
        .route("/minions", get(keys::minions))
        .route("/keys", get(keys::list))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{jid}", get(jobs::show))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/return", get(runs::result))
        .route("/runs/{run}/watch", get(runs::watch))
        .route("/runs/{run}/explain", get(explain::explain))
        .route("/runs/{run}/approve", post(runs::approve))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/runs/{run}/resume", post(runs::resume))
        .route("/runs/{run}/retry", post(runs::retry))
        .route("/plan", post(plan::plan))
        .route("/health", get(server::health))
        .with_state(shared)
}
