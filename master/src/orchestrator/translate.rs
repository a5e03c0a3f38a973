//! Turns what a run wants into records and effects of the master, and feeds it what comes of that
//! at once.

use std::collections::{BTreeMap, VecDeque};

use model::{Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use orch::{Effect as Wish, Fact};

use super::aim::aim;
use crate::ledger::decide::{Decision, Policy};
use crate::ledger::{Call, CallKind, Effect, Record, TimerKey, Views};

/// Feeds facts to a run, and to the same run what follows at once; everything else lands in
/// `decision`.
///
/// The run's records are not applied here: the ledger applies them in order. So that a second fact
/// sees what the first one led to, the run is advanced on a copy, which begins with what was
/// decided for it before in the same batch.
pub(super) fn feed(
    views: &mut Views,
    policy: &Policy,
    id: &Jid,
    facts: impl IntoIterator<Item = Fact>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(run) = views.runs.as_decided(id) else {
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
    let Some(run) = views.runs.as_decided(id) else {
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
    let Some(run) = views.runs.as_decided(id) else {
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
            views.runs.decided(&id, &record);
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
        wish @ (Wish::Publish { .. } | Wish::Resolve { .. } | Wish::AdoptJob { .. }) => {
            return aim(views, policy, id, wish.into(), now, decision);
        }
        Wish::CallRunner {
            step,
            attempt,
            jid,
            call,
        } => call_later(
            (run, step, attempt),
            jid,
            (CallKind::Runner, call),
            decision,
        ),
        Wish::CallWheel {
            step,
            attempt,
            jid,
            call,
        } => call_later((run, step, attempt), jid, (CallKind::Wheel, call), decision),
        Wish::CallState {
            step,
            attempt,
            jid,
            call,
        } => call_later((run, step, attempt), jid, (CallKind::State, call), decision),
        Wish::Check {
            step,
            attempt,
            jid,
            call,
        } => call_later((run, step, attempt), jid, (CallKind::Check, call), decision),
        Wish::AdoptCall {
            step,
            attempt,
            jid,
            call,
        } => return adopt_call(views, run, (step, attempt), jid, call, decision),
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

/// Takes up a call that was at work when the master went down. A nested orchestration goes on as
/// the run it is, or begins if it had not: until then nothing of it has happened. How anything else
/// ended is not known.
fn adopt_call(
    views: &Views,
    run: Jid,
    place: (usize, u32),
    jid: Jid,
    call: orch::Call,
    decision: &mut Decision,
) -> Option<Fact> {
    if !crate::runners::state::starts_run(&call.fun) {
        return Some(Fact::CallLost { jid });
    }
    let Some(child) = views.runs.get(&jid) else {
        let (step, attempt) = place;
        call_later(
            (run, step, attempt),
            jid,
            (CallKind::Runner, call),
            decision,
        );
        return None;
    };
    child.phase().has_ended().then(|| Fact::CallDone {
        jid,
        is_success: child.phase() == model::api::RunPhase::Succeeded,
        ret: child.result(),
    })
}

/// Has a function of the master called, once the record is durable.
fn call_later(
    (run, step, attempt): (Jid, usize, u32),
    jid: Jid,
    (kind, call): (CallKind, orch::Call),
    decision: &mut Decision,
) {
    let orch::Call { fun, arg, kwarg } = call;
    decision.effects.push(Effect::Call(Call {
        run,
        step,
        attempt,
        jid,
        kind,
        fun,
        arg,
        kwarg,
    }));
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

/// Returns by job and minion: runs of thousands of minions look each of theirs up.
pub(super) type Returns<'a> = BTreeMap<(&'a Jid, &'a MinionId), &'a JobReturn>;

/// Gives the facts that a job's present state holds for its run: who is expected, who returned, who
/// ended.
pub(super) fn facts_of_job(job: &crate::jobs::Job, returns: &Returns<'_>) -> Vec<Fact> {
    let jid = job.published.jid.clone();
    let mut facts = vec![Fact::Published {
        jid: jid.clone(),
        minions: job.published.minions.clone(),
        missing: job.published.missing.clone(),
    }];
    for (id, outcome) in &job.minions {
        if let Some(ret) = returns.get(&(&jid, id)) {
            facts.push(Fact::Returned(JobReturn::clone(ret)));
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
