//! Turns what a run wants into records and effects of the master, and feeds it what comes of that
//! at once.

use std::collections::VecDeque;

use model::target::{Target, TargetType};
use model::{Jid, Map, MinionId, Tag, Timestamp, Value};
use orch::{Effect as Wish, Fact, JobRequest};

use crate::jobs::StepRef;
use crate::jobs::decide::Request;
use crate::ledger::decide::{Decision, Policy, publish};
use crate::ledger::{Call, CallKind, Effect, Record, TimerKey, Views};

/// Feeds facts to a run, and to the same run what follows at once; everything else lands in
/// `decision`.
///
/// The run's records are not applied here: the ledger applies them in order. So that a second fact
/// sees what the first one led to, the run is advanced on a copy.
pub(super) fn feed(
    views: &mut Views,
    policy: &Policy,
    id: &Jid,
    facts: impl IntoIterator<Item = Fact>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(run) = views.runs.get(id).cloned() else {
        return;
    };
    follow(
        views,
        policy,
        run,
        orch::Output::default(),
        facts.into_iter().collect(),
        now,
        decision,
    );
}

/// Takes a run up again after a start of the master, and tells it what its jobs came to meanwhile.
pub(super) fn resume(
    views: &mut Views,
    policy: &Policy,
    id: &Jid,
    last_alive: Timestamp,
    facts: Vec<Fact>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(run) = views.runs.get(id).cloned() else {
        return;
    };
    let cursor = views.head;
    let mut next_jid = || views.next_jid(now);
    let mut context = orch::Context {
        now,
        cursor,
        next_jid: &mut next_jid,
    };
    let output = orch::recovery::resume(&run, last_alive, &mut context);
    follow(views, policy, run, output, facts.into(), now, decision);
}

/// Does again for a run what does no harm when it is done twice. Calls are left alone: the master
/// that made them still runs.
pub(super) fn again(
    views: &mut Views,
    policy: &Policy,
    id: &Jid,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(run) = views.runs.get(id).cloned() else {
        return;
    };
    let mut effects = orch::recovery::effects(&run, now);
    effects.retain(|effect| !matches!(effect, Wish::AdoptCall { .. }));
    let output = orch::Output {
        records: Vec::new(),
        effects,
    };
    follow(views, policy, run, output, VecDeque::new(), now, decision);
}

/// Takes in what a run decided, grants its wishes, and goes on with the facts that are left.
fn follow(
    views: &mut Views,
    policy: &Policy,
    mut run: orch::Run,
    mut output: orch::Output,
    mut facts: VecDeque<Fact>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let id = run.id().clone();
    loop {
        for record in output.records {
            if let Err(illegal) = run.apply(&record) {
                tracing::error!(%illegal, "a run decided on something that cannot follow");
                return;
            }
            decision.records.push(Record::Run {
                run: id.clone(),
                record,
            });
        }
        for wish in output.effects {
            facts.extend(grant(views, policy, &id, wish, now, decision));
        }
        let Some(fact) = facts.pop_front() else {
            return;
        };
        let cursor = views.head;
        let mut next_jid = || views.next_jid(now);
        let mut context = orch::Context {
            now,
            cursor,
            next_jid: &mut next_jid,
        };
        output = run.on(&fact, &mut context);
    }
}

/// Grants one wish; gives what the run is to be told at once.
fn grant(
    views: &Views,
    policy: &Policy,
    id: &Jid,
    wish: Wish,
    now: Timestamp,
    decision: &mut Decision,
) -> Option<Fact> {
    let run = id.clone();
    match wish {
        Wish::Publish { step, jid, job, .. } => {
            return publish_for(views, policy, (id, step), jid, &job, now, decision);
        }
        Wish::AdoptJob { step, jid, job, .. } => {
            // Not on record: it was never sent.
            if views.jobs.get(&jid).is_none() {
                return publish_for(views, policy, (id, step), jid, &job, now, decision);
            }
        }
        Wish::CallRunner {
            step,
            attempt,
            jid,
            call,
        } => {
            decision
                .effects
                .push(to_call(run, (step, attempt), jid, CallKind::Runner, call));
        }
        Wish::CallWheel {
            step,
            attempt,
            jid,
            call,
        } => {
            decision
                .effects
                .push(to_call(run, (step, attempt), jid, CallKind::Wheel, call));
        }
        Wish::AdoptCall { jid, .. } => return Some(Fact::CallLost { jid }),
        Wish::Watch { step, glob, after } => {
            let upto = views.head;
            decision.effects.push(Effect::LookBack {
                run,
                step,
                glob,
                after,
                upto,
            });
        }
        Wish::SetTimer { step, attempt, at } => {
            let key = TimerKey::Step { run, step, attempt };
            decision.effects.push(Effect::SetTimer { key, at });
        }
        Wish::Event { tag, data } => decision.records.push(Record::Event { tag, data }),
        Wish::Finish { phase, ret } => {
            decision.records.push(finished(views, id, phase, ret));
        }
    }
    None
}

/// Publishes the job of a step, in the same batch as the step's own record. A target that matches
/// on pillar cannot be resolved here; it is refused with the way out.
fn publish_for(
    views: &Views,
    policy: &Policy,
    (run, step): (&Jid, usize),
    jid: Jid,
    job: &JobRequest,
    now: Timestamp,
    decision: &mut Decision,
) -> Option<Fact> {
    let refused = |why: String| {
        Some(Fact::NotPublished {
            jid: jid.clone(),
            why,
        })
    };
    let tgt_type = match TargetType::parse(&job.tgt_type) {
        Ok(tgt_type) => tgt_type,
        Err(error) => return refused(error.to_string()),
    };
    let target = Target {
        tgt: job.tgt.clone(),
        tgt_type,
    };
    if target.needs_pillar() {
        return refused(
            "a step cannot be targeted by pillar yet; compute a list of ids in the SLS instead"
                .into(),
        );
    }
    let request = Request {
        jid: Some(jid.clone()),
        arg: job.arg.clone(),
        ret: job.ret.clone(),
        extra: returner_options(job),
        step: Some(StepRef {
            run: run.clone(),
            step,
        }),
        ..Request::new(&job.fun, target, &job.user)
    };
    match publish(views, policy, request, jid.clone(), now) {
        Err(why) => return refused(why),
        Ok((mut job_record, effects)) => {
            narrow(&mut job_record, job.subset);
            job_record.hides_output = job.hides_output || job.secret.is_some();
            job_record.secret = job.secret.clone();
            if job.secret.is_some() && job_record.minions.len() > 1 {
                let count = job_record.minions.len();
                return refused(format!(
                    "a secret is made on one minion, but its target means {count}; name one"
                ));
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

/// `subset`: the first so many of the targeted minions, by id, become a list target.
fn narrow(job: &mut crate::jobs::JobPublished, subset: Option<u64>) {
    let Some(count) = subset.and_then(|count| usize::try_from(count).ok()) else {
        return;
    };
    if count >= job.minions.len() {
        return;
    }
    job.minions.truncate(count);
    let target = Target::list(&job.minions);
    (job.tgt, job.tgt_type) = (target.tgt, target.tgt_type);
}

fn to_call(
    run: Jid,
    (step, attempt): (usize, u32),
    jid: Jid,
    kind: CallKind,
    call: orch::Call,
) -> Effect {
    let orch::Call { fun, arg, kwarg } = call;
    Effect::Call(Call {
        run,
        step,
        attempt,
        jid,
        kind,
        fun,
        arg,
        kwarg,
    })
}

/// Makes the event that tells the end of a run, as python's master fires it.
fn finished(views: &Views, id: &Jid, phase: model::api::RunPhase, ret: Value) -> Record {
    let user = views
        .runs
        .get(id)
        .map(|run| run.started().user.clone())
        .unwrap_or_default();
    let fun_args = views
        .runs
        .get(id)
        .map(|run| fun_args(run.plan(), id))
        .unwrap_or_default();
    let is_success = phase == model::api::RunPhase::Succeeded;
    let data = Map::from([
        ("fun", Value::str("runner.state.orchestrate")),
        ("jid", Value::str(id.as_str())),
        ("user", Value::Str(user)),
        ("fun_args", fun_args),
        ("return", ret),
        ("success", Value::Bool(is_success)),
        ("retcode", Value::from(i64::from(!is_success))),
    ]);
    Record::Event {
        tag: Tag::new(format!("salt/run/{id}/ret")),
        data,
    }
}

/// Gives `fun_args` as python's master shows them.
pub(crate) fn fun_args(plan: &orch::Plan, id: &Jid) -> Value {
    let more = Map::from([("orchestration_jid", id.as_str())]);
    Value::List(vec![Value::str(&plan.name), Value::Map(more)])
}

/// Gives the facts that a job's present state holds for its run: who is expected, who returned, who
/// ended.
pub(super) fn facts_of_job(job: &crate::jobs::Job, returns: &[model::JobReturn]) -> Vec<Fact> {
    let jid = job.published.jid.clone();
    let mut facts = vec![Fact::Published {
        jid: jid.clone(),
        minions: job.published.minions.clone(),
        missing: job.published.missing.clone(),
    }];
    for (id, outcome) in &job.minions {
        if let Some(ret) = returns.iter().find(|ret| ret.jid == jid && ret.id == *id) {
            facts.push(Fact::Returned(ret.clone()));
        } else if outcome.phase.has_ended() && !job.returns.contains_key(id) {
            facts.push(ended(&jid, id, outcome.phase));
        }
    }
    facts
}

fn ended(jid: &Jid, id: &MinionId, phase: model::api::MinionPhase) -> Fact {
    Fact::MinionEnded {
        jid: jid.clone(),
        id: id.clone(),
        phase,
        why: "recorded before the master was restarted".into(),
    }
}
