//! `/runs`: orchestrations, their steps, and what they gave.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use model::api::{RunStarted, RunSummary, RunView, StepPhase};
use model::{Cursor, Jid, Value};
use serde::Deserialize;
use states::file_client::FileClient;
use states::sources::Sources;

use super::events::HEARTBEAT;
use super::progress::Progress;
use super::refusal::Refusal;
use super::server::{By, Peer};
use crate::ledger::{Answer, Input};
use crate::orchestrator::Command;
use crate::shared::Shared;
use crate::stream::from_fn;

/// Between two views of one watcher are so many looks at whether the run has ended: a thousand
/// answers at once are a few views, not a thousand, and who waits for the end hears of it at once.
const LOOKS_BETWEEN_VIEWS: usize = 10;

/// The pause before each of these looks.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

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
    Ok(Json(whole_view(&shared, &read_run(&run)?).await?))
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
        None => Err(Refusal::Missing(shared.unknown_run(&run))),
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
        more: More::of(&shared, &run).await?,
        progress: Progress::default(),
        shared,
        run,
        shown: None,
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
    more: More,
    progress: Progress,
    shown: Option<RunView>,
    has_ended: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Sse, Self)> {
        if self.has_ended {
            return None;
        }
        self.pause().await;
        loop {
            let (mut view, head, running) = look(&self.shared, &self.run).await.ok()?;
            self.more.put_into(&mut view);
            self.progress.read(&self.shared, &running, head).await;
            self.progress.put_into(&mut view);
            let has_ended = view.summary.phase.has_ended();
            if self.shown.as_ref() != Some(&view) {
                let body = serde_json::to_string(&view).ok()?;
                self.shown = Some(view);
                return Some((Sse::default().event("view").data(body), self));
            }
            if has_ended {
                self.has_ended = true;
                return Some((Sse::default().event("end").data("{}"), self));
            }
            self.shared
                .ledger
                .head()
                .wait_for(|now| *now > head)
                .await
                .ok()?;
        }
    }
}

impl Watching {
    /// Waits until another view may be shown; not after the run has ended.
    async fn pause(&self) {
        let is_going_on = |shown: &RunView| !shown.summary.phase.has_ended();
        if !self.shown.as_ref().is_some_and(is_going_on) {
            return;
        }
        for _ in 0..LOOKS_BETWEEN_VIEWS {
            self.shared.world.clock.sleep(LOOK_PAUSE).await;
            let run = self.run.clone();
            let has_ended = self.shared.ledger.ask(move |views| {
                let run = views.runs.get(&run);
                run.is_none_or(|run| run.phase().has_ended())
            });
            // A master that stops says so at the next look at the view.
            if has_ended.await.unwrap_or(true) {
                return;
            }
        }
    }
}

/// What a view has beside what the run itself knows. It hardly changes while one watches.
pub(super) struct More {
    typical_ms: HashMap<String, u64>,
    notices: Vec<String>,
}

impl More {
    pub(super) async fn of(shared: &Arc<Shared>, run: &Jid) -> Result<Self, Refusal> {
        let asked = run.clone();
        let typical = shared
            .ledger
            .ask(move |views| views.runs.typical_ms(&asked));
        Ok(Self {
            typical_ms: typical.await?,
            notices: notices(shared, run).await?,
        })
    }

    fn put_into(&self, view: &mut RunView) {
        view.notices.clone_from(&self.notices);
        for step in &mut view.tree {
            step.typical_ms = self.typical_ms.get(&step.key).copied();
        }
    }
}

/// Says what a person should know of a run as a whole: files that changed since it was planned
/// (the plan stays as it was), ids that nobody has, oddities of the plan.
pub(super) async fn notices(shared: &Arc<Shared>, run: &Jid) -> Result<Vec<String>, Refusal> {
    let asked = run.clone();
    let found = shared.ledger.ask(move |views| {
        let run = views.runs.get(&asked)?;
        let is_over = run.phase().has_ended();
        let ids = run.plan().warnings_of_ids(|id| views.keys.is_accepted(id));
        let pauses = run.pauses().iter().map(|(id, _)| match id {
            Some(id) => format!("a person paused it before '{id}'; brine run resume {asked}"),
            None => format!("a person paused it before its next step; brine run resume {asked}"),
        });
        let of_now = if is_over {
            Vec::new()
        } else {
            pauses.chain(ids).collect()
        };
        Some((run.plan().clone(), of_now))
    });
    let Some((plan, ids)) = found.await? else {
        return Ok(Vec::new());
    };
    let files = shared.files.client();
    let warnings = plan.warnings.clone();
    let look = move || changed_files(&plan, files.as_ref());
    let changed = tokio::task::spawn_blocking(look).await.unwrap_or_default();
    let mut notices = Vec::new();
    if !changed.is_empty() {
        notices.push(format!(
            "changed since this run was planned: {}; the run keeps to its stored plan",
            changed.join(", ")
        ));
    }
    notices.extend(ids);
    notices.extend(warnings);
    Ok(notices)
}

fn changed_files(plan: &orch::Plan, files: &dyn FileClient) -> Vec<String> {
    let saltenv = plan.steps.first().map(|step| step.chunk.saltenv.as_str());
    let saltenv = saltenv.filter(|saltenv| !saltenv.is_empty());
    let sources = Sources::new(files);
    let mut changed = Vec::new();
    for (path, hash) in plan.sources.iter().filter(|(path, _)| path != "/") {
        match sources.read(path, saltenv.unwrap_or("base")) {
            Ok(Some(_)) => {
                let now = sources
                    .seen()
                    .into_iter()
                    .find(|source| source.path == *path);
                if now.and_then(|source| source.hash).as_ref() != Some(hash) {
                    changed.push(path.clone());
                }
            }
            Ok(None) => changed.push(format!("{path} (gone)")),
            Err(_) => {}
        }
    }
    changed
}

/// What is said of an approval.
#[derive(Deserialize)]
pub(super) struct Approval {
    step: String,
    is_yes: bool,
    #[serde(default)]
    by: String,
}

/// Answers a `salt.approve`.
pub(super) async fn approve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(run): Path<String>,
    Json(Approval { step, is_yes, by }): Json<Approval>,
) -> Result<Json<RunView>, Refusal> {
    commanded(&shared, &peer, &run, Command::Approve { step, is_yes }, &by).await
}

/// Has a command on a run decided in the name of whoever is at the socket; gives the run after it.
async fn commanded(
    shared: &Arc<Shared>,
    peer: &Peer,
    run: &str,
    what: Command,
    by: &str,
) -> Result<Json<RunView>, Refusal> {
    let run = read_run(run)?;
    let by = peer.user(by, shared.world.disk.as_ref());
    command(shared, &run, what, by).await?;
    Ok(Json(whole_view(shared, &run).await?))
}

/// Calls a run off: nothing more starts but what runs in any case.
pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(run): Path<String>,
    Json(By { by }): Json<By>,
) -> Result<Json<RunView>, Refusal> {
    commanded(&shared, &peer, &run, Command::Cancel, &by).await
}

/// Takes a run up again.
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(run): Path<String>,
    Json(By { by }): Json<By>,
) -> Result<Json<RunView>, Refusal> {
    commanded(&shared, &peer, &run, Command::Resume, &by).await
}

/// From where a run is to run again.
#[derive(Deserialize)]
pub(super) struct Retry {
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    by: String,
}

/// Starts a new run of a stored plan.
pub(super) async fn retry(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(run): Path<String>,
    Json(Retry { from, by }): Json<Retry>,
) -> Result<Json<RunStarted>, Refusal> {
    let run = read_run(&run)?;
    let by = peer.user(&by, shared.world.disk.as_ref());
    match command(&shared, &run, Command::Retry { from }, by).await? {
        Answer::Run(started) => Ok(Json(started)),
        other => Err(Refusal::Unavailable(format!(
            "the ledger answered {other:?}"
        ))),
    }
}

async fn command(
    shared: &Arc<Shared>,
    run: &Jid,
    command: Command,
    by: String,
) -> Result<Answer, Refusal> {
    // A run that is not here any more is told apart from one that never was.
    look(shared, run).await?;
    let input = Input::Command {
        run: run.clone(),
        command,
        by,
    };
    match shared.ledger.decide(input).await? {
        Answer::Declined { what, hint } => Err(Refusal::Impossible(what, Some(hint))),
        answer => Ok(answer),
    }
}

pub(super) fn read_run(text: &str) -> Result<Jid, Refusal> {
    text.parse()
        .map_err(|error: model::InvalidJid| Refusal::Bad(error.to_string()))
}

async fn view(shared: &Shared, run: &Jid) -> Result<RunView, Refusal> {
    Ok(look(shared, run).await?.0)
}

/// Gives the view with typical times, notices and sub-steps.
async fn whole_view(shared: &Arc<Shared>, run: &Jid) -> Result<RunView, Refusal> {
    let (mut view, head, running) = look(shared, run).await?;
    More::of(shared, run).await?.put_into(&mut view);
    let mut progress = Progress::default();
    progress.read(shared, &running, head).await;
    progress.put_into(&mut view);
    Ok(view)
}

/// Gives the view, the end of the log it stands for, and where the running steps began.
async fn look(
    shared: &Shared,
    run: &Jid,
) -> Result<(RunView, Cursor, Vec<(usize, Cursor)>), Refusal> {
    let asked = run.clone();
    let found = shared.ledger.ask(move |views| {
        let run = views.runs.get(&asked)?;
        let steps = run.steps().enumerate();
        let running = steps.filter(|(_, step)| step.phase == StepPhase::Running);
        let began = running.filter_map(|(index, step)| Some((index, step.attempts.last()?.cursor)));
        let began = began.collect();
        let mut view = run.view();
        views.enrolment.note_in(&mut view);
        Some((view, views.head, began))
    });
    found
        .await?
        .ok_or_else(|| Refusal::Missing(shared.unknown_run(run)))
}
