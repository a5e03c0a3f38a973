//! `/runs`: orchestrations, their steps, and what they gave.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use model::api::{RunSummary, RunView};
use model::{Cursor, Jid, Value};
use serde::Deserialize;

use super::events::HEARTBEAT;
use super::refusal::Refusal;
use crate::ledger::Input;
use crate::shared::Shared;
use crate::stream::from_fn;

/// Lists the runs, oldest first.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Vec<RunSummary>>, Refusal> {
    Ok(Json(
        shared.ledger.ask(|views| views.runs.summaries()).await?,
    ))
}

/// Shows a run with its steps.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
) -> Result<Json<RunView>, Refusal> {
    Ok(Json(view(&shared, &read_run(&run)?).await?.0))
}

/// Gives what `state.orchestrate` gave, once the run has ended.
pub(super) async fn result(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let run = read_run(&run)?;
    let (is_known, result) = {
        let run = run.clone();
        shared
            .ledger
            .ask(move |views| (views.runs.get(&run).is_some(), views.runs.result(&run)))
    }
    .await?;
    match result {
        Some(result) => Ok(Json(result)),
        None if is_known => {
            let hint = format!("follow it with: brine run attach {run}");
            Err(Refusal::Impossible(
                format!("run {run} has not ended"),
                Some(hint),
            ))
        }
        None => Err(unknown(&run)),
    }
}

/// Streams the run's view each time it changed, and `end` when the run has ended.
pub(super) async fn watch(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
) -> Result<Stream<impl futures_core::Stream<Item = Result<Sse, Infallible>>>, Refusal> {
    let run = read_run(&run)?;
    view(&shared, &run).await?;
    let start = Watching {
        shared,
        run,
        shown: None,
        head: Cursor(0),
        has_ended: false,
    };
    let views = from_fn(start, |watching| async move {
        let (event, watching) = watching.next().await?;
        Some((Ok(event), watching))
    });
    Ok(Stream::new(views).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

struct Watching {
    shared: Arc<Shared>,
    run: Jid,
    shown: Option<RunView>,
    head: Cursor,
    has_ended: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Sse, Self)> {
        if self.has_ended {
            return None;
        }
        loop {
            let (view, head) = view(&self.shared, &self.run).await.ok()?;
            self.head = head;
            if self.shown.as_ref() != Some(&view) {
                let body = serde_json::to_string(&view).ok()?;
                self.shown = Some(view);
                return Some((Sse::default().event("view").data(body), self));
            }
            if view.summary.phase.has_ended() {
                self.has_ended = true;
                return Some((Sse::default().event("end").data("{}"), self));
            }
            let seen = self.head;
            self.shared
                .ledger
                .head()
                .wait_for(|head| *head > seen)
                .await
                .ok()?;
        }
    }
}

/// Who calls a run off.
#[derive(Deserialize)]
pub(super) struct Cancel {
    by: String,
}

/// Calls a run off: nothing more starts.
pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
    Json(Cancel { by }): Json<Cancel>,
) -> Result<Json<RunView>, Refusal> {
    let run = read_run(&run)?;
    let (before, _) = view(&shared, &run).await?;
    if before.summary.phase.has_ended() {
        return Err(Refusal::Impossible(
            format!("run {run} has ended already"),
            None,
        ));
    }
    let fact = Box::new(orch::Fact::Cancelled { by });
    shared
        .ledger
        .decide(Input::RunFact {
            run: run.clone(),
            fact,
        })
        .await?;
    Ok(Json(view(&shared, &run).await?.0))
}

fn read_run(text: &str) -> Result<Jid, Refusal> {
    text.parse()
        .map_err(|error: model::InvalidJid| Refusal::Bad(error.to_string()))
}

fn unknown(run: &Jid) -> Refusal {
    Refusal::Missing(format!("run {run} is not known; see: brine run list"))
}

async fn view(shared: &Shared, run: &Jid) -> Result<(RunView, Cursor), Refusal> {
    let asked = run.clone();
    let found = shared
        .ledger
        .ask(move |views| (views.runs.view(&asked), views.head))
        .await?;
    match found {
        (Some(view), head) => Ok((view, head)),
        (None, _) => Err(unknown(run)),
    }
}
