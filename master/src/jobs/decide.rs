//! Decides what a request for a job, and a minion's return, change.
//!
//! A return counts once, for a job we published, from a minion whose key is accepted. Anything else
//! is answered politely and forgotten. Late is fine: a deadline ends the *waiting*, not the
//! welcome.

use std::collections::{HashMap, HashSet};

use model::target::{Candidate, InvalidTarget, Target, TargetType, nodegroup};
use model::{Grains, Jid, JobReturn, Map, MinionId, Timestamp, Value};

use super::{Job, JobPublished, StepRef, View};
use crate::keys;
use crate::ledger::{Effect, Record, TimerKey};

/// What someone asks of minions.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The jid, if it was chosen already (by a step of a run, or by the caller).
    pub jid: Option<Jid>,
    /// The function, or the list of functions.
    pub fun: Value,
    /// The arguments.
    pub arg: Vec<Value>,
    /// Whom.
    pub target: Target,
    /// Returners, comma separated.
    pub ret: String,
    /// Who asks.
    pub user: String,
    /// Further keys of the load.
    pub extra: Map,
    /// The run and step, if one asks.
    pub step: Option<StepRef>,
    /// Pillars by id, for targets that match on pillar; empty if the target does not.
    pub pillars: HashMap<MinionId, Value>,
}

impl Request {
    /// Asks for a function without arguments.
    pub fn new(fun: &str, target: Target, user: &str) -> Self {
        Self {
            jid: None,
            fun: Value::str(fun),
            arg: Vec::new(),
            target,
            ret: String::new(),
            user: user.to_owned(),
            extra: Map::new(),
            step: None,
            pillars: HashMap::new(),
        }
    }
}

/// What is known about minions when a target is resolved.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The keys.
    pub keys: &'a keys::View,
    /// The grains.
    pub grains: &'a dyn Fn(&MinionId) -> Option<&'a Grains>,
    /// The option `nodegroups`: name to compound expression.
    pub nodegroups: &'a Map,
}

/// Finds the accepted minions that a target means, and the listed ids that are none.
pub fn resolve(
    target: &Target,
    known: Known<'_>,
    pillars: &HashMap<MinionId, Value>,
) -> Result<(Vec<MinionId>, Vec<String>), InvalidTarget> {
    let target = expand_nodegroup(target, known.nodegroups)?;
    let matcher = target.matcher()?;
    let mut minions = Vec::new();
    if let Some(named) = matcher.named_ids() {
        // However many keys there are, only these count. What is no id has no key.
        let ids = named.into_iter().filter_map(|id| id.parse().ok());
        minions = ids.filter(|id| known.keys.is_accepted(id)).collect();
        minions.sort();
    } else {
        for id in known.keys.accepted() {
            let candidate = Candidate {
                id,
                grains: (known.grains)(id),
                pillar: pillars.get(id),
            };
            if matcher.matches(candidate)? {
                minions.push(id.clone());
            }
        }
    }
    let found: HashSet<&str> = minions.iter().map(MinionId::as_str).collect();
    let mut missing = target.listed_ids();
    missing.retain(|listed| !found.contains(listed.as_str()));
    Ok((minions, missing))
}

fn expand_nodegroup(target: &Target, nodegroups: &Map) -> Result<Target, InvalidTarget> {
    if target.tgt_type != TargetType::Nodegroup {
        return Ok(target.clone());
    }
    let expression = nodegroup::expression(&target.tgt.to_text(), nodegroups)?;
    Ok(Target {
        tgt: Value::Str(expression),
        tgt_type: TargetType::Compound,
    })
}

/// Decides on a request: the job with the minions that are expected to answer. A job that nobody is
/// expected to answer is not published.
pub fn on_request(
    request: Request,
    jid: Jid,
    known: Known<'_>,
) -> Result<JobPublished, InvalidTarget> {
    let (minions, missing) = resolve(&request.target, known, &request.pillars)?;
    // Minions know no nodegroups: they get the compound expression, as python's client sends it.
    let target = expand_nodegroup(&request.target, known.nodegroups)?;
    Ok(JobPublished {
        jid,
        fun: request.fun,
        arg: request.arg,
        tgt: target.tgt,
        tgt_type: target.tgt_type,
        ret: request.ret,
        user: request.user,
        extra: request.extra,
        minions,
        missing,
        step: request.step,
        hides_output: false,
        secret: None,
        probes: None,
        asks_boot: false,
    })
}

/// Gives what follows from a job that was decided on: it is sent, and after the patience of the
/// option `timeout` those that have not answered are asked.
pub fn after_publication(job: &JobPublished, now: Timestamp, timeout_secs: u64) -> Vec<Effect> {
    let mut effects = vec![Effect::Send {
        job: Box::new(job.clone()),
        again: Vec::new(),
    }];
    if !job.is_question() {
        let key = TimerKey::Probe(job.jid.clone());
        effects.push(Effect::SetTimer {
            key,
            at: now.plus_secs(timeout_secs),
        });
    }
    effects
}

/// Decides on a return.
pub fn on_return(jobs: &View, keys: &keys::View, ret: JobReturn) -> Vec<Record> {
    if !keys.is_accepted(&ret.id) {
        return Vec::new();
    }
    let Some(job) = jobs.get(&ret.jid) else {
        return Vec::new();
    };
    // A question may be heard by more minions than it is for.
    let is_asked = job.minions.contains_key(&ret.id) || !job.published.is_question();
    if job.returns.contains_key(&ret.id) || !is_asked {
        return Vec::new();
    }
    let mut records = Vec::new();
    if let Some(asked) = &job.published.probes {
        records.extend(on_probe_answer(jobs, asked, &ret));
    }
    records.push(Record::JobReturned(Box::new(ret)));
    records
}

/// What stands in place of a return that is not to be kept.
const HIDDEN: &str = "** hidden **";

/// Gives a return as it is kept for a job that hides its output.
pub fn hidden(ret: &JobReturn) -> JobReturn {
    let mut kept = ret.clone();
    kept.ret = Value::str(HIDDEN);
    if kept.load.contains_key("return") {
        kept.load.insert("return", HIDDEN);
    }
    kept
}

/// Says whether an answer is to a question from before the minion started: whoever gave it is gone.
fn is_of_earlier_life(jobs: &View, job: &Job, answer: &JobReturn) -> bool {
    let question = jobs.get(&answer.jid).map(|question| question.cursor);
    let doubt = job.doubts.get(&answer.id);
    doubt.is_some_and(|doubt| question < Some(doubt.cursor))
}

/// `saltutil.find_job` gives a map that describes the job, or an empty one.
fn on_probe_answer(jobs: &View, asked: &Jid, answer: &JobReturn) -> Option<Record> {
    let job = jobs.get(asked)?;
    let outcome = job.minions.get(&answer.id)?;
    if outcome.phase.has_ended() || is_of_earlier_life(jobs, &job, answer) {
        return None;
    }
    let (jid, id) = (asked.clone(), answer.id.clone());
    let has_job = answer.ret.as_map().is_some_and(|map| !map.is_empty());
    Some(if has_job {
        Record::JobRunning { jid, id }
    } else {
        Record::JobAbsent { jid, id }
    })
}
