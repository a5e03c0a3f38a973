//! `manage.*`: which minions answer, which are connected.

use std::sync::Arc;
use std::time::Duration;

use model::target::Target;
use model::{Map, MinionId, Value};

use super::{Arguments, RunnerError};
use crate::jobs::decide::Request;
use crate::ledger::{Answer, Input};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    // In the order of their ids, as Salt gives them, not in that of the answers.
    let list = |mut ids: Vec<MinionId>| {
        ids.sort();
        ids.iter()
            .map(|id| Value::str(id.as_str()))
            .collect::<Value>()
    };
    match function {
        "up" => Ok(list(status(shared).await?.0)),
        "down" => Ok(list(status(shared).await?.1)),
        "status" => {
            let (up, down) = status(shared).await?;
            Ok(Value::Map(Map::from([
                ("up", list(up)),
                ("down", list(down)),
            ])))
        }
        "present" | "alived" => Ok(list(connected(shared, true).await?)),
        "not_alived" => Ok(list(connected(shared, false).await?)),
        _ => Err(arguments.unknown()),
    }
}

async fn accepted(shared: &Shared) -> Result<Vec<MinionId>, RunnerError> {
    Ok(shared
        .ledger
        .ask(|views| views.keys.accepted().cloned().collect())
        .await?)
}

async fn connected(shared: &Shared, wanted: bool) -> Result<Vec<MinionId>, RunnerError> {
    let ids = accepted(shared).await?;
    let signs = shared.signs(ids.iter());
    let is_wanted = |id: &MinionId| signs.get(id).is_some_and(|sign| sign.is_connected) == wanted;
    Ok(ids.into_iter().filter(is_wanted).collect())
}

/// Pings everyone and gives who answered within `timeout` + `gather_job_timeout`, and who did not.
async fn status(shared: &Shared) -> Result<(Vec<MinionId>, Vec<MinionId>), RunnerError> {
    let request = Request::new("test.ping", Target::glob("*"), "root");
    let answer = shared
        .ledger
        .decide(Input::Publish(Box::new(request)))
        .await?;
    let Answer::Published(published) = answer else {
        return Err(RunnerError::Failed(format!(
            "the ledger answered {answer:?}"
        )));
    };
    let patience = Duration::from_secs(shared.opts.timeout + shared.opts.gather_job_timeout);
    let wait = wait_for_all(shared, &published.jid);
    tokio::select! {
        ended = wait => ended?,
        () = shared.world.clock.sleep(patience) => {}
    }
    let jid = published.jid;
    let returned = shared.ledger.ask(move |views| {
        let job = views.jobs.get(&jid);
        job.map(|job| job.returns.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    });
    let returned = returned.await?;
    let mut ids = accepted(shared).await?;
    ids.retain(|id| !returned.contains(id));
    Ok((returned, ids))
}

async fn wait_for_all(shared: &Shared, jid: &model::Jid) -> Result<(), RunnerError> {
    let mut head = shared.ledger.head();
    loop {
        let asked = jid.clone();
        let has_ended = shared
            .ledger
            .ask(move |views| views.jobs.get(&asked).is_none_or(|job| job.has_ended()));
        if has_ended.await? {
            return Ok(());
        }
        if head.changed().await.is_err() {
            return Err(RunnerError::Ledger(crate::ledger::LedgerError::Stopped));
        }
    }
}
