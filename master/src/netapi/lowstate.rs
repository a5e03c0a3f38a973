//! `POST /run`: one lowstate chunk, as `salt-api` takes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use model::Value;
use model::lowstate::{Client, LowChunk};
use model::target::{Target, TargetType};

use super::refusal::Refusal;
use super::server::Peer;
use crate::jobs::decide::Request;
use crate::ledger::{Answer, Input};
use crate::shared::Shared;
use crate::{runners, wheel};

/// Does what the chunk asks: a job, a runner or a wheel function.
pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(mut chunk): Json<LowChunk>,
) -> Result<Json<serde_json::Value>, Refusal> {
    chunk.user = peer.user(&chunk.user, shared.world.disk.as_ref());
    let answer = match chunk.client {
        Client::LocalAsync => json(&publish(&shared, chunk).await?),
        Client::RunnerAsync => json(&start_runner(&shared, chunk).await?),
        Client::Wheel => {
            let given = wheel::call(&shared, &chunk.fun, &chunk.arg, &chunk.kwarg, &chunk.user);
            json(
                &given
                    .await
                    .map_err(|error| Refusal::Impossible(error.to_string(), None))?,
            )
        }
    };
    Ok(Json(answer?))
}

fn json<T: serde::Serialize>(value: &T) -> Result<serde_json::Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::Unavailable(error.to_string()))
}

async fn publish(shared: &Shared, chunk: LowChunk) -> Result<model::api::Published, Refusal> {
    let tgt_type = TargetType::parse(&chunk.tgt_type)
        .map_err(|error| Refusal::Impossible(error.to_string(), None))?;
    let mut arg = chunk.arg;
    if !chunk.kwarg.is_empty() {
        let mut kwarg = chunk.kwarg;
        kwarg.insert("__kwarg__", true);
        arg.push(Value::Map(kwarg));
    }
    let target = Target {
        tgt: chunk.tgt,
        tgt_type,
    };
    let pillars = shared.pillars_for(&target).await?;
    let request = Request {
        jid: None,
        fun: Value::Str(chunk.fun),
        arg,
        target,
        ret: chunk.ret,
        user: chunk.user,
        extra: model::Map::new(),
        step: None,
        pillars,
    };
    match shared
        .ledger
        .decide(Input::Publish(Box::new(request)))
        .await?
    {
        Answer::Published(published) => Ok(published),
        Answer::Refused(problem) => Err(Refusal::Impossible(problem, None)),
        other => Err(Refusal::Unavailable(format!(
            "the ledger answered {other:?}"
        ))),
    }
}

async fn start_runner(
    shared: &Arc<Shared>,
    chunk: LowChunk,
) -> Result<model::api::RunStarted, Refusal> {
    let started = runners::start(shared, &chunk.fun, chunk.arg, chunk.kwarg, &chunk.user).await;
    started.map_err(|error| Refusal::Impossible(error.to_string(), error.hint()))
}
