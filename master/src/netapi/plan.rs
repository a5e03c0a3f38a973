//! `POST /plan`: what an orchestration would do. Nothing is started, and nothing recorded unless
//! the nodes are asked for their disks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use model::api::{PlanMark, PlanNode, PlanStep, PlanView};
use model::target::{Target, TargetType};
use model::{Map, MinionId, Value};
use serde::Deserialize;

use super::look;
use super::refusal::Refusal;
use super::server::Peer;
use crate::jobs::decide::{Known, resolve};
use crate::ledger::Views;
use crate::runners::{Arguments, state};
use crate::shared::Shared;

/// The arguments of `state.orchestrate`.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    arg: Vec<Value>,
    #[serde(default)]
    kwarg: Map,
    /// Ask the nodes what is on the disks that may be wiped.
    #[serde(default)]
    look: bool,
    #[serde(default)]
    by: String,
}

/// Plans an orchestration and shows what it would do, to whom.
pub(super) async fn plan(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(asked): Json<Asked>,
) -> Result<Json<PlanView>, Refusal> {
    let Asked {
        arg,
        kwarg,
        look,
        by,
        ..
    } = asked;
    let arguments = Arguments::new("state.orchestrate", arg, kwarg);
    let (plan, pillar) = state::plan(&shared, &arguments).await.map_err(|error| {
        let hint = error.hint();
        Refusal::Impossible(error.to_string(), hint)
    })?;
    let roles = roles(&shared, pillar).await;
    let nodegroups = shared.opts.nodegroups.clone();
    let asked = plan.clone();
    let found = shared.ledger.ask(move |views| {
        let mut steps = asked.graph();
        for (step, planned) in steps.iter_mut().zip(&asked.steps) {
            resolve_step(step, planned, views, &nodegroups);
        }
        let warnings = asked.warnings_of_ids(|id| views.keys.is_accepted(id));
        let nodes = nodes(&steps, &asked, views, &roles);
        (steps, nodes, warnings)
    });
    let (steps, mut nodes, of_ids) = found.await?;
    let ids: Vec<MinionId> = nodes
        .iter()
        .filter_map(|node| node.id.parse().ok())
        .collect();
    let signs = shared.signs(ids.iter());
    for node in &mut nodes {
        let id = node.id.parse::<MinionId>().ok();
        let sign = id.and_then(|id| signs.get(&id));
        node.is_connected = sign.is_some_and(|sign| sign.is_connected);
    }
    let mut warnings = plan.warnings.clone();
    warnings.extend(of_ids);
    for step in &steps {
        if step.is_change && step.target_type != "list" && !step.target.is_empty() {
            let is_nobody = step.nodes.is_empty();
            let (id, target) = (&step.id, &step.target);
            warnings.extend(is_nobody.then(|| {
                format!("'{id}' targets '{target}', which matches no accepted minion now")
            }));
        }
    }
    let look = match look {
        true => {
            let user = peer.user(&by, shared.world.disk.as_ref());
            Some(look::look(&shared, &plan, &steps, &mut nodes, &user).await?)
        }
        false => None,
    };
    let is_change = |step: &&PlanStep| step.is_change;
    Ok(Json(PlanView {
        name: plan.name.clone(),
        hash: plan.hash(&facts(&steps)).to_string(),
        changes: steps.iter().filter(is_change).count(),
        steps,
        nodes,
        warnings,
        look,
    }))
}

/// Gives the node facts that the plan's hash covers: whom each step is for.
fn facts(steps: &[PlanStep]) -> Map {
    let of = |step: &PlanStep| {
        let nodes: Value = step.nodes.iter().map(Value::from).collect();
        (step.key.clone(), nodes)
    };
    steps.iter().map(of).collect()
}

fn resolve_step(step: &mut PlanStep, planned: &orch::PlannedStep, views: &Views, nodegroups: &Map) {
    if step.target.is_empty() {
        step.nodes = planned.work.named_ids();
        return;
    }
    let Ok(tgt_type) = TargetType::parse(&step.target_type) else {
        return;
    };
    let named = planned.work.named_ids();
    let tgt = if named.is_empty() {
        Value::str(&step.target)
    } else {
        named.iter().map(Value::from).collect()
    };
    let target = Target { tgt, tgt_type };
    let grains = |id: &MinionId| views.minions.grains(id);
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups,
    };
    // A target that cannot be read, or that matches on pillar, is told when the step's turn comes.
    let Ok((minions, missing)) = resolve(&target, known, &HashMap::new()) else {
        return;
    };
    step.nodes = minions.iter().map(ToString::to_string).collect();
    step.missing = missing;
    if step.nodes.is_empty() && step.missing.is_empty() {
        step.is_change = false;
        step.marks.retain(|mark| *mark != PlanMark::Reboot);
    }
}

fn nodes(
    steps: &[PlanStep],
    plan: &orch::Plan,
    views: &Views,
    roles: &BTreeMap<String, Vec<String>>,
) -> Vec<PlanNode> {
    let mut nodes: BTreeMap<String, PlanNode> = BTreeMap::new();
    for (step, planned) in steps.iter().zip(&plan.steps) {
        let mut ids = planned.work.named_ids();
        ids.extend(step.nodes.iter().cloned());
        ids.sort();
        ids.dedup();
        for id in ids {
            let node = nodes
                .entry(id.clone())
                .or_insert_with(|| node(&id, views, roles));
            node.steps.push(step.id.clone());
        }
    }
    for id in roles.keys() {
        let new = || node(id, views, roles);
        nodes.entry(id.clone()).or_insert_with(new);
    }
    nodes.into_values().collect()
}

fn node(id: &str, views: &Views, roles: &BTreeMap<String, Vec<String>>) -> PlanNode {
    let minion: Option<MinionId> = id.parse().ok();
    let is_accepted = minion.as_ref().is_some_and(|id| views.keys.is_accepted(id));
    let mut of_node = roles.get(id).cloned().unwrap_or_default();
    let grains = minion.as_ref().and_then(|id| views.minions.grains(id));
    for key in ["role", "roles"] {
        match grains.and_then(|grains| grains.0.get(key)) {
            Some(Value::List(words)) => of_node.extend(words.iter().map(Value::to_text)),
            Some(Value::Str(word)) => of_node.push(word.clone()),
            _ => {}
        }
    }
    of_node.dedup();
    PlanNode {
        id: id.to_owned(),
        roles: of_node,
        is_accepted,
        ..PlanNode::default()
    }
}

/// Gives the roles of a node table in the master's pillar: any `nodes` map one level down whose
/// rows have a `role`, such as `kubic:nodes`.
async fn roles(shared: &Arc<Shared>, over: Map) -> BTreeMap<String, Vec<String>> {
    let working = Arc::clone(shared);
    let work = move || {
        let id = working.opts.master_minion_id();
        let grains = working.pillars.master_grains();
        let pillar = working.pillars.compile(&id, &grains);
        let mut roles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for tables in [&over, &pillar] {
            let nodes = tables
                .values()
                .filter_map(|table| table.get("nodes")?.as_map());
            for (key, row) in nodes.flat_map(Map::iter) {
                let Some(role) = row.get("role") else {
                    continue;
                };
                let id = row.get("id").map_or_else(|| key.to_text(), Value::to_text);
                let of_node = roles.entry(id).or_default();
                if of_node.is_empty() {
                    of_node.push(role.to_text());
                }
            }
        }
        roles
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}
