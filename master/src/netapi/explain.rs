//! `GET /runs/{run}/explain`: why a run waits or failed, with signs of life and places in the log.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use model::api::{RunExplanation, RunPhase, StepExplanation, StepPhase};
use model::{Cursor, Jid, MinionId, Timestamp};
use storage::LogReader;

use super::refusal::Refusal;
use super::runs::{notices, read_run};
use crate::ledger::Record;
use crate::shared::Shared;

/// Records that one read takes.
const READ_RECORDS: usize = 512;

/// What the master knows of an awaited minion.
struct Known {
    is_accepted: bool,
    last_start: Option<Timestamp>,
    boot: Option<String>,
    boot_since: Option<Timestamp>,
}

/// Explains a run.
pub(super) async fn explain(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
) -> Result<Json<RunExplanation>, Refusal> {
    let run = read_run(&run)?;
    let asked = run.clone();
    let found = shared.ledger.ask(move |views| {
        let run = views.runs.get(&asked)?;
        let steps = run.explain();
        let ids = steps.iter().flat_map(|step| &step.awaits);
        let ids = ids.filter_map(|awaited| awaited.id.parse::<MinionId>().ok());
        let known: HashMap<MinionId, Known> = ids
            .map(|id| {
                let minion = views.minions.get(&id);
                let start = minion.and_then(|minion| minion.start.as_ref());
                let told = minion.and_then(|minion| minion.boot.as_ref());
                let known = Known {
                    is_accepted: views.keys.is_accepted(&id),
                    last_start: start.map(|start| start.at),
                    boot: told.and_then(|told| Some(told.boot.as_ref()?.to_string())),
                    boot_since: told.map(|told| told.since),
                };
                (id, known)
            })
            .collect();
        Some((run.summary(), steps, known, views.head))
    });
    let found = found.await?;
    let (summary, mut steps, known, head) =
        found.ok_or_else(|| Refusal::Missing(shared.unknown_run(&run)))?;
    let signs = shared.signs(known.keys());
    for awaited in steps.iter_mut().flat_map(|step| &mut step.awaits) {
        let Ok(id) = awaited.id.parse::<MinionId>() else {
            continue;
        };
        if let Some(known) = known.get(&id) {
            awaited.is_accepted = known.is_accepted;
            awaited.last_start = known.last_start;
            awaited.boot.clone_from(&known.boot);
            awaited.boot_since = known.boot_since;
        }
        if let Some(sign) = signs.get(&id) {
            awaited.is_connected = sign.is_connected;
            awaited.last_seen = sign.last_seen;
        }
    }
    let reader = Arc::clone(&shared.reader);
    let asked = run.clone();
    let prove = move || {
        prove(reader.as_ref(), &asked, &mut steps, head);
        steps
    };
    let steps = tokio::task::spawn_blocking(prove).await;
    let steps = steps.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let next = next(&run, summary.phase, &steps);
    Ok(Json(RunExplanation {
        summary,
        notices: notices(&shared, &run).await?,
        tree: steps,
        next,
    }))
}

/// Finds the records that say how steps that failed came to it. What was trimmed proves nothing any
/// more and is left out.
fn prove(reader: &dyn LogReader, run: &Jid, steps: &mut [StepExplanation], head: Cursor) {
    let ended = steps.iter().filter(|step| step.phase != StepPhase::Running);
    let Some(began) = ended.filter_map(|step| step.cursor).min() else {
        return;
    };
    let mut at = began.max(reader.tail());
    while at < head {
        let Ok(entries) = reader.read(at, READ_RECORDS) else {
            return;
        };
        let Some((last, _)) = entries.last() else {
            return;
        };
        at = *last;
        for (cursor, entry) in &entries {
            match Record::decode(&entry.body) {
                Ok(record) => take_proof(run, steps, *cursor, &record),
                Err(_) => return,
            }
        }
    }
}

fn take_proof(run: &Jid, steps: &mut [StepExplanation], cursor: Cursor, record: &Record) {
    let (jid, id) = match record {
        Record::Run {
            run: of,
            record: orch::RunRecord::StepFinished { ret, .. },
        } if of == run => {
            let step = steps.iter_mut().find(|step| step.id == ret.id);
            if let Some(step) = step.filter(|step| step.phase != StepPhase::Running) {
                step.proof = Some(cursor);
            }
            return;
        }
        Record::JobReturned(ret) => (&ret.jid, &ret.id),
        Record::MinionEnded(ended) => (&ended.jid, &ended.id),
        _ => return,
    };
    for step in steps.iter_mut() {
        if step.jid.as_deref() != Some(jid.as_str()) {
            continue;
        }
        let mut awaits = step.awaits.iter_mut();
        if let Some(awaited) = awaits.find(|awaited| awaited.id == id.as_str()) {
            awaited.proof = Some(cursor);
        }
    }
}

/// Gives the commands that lead on.
fn next(run: &Jid, phase: RunPhase, steps: &[StepExplanation]) -> Vec<String> {
    match phase {
        RunPhase::Running => {
            let asking = steps.iter().filter(|step| step.question.is_some());
            let mut next: Vec<String> = asking
                .flat_map(|step| {
                    let id = &step.id;
                    [
                        format!("brine run approve {run} {id}"),
                        format!("brine run reject {run} {id}"),
                    ]
                })
                .collect();
            let awaits = steps.iter().flat_map(|step| &step.awaits);
            let pending = awaits.filter(|awaited| !awaited.is_here && !awaited.is_accepted);
            let mut ids: Vec<&str> = pending.map(|awaited| awaited.id.as_str()).collect();
            ids.dedup();
            next.extend(ids.iter().map(|id| format!("salt-key -a {id}")));
            next.push(format!("brine run attach {run}"));
            next
        }
        RunPhase::Failed | RunPhase::Cancelled => match steps.first() {
            Some(step) => vec![format!("brine run retry {run} --from {}", step.id)],
            None => vec![format!("brine run retry {run} --from STEP")],
        },
        RunPhase::Succeeded => Vec::new(),
    }
}
