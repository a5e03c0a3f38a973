//! `brine run plan --look`: asks the nodes what is on the disks that a plan may wipe.
//!
//! The jobs are those of the guards, or, where a node does not have their function yet, a shell's
//! `lsblk`: they read and change nothing, and stand among the jobs like any other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::api::{PlanLook, PlanNode, PlanStep};
use model::target::Target;
use model::{Jid, Map, MinionId, Value};
use orch::steps::wipe_guard::{Question, WipeGuard};

use super::refusal::Refusal;
use crate::jobs::decide::Request;
use crate::ledger::{Answer, Input};
use crate::shared::Shared;

/// How long nodes may take to answer, beyond the patience of a command: a look at disks that sleep.
const DISKS_MORE_SECS: u64 = 20;

/// Asks the nodes of a plan's guards, and adds what they say to their facts.
pub(super) async fn look(
    shared: &Arc<Shared>,
    plan: &orch::Plan,
    steps: &[PlanStep],
    nodes: &mut [PlanNode],
    user: &str,
) -> Result<PlanLook, Refusal> {
    let mut look = PlanLook::default();
    for (index, guard) in plan.wipe_guards() {
        let ids: Vec<MinionId> = steps[index]
            .nodes
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect();
        look.asked += ids.len();
        let said = ask(shared, guard.question(), &ids, user, &mut look).await?;
        let facts: Map = said
            .iter()
            .map(|(id, said)| (id.as_str(), said.clone()))
            .collect();
        let carriers = said.iter().filter(|(_, said)| WipeGuard::stops(said));
        let carriers: Vec<String> = carriers.map(|(id, _)| id.to_string()).collect();
        let silent: Vec<MinionId> = ids
            .into_iter()
            .filter(|id| !said.contains_key(id))
            .collect();
        if !carriers.is_empty() && silent.is_empty() {
            look.yes_wipe = Some(plan.hash(&facts).to_string());
        }
        look.carriers.extend(carriers);
        let question = Question::of_every_minion();
        let more = match silent.is_empty() || question == guard.question() {
            true => BTreeMap::new(),
            false => ask(shared, question, &silent, user, &mut look).await?,
        };
        for id in silent.iter().filter(|id| !more.contains_key(id)) {
            look.silent.push(id.to_string());
            tell(
                nodes,
                id,
                vec!["does not say what is on its disks".to_owned()],
            );
        }
        for (id, said) in said.iter().chain(&more) {
            tell(nodes, id, WipeGuard::told(said));
        }
    }
    Ok(look)
}

fn tell(nodes: &mut [PlanNode], id: &MinionId, lines: Vec<String>) {
    if let Some(node) = nodes.iter_mut().find(|node| node.id == id.as_str()) {
        node.facts.extend(lines);
    }
}

/// Asks minions one question; gives the good answers.
async fn ask(
    shared: &Arc<Shared>,
    question: Question,
    ids: &[MinionId],
    user: &str,
    look: &mut PlanLook,
) -> Result<BTreeMap<MinionId, Value>, Refusal> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let request = Request {
        arg: question.arg,
        ..Request::new(&question.fun, Target::list(ids), user)
    };
    let jid = match shared
        .ledger
        .decide(Input::Publish(Box::new(request)))
        .await?
    {
        Answer::Published(published) => published.jid,
        Answer::Refused(problem) => return Err(Refusal::Impossible(problem, None)),
        other => {
            let told = format!("the ledger answered {other:?}");
            return Err(Refusal::Unavailable(told));
        }
    };
    look.jids.push(jid.to_string());
    let opts = &shared.opts;
    let patience = opts.timeout + opts.gather_job_timeout + DISKS_MORE_SECS;
    tokio::select! {
        ended = has_ended(shared, &jid) => ended?,
        () = shared.world.clock.sleep(Duration::from_secs(patience)) => {}
    }
    let job = shared.job(&jid).await?;
    let returns = job.into_iter().flat_map(|job| job.returns);
    let good = returns.filter(|(_, ret)| !ret.is_failure() && ret.ret.is_truthy());
    Ok(good.map(|(id, ret)| (id, ret.ret)).collect())
}

/// Waits until every minion of a job has ended.
async fn has_ended(shared: &Arc<Shared>, jid: &Jid) -> Result<(), Refusal> {
    let mut head = shared.ledger.head();
    loop {
        let asked = jid.clone();
        let ended = shared.ledger.ask(move |views| {
            let job = views.jobs.get(&asked);
            job.as_deref().is_none_or(crate::jobs::Job::has_ended)
        });
        if ended.await? || head.changed().await.is_err() {
            return Ok(());
        }
    }
}
