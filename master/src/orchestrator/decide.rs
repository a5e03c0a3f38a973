//! Decides what the log and the timers mean for runs.

use model::api::{RunPhase, RunStarted};
use model::{Cursor, Event, Jid, JobReturn, Map, MinionId, Timestamp};
use orch::{Fact, RunRecord};

use super::aim::{Wanted, grant_later};
use super::signs;
use super::translate::feed;
use crate::ledger::decide::{Decision, Policy};
use crate::ledger::{Answer, Effect, Record, TimerKey, Views};
use crate::{jobs, secrets};

/// How deep orchestrations may call each other. One that calls itself would do so for ever; and
/// each level puts five more into the JSON of the result, of which readers take 128.
const NESTED_MAX: usize = 16;

/// Gives how many runs a run stands below, itself included.
fn depth(views: &Views, run: &Jid) -> usize {
    let parent = |run: &Jid| views.runs.get(run)?.started().parent.clone();
    std::iter::successors(Some(run.clone()), parent)
        .take(NESTED_MAX + 1)
        .count()
}

/// Starts a run, unless another one holds its lock: its plan becomes a record, whole; the first
/// steps follow in the same batch.
pub fn on_start(
    views: &mut Views,
    plan: orch::Plan,
    user: String,
    (pillar, parent): (Map, Option<(Jid, Jid)>),
    now: Timestamp,
) -> Decision {
    let cursor = views.head;
    let refused = |why: String| Decision {
        answer: Answer::Refused(why),
        ..Decision::records(Vec::new())
    };
    let above = parent.as_ref().map(|(parent, _)| parent.clone());
    let lock = views.runs.refusal_of(&plan, above.as_ref());
    let (parent, run) = match parent {
        None => (None, views.next_jid(now)),
        Some((parent, call)) => {
            // Told twice, it is started once; and nobody waits for it when its parent is over.
            let is_wanted = views
                .runs
                .get(&parent)
                .is_some_and(|run| run.is_calling(&call));
            if views.runs.get(&call).is_some() || !is_wanted {
                return Decision::records(Vec::new());
            }
            if depth(views, &parent) >= NESTED_MAX {
                let why = format!("orchestrations call each other more than {NESTED_MAX} deep");
                return refused(why);
            }
            (Some(parent), call)
        }
    };
    if let Some(why) = lock {
        return refused(why);
    }
    let started = orch::Started {
        run: run.clone(),
        plan: std::sync::Arc::new(plan),
        cursor,
        user,
        pillar,
        at: now,
        parent,
    };
    let record = Record::Run {
        run: run.clone(),
        record: RunRecord::Started(started),
    };
    let answer = Answer::Run(RunStarted { run, cursor });
    Decision {
        answer,
        ..Decision::records(vec![record])
    }
}

/// Goes on with a step for whose job something had to be found out.
pub fn on_gathered(
    views: &mut Views,
    policy: &Policy,
    run: &Jid,
    wanted: Wanted,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    grant_later(views, policy, run, wanted, now, &mut decision);
    decision
}

/// Tells a run something that is no record.
pub fn on_fact(
    views: &mut Views,
    policy: &Policy,
    run: &Jid,
    fact: &Fact,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    feed(views, policy, run, [fact.clone()], now, &mut decision);
    decision
}

/// Says whether what a minion returns for a job would go into its record as it came: there is such
/// a job, it has not returned yet, and nothing of it is to be sealed or hidden.
pub fn is_kept_as_it_comes(views: &Views, jid: &Jid, id: &MinionId) -> bool {
    views.jobs.get(jid).is_some_and(|job| {
        let is_open = job.published.secret.is_none() && !job.published.hides_output;
        is_open && !job.returns.contains_key(id)
    })
}

/// Takes a return. One that is not to be kept is told to its run as it came and recorded without
/// what it says. One that holds a secret is recorded when it is sealed in a blob: until then the
/// asker is told to seal it.
pub fn on_return(
    views: &mut Views,
    policy: &Policy,
    ret: JobReturn,
    blob: Option<String>,
    now: Timestamp,
) -> Decision {
    let job = views.jobs.get(&ret.jid);
    let job = job.as_deref().map(|job| &job.published);
    let is_open = |run: &Jid| {
        let run = views.runs.get(run);
        run.is_some_and(|run| !run.phase().has_ended())
    };
    let secret = job.filter(|job| {
        // What comes after the run has ended is for nobody: it is only hidden.
        let is_wanted = job.step.as_ref().is_some_and(|step| is_open(&step.run));
        is_wanted && secrets::decide::is_secret(job, &ret)
    });
    let secret = secret.cloned();
    let run = job
        .filter(|job| job.hides_output)
        .and_then(|job| job.step.as_ref());
    let run = run.map(|step| step.run.clone());
    if secret.is_none() && run.is_none() && blob.is_none() {
        // The usual return: it goes into its record as it came.
        return Decision::records(jobs::decide::on_return(&views.jobs, &views.keys, ret));
    }
    let kept = if run.is_some() {
        jobs::decide::hidden(&ret)
    } else {
        ret.clone()
    };
    let mut decision = Decision::records(jobs::decide::on_return(&views.jobs, &views.keys, kept));
    match (secret, blob) {
        (Some(job), Some(blob)) if !decision.records.is_empty() => {
            let made = secrets::decide::on_made(&job, &ret, blob, now);
            decision.records.splice(0..0, made);
        }
        // It is in already, or nobody waits for it.
        (_, Some(blob)) => views.secrets.discard(blob),
        (Some(job), None) if !decision.records.is_empty() => return must_seal(job, ret),
        _ => {}
    }
    if let Some(run) = run.filter(|_| !decision.records.is_empty()) {
        feed(
            views,
            policy,
            &run,
            [Fact::Returned(ret)],
            now,
            &mut decision,
        );
    }
    decision
}

fn must_seal(job: jobs::JobPublished, ret: JobReturn) -> Decision {
    let run = job.step.map(|step| step.run);
    let plain = job.secret.map(|secret| secret.plain);
    Decision {
        answer: Answer::MustSeal {
            ret: Box::new(ret),
            run: run.unwrap_or(job.jid),
            plain: plain.unwrap_or_default(),
        },
        ..Decision::records(Vec::new())
    }
}

/// Tells a run that a timer of it ran out.
pub fn on_timer(
    views: &mut Views,
    policy: &Policy,
    run: &Jid,
    step: usize,
    attempt: u32,
    now: Timestamp,
) -> Decision {
    on_fact(views, policy, run, &Fact::TimerFired { step, attempt }, now)
}

/// Tells a run what the log held before its wait began.
pub fn on_looked_back(
    views: &mut Views,
    policy: &Policy,
    run: &Jid,
    events: Vec<Event>,
    done: Fact,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let facts = events.into_iter().map(Fact::Event).chain([done]);
    feed(views, policy, run, facts, now, &mut decision);
    decision
}

/// Moves the deadlines of open runs with a wall clock that jumped.
pub fn on_clock_jump(views: &Views, by_ms: i64, now: Timestamp, decision: &mut Decision) {
    for run in views.runs.open() {
        let record = RunRecord::ClockJumped { by_ms, at: now };
        let mut moved = run.clone();
        if let Err(illegal) = moved.apply(&record) {
            tracing::error!(%illegal, "a run cannot follow the clock");
            continue;
        }
        let id = run.id().clone();
        for timer in orch::recovery::timers(&moved) {
            if let orch::Effect::SetTimer { step, attempt, at } = timer {
                let run = id.clone();
                let key = TimerKey::Step { run, step, attempt };
                decision.effects.push(Effect::SetTimer { key, at });
            }
        }
        decision.records.push(Record::Run { run: id, record });
    }
}

/// Tells runs what a record that was just taken in means for them.
pub fn on_record(
    views: &mut Views,
    policy: &Policy,
    cursor: Cursor,
    record: &Record,
    now: Timestamp,
    decision: &mut Decision,
) {
    if let Record::Run { run, record } = record
        && record.started().is_some()
    {
        feed(views, policy, run, [Fact::Begin], now, decision);
    }
    for (run, fact) in facts_of_family(views, record) {
        feed(views, policy, &run, [fact], now, decision);
    }
    if let Some((run, fact)) = fact_of_job(views, record, now) {
        let boots = present_boots(views, &run, record);
        let facts = [fact].into_iter().chain(boots);
        feed(views, policy, &run, facts, now, decision);
    }
    for (run, fact) in signs::facts(views, cursor, record) {
        feed(views, policy, &run, [fact], now, decision);
    }
    for (run, event) in watched(views, cursor, record, now) {
        feed(views, policy, &run, [Fact::Event(event)], now, decision);
    }
}

/// Finds what a record of a run means for the run that called it, or for those it called: an end is
/// told upwards, a cancellation downwards.
fn facts_of_family(views: &Views, record: &Record) -> Vec<(Jid, Fact)> {
    match record {
        Record::Run {
            run,
            record: RunRecord::Finished { phase, .. },
        } => {
            let Some(child) = views.runs.get(run) else {
                return Vec::new();
            };
            let Some(parent) = &child.started().parent else {
                return Vec::new();
            };
            let fact = Fact::CallDone {
                jid: run.clone(),
                is_success: *phase == RunPhase::Succeeded,
                ret: child.result(),
            };
            vec![(parent.clone(), fact)]
        }
        Record::Run {
            run,
            record: RunRecord::Cancelled { by, .. },
        } => {
            let open = views.runs.open();
            let called = open.filter(|other| other.started().parent.as_ref() == Some(run));
            let fact = |child: &orch::Run| (child.id().clone(), Fact::Cancelled { by: by.clone() });
            called.map(fact).collect()
        }
        _ => Vec::new(),
    }
}

/// Finds the run whose job a record is about, and what it is to be told.
fn fact_of_job(views: &Views, record: &Record, now: Timestamp) -> Option<(Jid, Fact)> {
    // Most jobs are of no step: then nothing is copied.
    if let Record::JobReturned(ret) = record {
        views.jobs.get(&ret.jid)?.published.step.as_ref()?;
    }
    let (jid, fact) = match record {
        Record::JobPublished(job) => {
            let fact = Fact::Published {
                jid: job.jid.clone(),
                minions: job.minions.clone(),
                missing: job.missing.clone(),
            };
            (&job.jid, fact)
        }
        Record::JobReturned(ret) => (&ret.jid, Fact::Returned((**ret).clone())),
        Record::JobRunning { jid, id } => {
            let fact = Fact::StillRunning {
                jid: jid.clone(),
                id: id.clone(),
                since: now,
            };
            (jid, fact)
        }
        Record::MinionEnded(ended) => {
            let fact = Fact::MinionEnded {
                jid: ended.jid.clone(),
                id: ended.id.clone(),
                phase: ended.phase,
                why: ended.why.clone(),
            };
            (&ended.jid, fact)
        }
        _ => return None,
    };
    let job = views.jobs.get(jid)?;
    let job = &job.published;
    let step = job.step.as_ref()?;
    // The clear return of a job that hides its output was told when it came.
    let is_told = job.hides_output && matches!(fact, Fact::Returned(_));
    (!is_told).then(|| (step.run.clone(), fact))
}

/// Finds in which boots the minions of a job run that is to restart their machines.
fn present_boots(views: &Views, run: &Jid, record: &Record) -> Option<Fact> {
    let Record::JobPublished(job) = record else {
        return None;
    };
    let is_meant = views
        .runs
        .get(run)
        .is_some_and(|run| run.wants_boots_of(&job.jid));
    let boot = |id: &MinionId| {
        let told = views.minions.present_boot(id)?;
        Some((id.clone(), told.boot.clone()?))
    };
    let boots: Vec<_> = job.minions.iter().filter_map(boot).collect();
    (is_meant && !boots.is_empty()).then(|| Fact::BootsBefore {
        jid: job.jid.clone(),
        boots,
    })
}

/// Finds the runs that wait for one of the events that a record shows on the bus.
fn watched(views: &Views, cursor: Cursor, record: &Record, now: Timestamp) -> Vec<(Jid, Event)> {
    if views.runs.open().next().is_none() {
        return Vec::new();
    }
    let events = record.events(cursor, now);
    let mut found = Vec::new();
    for run in views.runs.open() {
        for event in &events {
            if run.watches().any(|(_, glob, _)| glob.matches(&event.tag)) {
                found.push((run.id().clone(), event.clone()));
            }
        }
    }
    found
}
