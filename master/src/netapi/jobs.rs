//! `GET /jobs` and `GET /jobs/{jid}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use model::Jid;
use model::api::{JobSummary, JobView};

use super::refusal::Refusal;
use crate::shared::Shared;

/// Lists the jobs that are kept, oldest first, without the master's own questions.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Vec<JobSummary>>, Refusal> {
    let jobs = shared.ledger.ask(|views| {
        let asked = views.jobs.iter().filter(|job| !job.published.is_question());
        asked.map(crate::jobs::Job::summary).collect()
    });
    Ok(Json(jobs.await?))
}

/// Shows one job with its returns.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(jid): Path<String>,
) -> Result<Json<JobView>, Refusal> {
    let jid: Jid = jid
        .parse()
        .map_err(|error: model::InvalidJid| Refusal::Bad(error.to_string()))?;
    let job = shared.job(&jid).await?;
    job.map(Json)
        .ok_or_else(|| Refusal::Missing(shared.unknown_job(&jid)))
}
