//! One match over everything that can be put before the ledger; each arm is one call.
//!
//! Pure: values in, records and effects out. What follows from a record (a return that a run waits
//! for, an event that ends a wait) is decided by [`on_record`], so that it lands in the same batch
//! as its cause.

use model::api::{Published, RunStarted};
use model::{Cursor, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};

use super::{Answer, Effect, Input, Record, TimerKey, Views};
use crate::jobs::collect::{self, Patience};
use crate::jobs::decide::{Known, Request};
use crate::jobs::restarts;
use crate::keys::pki_writer::Difference;
use crate::{auth, enrolment, jobs, keys, mine, minions, orchestrator, secrets};

/// The options that decisions depend on.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Option `open_mode`.
    pub open_mode: bool,
    /// The options of enrolment.
    pub enrolment: enrolment::Terms,
    /// Option `auth_events`: whether sign-ins are events.
    pub auth_events: bool,
    /// Option `boot_ids`: whether minions that sign in are asked for the boot of their machine.
    pub boot_ids: bool,
    /// Option `rotate_aes_key`: whether a deleted or rejected key ends the shared key.
    pub rotate_aes_key: bool,
    /// Options `timeout` and `gather_job_timeout`.
    pub patience: Patience,
    /// Option `nodegroups`.
    pub nodegroups: Map,
    /// The name that state results are shown under: the master's minion id, `<host>_master`.
    pub master_minion_id: String,
}

/// What follows from an input.
#[derive(Debug)]
pub struct Decision {
    /// What becomes true.
    pub records: Vec<Record>,
    /// What is to be done then.
    pub effects: Vec<Effect>,
    /// What the asker is told then.
    pub answer: Answer,
}

impl Decision {
    pub(crate) fn records(records: Vec<Record>) -> Self {
        Self {
            records,
            effects: Vec::new(),
            answer: Answer::Done,
        }
    }
}

/// Decides on one input.
#[expect(
    clippy::too_many_lines,
    reason = "a list on purpose: one arm for each input, each a call"
)]
pub fn on_input(views: &mut Views, policy: &Policy, input: Input, now: Timestamp) -> Decision {
    match input {
        Input::Auth(attempt) => on_auth(views, policy, &attempt, now),
        Input::Publish(request) => on_publish(views, policy, *request, now),
        Input::Return(ret) if minions::boots::is_answer(views, &ret) => {
            minions::boots::on_answer(views, &ret, now)
        }
        Input::Return(ret) => orchestrator::decide::on_return(views, policy, *ret, None, now),
        Input::SealedReturn { ret, blob } => {
            orchestrator::decide::on_return(views, policy, *ret, Some(blob), now)
        }
        Input::WithLarge { input, .. } => on_input(views, policy, *input, now),
        Input::SecretsAsked { reader, jids } => {
            let (records, grants) = secrets::decide::on_asked(&views.secrets, &reader, &jids, now);
            Decision {
                answer: Answer::Secrets(grants),
                ..Decision::records(records)
            }
        }
        Input::SecretsDelivered { reader, jids } => Decision::records(
            secrets::decide::on_delivered(&views.secrets, &reader, &jids),
        ),
        Input::Events(events) => {
            let minions = &views.minions;
            let news =
                |(tag, data): &(Tag, Map)| !minions::decide::is_told_twice(minions, tag, data);
            let event = |(tag, mut data): (Tag, Map)| {
                minions::boots::mark_repeated(minions, &tag, &mut data);
                Record::Event { tag, data }
            };
            let events = events.into_iter().filter(news);
            Decision::records(events.map(event).collect())
        }
        Input::Grains(id, grains) => {
            Decision::records(minions::decide::on_grains(&views.minions, &id, &grains))
        }
        Input::MineStore { id, data, clear } => {
            let record = mine::decide::on_store(&mut views.mine, id, data, clear);
            Decision::records(record.into_iter().collect())
        }
        Input::Forget { before } => {
            let is_any = views.has_older(before);
            let record = is_any.then_some(Record::Forgotten { before });
            Decision::records(record.into_iter().collect())
        }
        Input::MineDelete { id, fun } => {
            let has_any = views.mine.has_any(&id);
            let record = Record::MineDeleted { id, fun };
            Decision::records(if has_any { vec![record] } else { Vec::new() })
        }
        Input::Keys {
            act,
            wanted,
            include,
            by,
        } => {
            let changes = keys::decide::on_act(&views.keys, act, &wanted, include, &by);
            on_keys(policy, changes)
        }
        Input::KeyFiles(differences) => {
            let changes = differences.iter().flat_map(|it| on_key_file(views, it));
            on_keys(policy, changes.collect())
        }
        Input::KeyGiven {
            id,
            pem,
            is_forced,
            by,
        } => {
            let changes = keys::decide::on_given(&views.keys, &id, &pem, is_forced, &by);
            on_keys(policy, changes)
        }
        Input::Spoke(id, version) => {
            let change = keys::decide::on_spoken(&views.keys, &id, version);
            on_keys(policy, change.into_iter().collect())
        }
        Input::Enrolment { act, by } => on_enrolment(views, act, &by, now),
        Input::Sent {
            jid,
            again,
            unheard,
        } => Decision::records(vec![Record::JobSent {
            jid,
            again,
            unheard,
        }]),
        Input::SubscriberAppeared => {
            let mut effects = collect::on_subscriber(&views.jobs, now);
            effects.extend(minions::boots::ask_soon(views, policy.boot_ids, now));
            Decision {
                effects,
                ..Decision::records(Vec::new())
            }
        }
        Input::ClockLooked => Decision::records(Vec::new()),
        Input::Timer {
            key: TimerKey::Probe(jid),
            presence,
        } => on_probe_timer(views, policy, &jid, &presence, now),
        Input::Timer {
            key: TimerKey::Boots,
            presence,
        } => minions::boots::on_timer(views, &presence, policy.boot_ids, now),
        Input::Timer {
            key: TimerKey::Step { run, step, attempt },
            ..
        } => orchestrator::decide::on_timer(views, policy, &run, step, attempt, now),
        Input::StartRun {
            plan,
            user,
            pillar,
            parent,
        } => orchestrator::decide::on_start(views, *plan, user, (pillar, parent), now),
        Input::StartRunner {
            fun,
            user,
            fun_args,
        } => on_runner(views, &fun, &user, fun_args, now),
        Input::SelfStarted { id, load } => on_self_started(views, &id, load, now),
        Input::Command { run, command, by } => {
            orchestrator::command::on_command(views, policy, &run, command, &by, now)
        }
        Input::RunFact { run, fact } => {
            orchestrator::decide::on_fact(views, policy, &run, &fact, now)
        }
        Input::Pillars { run, wish, pillars } => {
            let asked = orchestrator::Wanted {
                wish: *wish,
                pillars: Some(pillars),
                has_asked_boots: false,
            };
            orchestrator::decide::on_gathered(views, policy, &run, asked, now)
        }
        Input::AskBoots(ids) => minions::boots::ask_now(views, &ids, now),
        Input::BootsGathered { run, wish, pillars } => {
            let asked = orchestrator::Wanted {
                wish: *wish,
                pillars,
                has_asked_boots: true,
            };
            orchestrator::decide::on_gathered(views, policy, &run, asked, now)
        }
        Input::LookedBack { run, events, done } => {
            orchestrator::decide::on_looked_back(views, policy, &run, events, *done, now)
        }
        Input::Start {
            version,
            returns,
            last_alive,
        } => on_master_start(views, policy, version, (&returns, last_alive), now),
    }
}

fn on_auth(views: &Views, policy: &Policy, attempt: &auth::Attempt, now: Timestamp) -> Decision {
    let known = auth::decide::Known {
        keys: &views.keys,
        enrolment: &views.enrolment,
        terms: &policy.enrolment,
        is_open: policy.open_mode,
        now,
    };
    let (mut records, outcome) = auth::decide::on_attempt(known, attempt);
    if !policy.auth_events {
        records.retain(|record| !matches!(record, Record::Event { .. }));
        let id = attempt.id.clone();
        let is_in = outcome == auth::Outcome::Accepted;
        records.extend(is_in.then_some(Record::SignedIn { id }));
    }
    Decision {
        answer: Answer::Auth(outcome),
        ..with_key_effects(records, policy)
    }
}

fn on_key_file(views: &Views, difference: &Difference) -> Vec<keys::KeyChanged> {
    let keys = &views.keys;
    match difference {
        Difference::Live(id, Some((phase, pem))) => keys::decide::on_found(keys, id, *phase, pem),
        Difference::Live(id, None) => keys::decide::on_gone(keys, id).into_iter().collect(),
        Difference::Denied(id, pem) => {
            let change = keys::decide::on_denied_file(keys, id, pem.as_deref());
            change.into_iter().collect()
        }
    }
}

fn on_enrolment(views: &Views, act: enrolment::decide::Act, by: &str, now: Timestamp) -> Decision {
    match enrolment::decide::on_act(&views.enrolment, act, by, now) {
        Ok(records) => Decision {
            answer: Answer::Enrolment(records.clone()),
            ..Decision::records(records.into_iter().map(Record::Enrolment).collect())
        },
        Err(problem) => Decision {
            answer: Answer::Refused(problem),
            ..Decision::records(Vec::new())
        },
    }
}

fn on_keys(policy: &Policy, changes: Vec<keys::KeyChanged>) -> Decision {
    let records = changes.iter().cloned().map(Record::KeyChanged).collect();
    Decision {
        answer: Answer::Keys(changes),
        ..with_key_effects(records, policy)
    }
}

fn on_probe_timer(
    views: &mut Views,
    policy: &Policy,
    jid: &Jid,
    presence: &collect::Presence,
    now: Timestamp,
) -> Decision {
    // Out of the views for as long as jids are taken from them.
    let jobs = std::mem::take(&mut views.jobs);
    let minions = std::mem::take(&mut views.minions);
    let moment = collect::Moment {
        presence,
        minions: &minions,
        master_start: views.master_start,
        now,
    };
    let mut next_jid = || views.next_jid(now);
    let (records, effects) = collect::on_timer(&jobs, jid, &moment, policy.patience, &mut next_jid);
    (views.jobs, views.minions) = (jobs, minions);
    Decision {
        records,
        effects,
        answer: Answer::Done,
    }
}

/// A runner gets a jid and its start is told, as python's master tells it.
fn on_runner(
    views: &mut Views,
    fun: &str,
    user: &str,
    fun_args: Value,
    now: Timestamp,
) -> Decision {
    let cursor = views.head;
    let run = views.next_jid(now);
    let data = Map::from([
        ("fun", Value::Str(format!("runner.{fun}"))),
        ("jid", Value::str(run.as_str())),
        ("user", Value::str(user)),
        ("fun_args", fun_args),
    ]);
    let record = Record::Event {
        tag: Tag::new(format!("salt/run/{run}/new")),
        data,
    };
    Decision {
        answer: Answer::Run(RunStarted { run, cursor }),
        ..Decision::records(vec![record])
    }
}

/// A minion ran something by itself: its return is told under a jid of ours and kept as an event.
fn on_self_started(views: &mut Views, id: &MinionId, mut load: Map, now: Timestamp) -> Decision {
    if !views.keys.is_accepted(id) {
        return Decision::records(Vec::new());
    }
    let jid = views.next_jid(now);
    load.insert("jid", jid.as_str());
    load.insert("tgt", id.as_str());
    load.insert("tgt_type", "glob");
    let tag = Tag::job_ret(&jid, id);
    Decision::records(vec![Record::Event { tag, data: load }])
}

fn on_publish(views: &mut Views, policy: &Policy, request: Request, now: Timestamp) -> Decision {
    let cursor = views.head;
    let jid = request.jid.clone().unwrap_or_else(|| views.next_jid(now));
    match publish(views, policy, request, jid, now) {
        Err(problem) => Decision {
            answer: Answer::Refused(problem),
            ..Decision::records(vec![])
        },
        Ok((job, effects)) => {
            let answer = Answer::Published(Published {
                jid: job.jid.clone(),
                minions: job.minions.clone(),
                missing: job.missing.clone(),
                cursor,
            });
            // A job that nobody is expected to answer is not published, as in Salt.
            let records = if job.minions.is_empty() {
                vec![]
            } else {
                vec![Record::JobPublished(job)]
            };
            Decision {
                records,
                effects,
                answer,
            }
        }
    }
}

/// Resolves a request to the job and what follows from it. The job of a step is made even if no
/// minion matches: the run is told so by it.
pub(crate) fn publish(
    views: &Views,
    policy: &Policy,
    request: Request,
    jid: Jid,
    now: Timestamp,
) -> Result<(jobs::JobPublished, Vec<Effect>), String> {
    let grains = |id: &model::MinionId| views.minions.grains(id);
    let known = Known {
        keys: &views.keys,
        grains: &grains,
        nodegroups: &policy.nodegroups,
    };
    let job =
        jobs::decide::on_request(request, jid, known).map_err(|problem| problem.to_string())?;
    let effects = if job.minions.is_empty() {
        Vec::new()
    } else {
        jobs::decide::after_publication(&job, now, policy.patience.timeout_secs)
    };
    Ok((job, effects))
}

/// A key that changed has its file written; one that lost its rights ends the shared key.
fn with_key_effects(records: Vec<Record>, policy: &Policy) -> Decision {
    let mut effects = Vec::new();
    let mut is_rotation_due = false;
    for record in &records {
        let Record::KeyChanged(changed) = record else {
            continue;
        };
        let is_of_a_file = !matches!(
            changed.change,
            keys::KeyChange::Spoke(_) | keys::KeyChange::VersionReset
        );
        if is_of_a_file {
            effects.push(Effect::WriteKey(changed.clone()));
        }
        is_rotation_due |= matches!(
            changed.change,
            keys::KeyChange::Deleted
                | keys::KeyChange::DeletedKeepingData
                | keys::KeyChange::Rejected
        );
    }
    if is_rotation_due && policy.rotate_aes_key {
        effects.push(Effect::RotateKeys);
    }
    Decision {
        effects,
        ..Decision::records(records)
    }
}

fn on_master_start(
    views: &mut Views,
    policy: &Policy,
    version: String,
    (returns, last_alive): (&[JobReturn], Timestamp),
    now: Timestamp,
) -> Decision {
    let mut decision =
        orchestrator::recover::on_master_start(views, policy, returns, last_alive, now);
    let resumed = views.runs.unfinished();
    decision
        .records
        .insert(0, Record::MasterStarted { version, resumed });
    let timers = collect::on_master_start(&views.jobs, policy.patience, now);
    decision.effects.extend(timers);
    let ask = minions::boots::on_master_start(views, now);
    decision.effects.extend(ask);
    decision
}

/// Decides on a wall clock that jumped: what is open moves with it, and every timer is set anew.
pub fn on_clock_jump(views: &Views, policy: &Policy, by_ms: i64, now: Timestamp) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let has_jobs = views.jobs.open().next().is_some();
    let is_asking = views.minions.to_ask().next().is_some();
    if has_jobs || is_asking || views.runs.open().next().is_some() {
        decision.records.push(Record::ClockJumped { by_ms });
    }
    orchestrator::decide::on_clock_jump(views, by_ms, now, &mut decision);
    let timers = collect::on_master_start(&views.jobs, policy.patience, now);
    decision.effects.extend(timers);
    decision
        .effects
        .extend(minions::boots::ask_soon(views, policy.boot_ids, now));
    decision
}

/// Decides what follows from a record that was just taken in.
pub fn on_record(
    views: &mut Views,
    policy: &Policy,
    cursor: Cursor,
    record: &Record,
    started: &[(model::MinionId, String)],
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    for (id, said) in started {
        decision.records.extend(restarts::on_minion_start(
            &views.jobs,
            &views.minions,
            id,
            said,
        ));
    }
    let hurried = restarts::after_record(&views.jobs, record, now);
    decision.effects.extend(hurried);
    if let Record::KeyChanged(changed) = record
        && matches!(
            changed.change,
            keys::KeyChange::Deleted | keys::KeyChange::Rejected
        )
    {
        let gone = collect::on_key_gone(&views.jobs, &changed.id, &changed.by);
        decision.records.extend(gone);
    }
    if let Record::Run {
        run,
        record: orch::RunRecord::Finished { .. },
    } = record
    {
        decision.effects.push(Effect::ForgetSecrets(run.clone()));
    }
    if policy.boot_ids {
        let ask = minions::boots::after_record(&views.minions, record, now);
        decision.effects.extend(ask);
    }
    orchestrator::decide::on_record(views, policy, cursor, record, now, &mut decision);
    decision
}
