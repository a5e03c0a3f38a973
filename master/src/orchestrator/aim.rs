//! Whom a step's job is for: targets are resolved, subsets drawn, jobs put on record.
//!
//! For `translate.rs`. What is matched on pillar is put off until the pillars were compiled; until
//! then the job has its jid and nobody has heard of it.

use std::collections::HashMap;

use model::target::{Target, TargetType};
use model::{Jid, Map, MinionId, Timestamp, Value};
use orch::{Effect as Wish, Fact, JobRequest};
use sha2::{Digest, Sha256};

use super::translate::feed;
use crate::jobs::StepRef;
use crate::jobs::decide::{Known, Request};
use crate::ledger::decide::{Decision, Policy, publish};
use crate::ledger::{Effect, Record, Views};

/// Pillars by id.
type Pillars = HashMap<MinionId, Value>;

/// What a step asks for, with what had to be found out first.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it asks for.
    pub wish: Wish,
    /// The pillars that its target is matched on, once they are compiled.
    pub pillars: Option<Pillars>,
    /// Whether its minions were asked for the boots that they run in.
    pub has_asked_boots: bool,
}

impl From<Wish> for Wanted {
    fn from(wish: Wish) -> Self {
        Self {
            wish,
            pillars: None,
            has_asked_boots: false,
        }
    }
}

/// Goes on with a wish for which something had to be found out, if the step still has it.
pub(super) fn grant_later(
    views: &mut Views,
    policy: &Policy,
    id: &Jid,
    wanted: Wanted,
    now: Timestamp,
    decision: &mut Decision,
) {
    let is_wanted = views.runs.get(id).is_some_and(|run| match &wanted.wish {
        Wish::Publish { jid, .. } | Wish::AdoptJob { jid, .. } => {
            run.wants_job(jid) && !views.jobs.contains(jid)
        }
        // What was resolved already takes no second answer.
        _ => true,
    });
    if is_wanted {
        let fact = aim(views, policy, id, wanted, now, decision);
        feed(views, policy, id, fact, now, decision);
    }
}

/// Publishes the job of a step, or finds out whom it is for. What is matched on pillar is put off
/// until the pillars are there.
pub(super) fn aim(
    views: &Views,
    policy: &Policy,
    id: &Jid,
    wanted: Wanted,
    now: Timestamp,
    decision: &mut Decision,
) -> Option<Fact> {
    let (step, attempt, jid, job) = match &wanted.wish {
        Wish::Publish {
            step,
            attempt,
            jid,
            job,
        } => (*step, *attempt, Some(jid), job),
        // Not on record: it was never sent.
        Wish::AdoptJob {
            step,
            attempt,
            jid,
            job,
        } if !views.jobs.contains(jid) => (*step, *attempt, Some(jid), job),
        Wish::Resolve { step, attempt, job } => (*step, *attempt, None, job),
        _ => return None,
    };
    let tgt_type = match TargetType::parse(&job.tgt_type) {
        Ok(tgt_type) => tgt_type,
        Err(error) => return Some(refused((step, attempt), jid, error.to_string())),
    };
    let target = Target {
        tgt: job.tgt.clone(),
        tgt_type,
    };
    if target.needs_pillar() && wanted.pillars.is_none() {
        decision.effects.push(Effect::GatherPillars {
            run: id.clone(),
            wish: Box::new(wanted.wish),
            target,
        });
        return None;
    }
    let pillars = wanted.pillars.clone().unwrap_or_default();
    let Some(jid) = jid else {
        let place = (step, attempt);
        return Some(resolve_for(views, policy, place, (job, target, &pillars)));
    };
    if job.wants_boot && !wanted.has_asked_boots {
        let ids = of_unknown_boot(views, policy, &target, &pillars);
        if !ids.is_empty() {
            decision.effects.push(Effect::GatherBoots {
                run: id.clone(),
                wish: Box::new(wanted.wish),
                pillars: wanted.pillars,
                ids,
            });
            return None;
        }
    }
    let to = (id, step, jid);
    publish_for(views, policy, to, (job, target, pillars), now, decision)
}

/// Finds the targeted minions of which it is not known in which boot they run now.
fn of_unknown_boot(
    views: &Views,
    policy: &Policy,
    target: &Target,
    pillars: &Pillars,
) -> Vec<MinionId> {
    let grains = |id: &MinionId| views.minions.grains(id);
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups: &policy.nodegroups,
    };
    // A target that cannot be read is told when the job is made.
    let resolved = crate::jobs::decide::resolve(target, known, pillars);
    let (mut minions, _) = resolved.unwrap_or_default();
    minions.retain(|id| views.minions.present_boot(id).is_none());
    minions
}

fn refused((step, attempt): (usize, u32), jid: Option<&Jid>, why: String) -> Fact {
    match jid.cloned() {
        Some(jid) => Fact::NotPublished { jid, why },
        None => Fact::Resolved {
            step,
            attempt,
            minions: Vec::new(),
            missing: Vec::new(),
            refused: Some(why),
        },
    }
}

/// Finds out whom a rolling job is for.
fn resolve_for(
    views: &Views,
    policy: &Policy,
    (step, attempt): (usize, u32),
    (job, target, pillars): (&JobRequest, Target, &Pillars),
) -> Fact {
    let grains = |id: &MinionId| views.minions.grains(id);
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups: &policy.nodegroups,
    };
    match crate::jobs::decide::resolve(&target, known, pillars) {
        Err(error) => refused((step, attempt), None, error.to_string()),
        Ok((minions, missing)) => {
            let run = job.metadata.get("orchestration").map(Value::to_text);
            let seed = format!("{}/{step}/{attempt}", run.unwrap_or_default());
            Fact::Resolved {
                step,
                attempt,
                minions: subset_of(minions, job.subset, &seed),
                missing,
                refused: None,
            }
        }
    }
}

/// Publishes the job of a step, in the same batch as the step's own record.
fn publish_for(
    views: &Views,
    policy: &Policy,
    (run, step, jid): (&Jid, usize, &Jid),
    (job, target, pillars): (&JobRequest, Target, Pillars),
    now: Timestamp,
    decision: &mut Decision,
) -> Option<Fact> {
    let request = Request {
        jid: Some(jid.clone()),
        arg: job.arg.clone(),
        ret: job.ret.clone(),
        extra: returner_options(job),
        step: Some(StepRef {
            run: run.clone(),
            step,
        }),
        pillars,
        ..Request::new(&job.fun, target, &job.user)
    };
    match publish(views, policy, request, jid.clone(), now) {
        Err(why) => return Some(refused((step, 0), Some(jid), why)),
        Ok((mut job_record, effects)) => {
            narrow(&mut job_record, job.subset);
            job_record.hides_output = job.hides_output || job.secret.is_some();
            job_record.secret = job.secret.clone();
            if job.secret.is_some() && job_record.minions.len() > 1 {
                let count = job_record.minions.len();
                let why = format!(
                    "a secret is made on one minion, but its target means {count}; name one"
                );
                return Some(refused((step, 0), Some(jid), why));
            }
            decision
                .records
                .push(Record::JobPublished(job_record.clone()));
            // The effect must carry the narrowed job, not the one that was resolved.
            decision
                .effects
                .extend(effects.into_iter().map(|effect| match effect {
                    Effect::Send { again, .. } => Effect::Send {
                        job: Box::new(job_record.clone()),
                        again,
                    },
                    other => other,
                }));
        }
    }
    None
}

/// Gives the options of the returners that a step names, as the published load carries them.
fn returner_options(job: &JobRequest) -> Map {
    let options = [
        ("ret_config", &job.ret_config),
        ("ret_kwargs", &job.ret_kwargs),
    ];
    let given = options.into_iter().filter(|(_, value)| value.is_truthy());
    given.map(|(name, value)| (name, value.clone())).collect()
}

/// `subset`: so many of the targeted minions become a list target.
fn narrow(job: &mut crate::jobs::JobPublished, subset: Option<u64>) {
    let all = job.minions.len();
    let minions = std::mem::take(&mut job.minions);
    job.minions = subset_of(minions, subset, job.jid.as_str());
    if job.minions.len() == all {
        return;
    }
    let target = Target::list(&job.minions);
    (job.tgt, job.tgt_type) = (target.tgt, target.tgt_type);
}

/// Takes so many of the minions by chance. The chance is that of the seed, which is on record: what
/// is decided again gives the same.
fn subset_of(mut minions: Vec<MinionId>, subset: Option<u64>, seed: &str) -> Vec<MinionId> {
    let Some(count) = subset.and_then(|count| usize::try_from(count).ok()) else {
        return minions;
    };
    if count >= minions.len() {
        return minions;
    }
    minions.sort_by_cached_key(|id| Sha256::digest(format!("{seed}/{id}").as_bytes()).to_vec());
    minions.truncate(count);
    minions.sort();
    minions
}
