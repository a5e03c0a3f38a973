//! After a restart of the master: from a folded run to what must be done again.
//!
//! Nothing is started twice. Jobs and calls are adopted under the jids they have, watches go back
//! to the place behind which events count, timers get back what the outage took.

use model::api::StepPhase;
use model::{Jid, MinionId, Timestamp};

use crate::attempt::{Attempt, CallPhase};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::record::RunRecord;
use crate::run::{Context, Output, Run, StepState};
use crate::steps::{Begin, BegunCall, Scene};
use crate::waves::for_wave;

/// The most that outages of the master may add to one wait, in milliseconds: a day. A wait that an
/// outage outlasted by more is better looked at by a person than prolonged.
pub const OUTAGE_GIVEN_BACK_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// What a wait has left at least after a restart, in milliseconds. Minions notice a restarted
/// master within their reconnect and authentication delays, together well under a minute.
pub const RECONNECT_GRACE_MS: u64 = 60 * 1000;

/// Takes a run up again. `last_alive` is the time of the last record before the master went down.
pub fn resume(run: &Run, last_alive: Timestamp, context: &mut Context<'_>) -> Output {
    if run.phase().has_ended() {
        return Output::default();
    }
    let record = RunRecord::Resumed {
        at: context.now,
        outage_ms: context.now.millis_since(last_alive),
        back_ms: last_alive.millis_since(context.now),
    };
    let mut resumed = run.clone();
    if resumed.apply(&record).is_err() {
        return Output::default();
    }
    let mut output = Output {
        records: vec![record],
        effects: effects(&resumed, context.now),
    };
    // The master may have gone down between the run's start and its first step.
    let begun = resumed.on(&Fact::Begin, context);
    output.records.extend(begun.records);
    output.effects.extend(begun.effects);
    output
}

/// Gives what must be done again for a run that [`resume`] recorded: telling it twice does no harm.
pub fn effects(run: &Run, now: Timestamp) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (step, attempt) in run.running() {
        again(run, step, attempt, now, &mut effects);
    }
    effects.extend(retries(run));
    effects.extend(held(run));
    effects
}

/// Gives the timers that a run needs, all of them: after the clock jumped.
pub fn timers(run: &Run) -> Vec<Effect> {
    let deadlines = run.running();
    let deadlines = deadlines.filter_map(|(step, attempt)| deadline(step, attempt));
    deadlines.chain(retries(run)).chain(held(run)).collect()
}

fn held(run: &Run) -> Option<Effect> {
    let (step, at) = run.held?;
    let attempt = 0;
    Some(Effect::SetTimer { step, attempt, at })
}

fn retries(run: &Run) -> impl Iterator<Item = Effect> {
    run.steps().enumerate().filter_map(|(step, state)| {
        let (StepPhase::Running, Some(at)) = (state.phase, state.retry_at) else {
            return None;
        };
        let attempt = state.attempts.len() as u32 + 1;
        Some(Effect::SetTimer { step, attempt, at })
    })
}

/// Moves what a step waits for by as much as the wall clock jumped.
pub(crate) fn shift(step: &mut StepState, by_ms: i64) {
    step.retry_at = step.retry_at.map(|at| at.moved(by_ms));
    if let Some(attempt) = step.attempts.last_mut() {
        attempt.deadline = attempt.deadline.map(|at| at.moved(by_ms));
        attempt.limit = attempt.limit.map(|at| at.moved(by_ms));
    }
}

fn again(run: &Run, step: usize, attempt: &Attempt, now: Timestamp, effects: &mut Vec<Effect>) {
    if attempt.is_checked() {
        return again_checked(run, step, attempt, effects);
    }
    let scene = Scene::of(run.started(), step, attempt.is_pre, now);
    let begin = run.plan().steps[step].work.step().begin(&scene);
    if let Some(glob) = begin.glob() {
        effects.push(Effect::Watch {
            step,
            glob: glob.clone(),
            after: attempt.after.unwrap_or(attempt.cursor),
        });
    }
    effects.extend(deadline(step, attempt));
    let number = attempt.number;
    match begin {
        Begin::Job { request, .. } if run.plan().steps[step].work.rolling().is_some() => {
            if !attempt.is_published {
                effects.push(Effect::Resolve {
                    step,
                    attempt: number,
                    job: *request,
                });
                return;
            }
            let is_open = |id: &MinionId| !attempt.minions[id].phase.has_ended();
            let waves = attempt.waves.iter();
            let open = waves.filter(|wave| wave.minions.iter().any(is_open));
            effects.extend(open.map(|wave| Effect::AdoptJob {
                step,
                attempt: number,
                jid: wave.jid.clone(),
                job: for_wave(&request, &wave.minions),
            }));
        }
        Begin::Job { request, .. } | Begin::JobAndWait { request, .. } => {
            if let Some(jid) = attempt.jid.clone() {
                effects.push(Effect::AdoptJob {
                    step,
                    attempt: attempt.number,
                    jid,
                    job: *request,
                });
            }
        }
        Begin::Calls(begun) => {
            let calls = begun.into_iter().zip(&attempt.calls);
            let open = calls.filter(|(_, call)| call.phase == CallPhase::Running);
            effects.extend(open.map(|(begun, call)| adopt(step, attempt, call.jid.clone(), begun)));
        }
        Begin::Wait { .. } | Begin::Ask { .. } | Begin::Done(_) => {}
    }
}

fn deadline(step: usize, attempt: &Attempt) -> Option<Effect> {
    let at = attempt.deadline?;
    let attempt = attempt.number;
    Some(Effect::SetTimer { step, attempt, at })
}

/// An attempt that its conditions hold has nothing at work but the question.
fn again_checked(run: &Run, step: usize, attempt: &Attempt, effects: &mut Vec<Effect>) {
    effects.extend(deadline(step, attempt));
    let conditions = run.plan().steps[step].conditions.as_ref();
    let open = attempt.checks.last();
    let open = open.filter(|check| check.phase == CallPhase::Running);
    let call = open.and_then(|check| Some((conditions?.call_of(check)?, check)));
    effects.extend(call.map(|(call, check)| Effect::AdoptCall {
        step,
        attempt: attempt.number,
        jid: check.jid.clone(),
        call,
    }));
}

fn adopt(step: usize, attempt: &Attempt, jid: Jid, begun: BegunCall) -> Effect {
    Effect::AdoptCall {
        step,
        attempt: attempt.number,
        jid,
        call: begun.call,
    }
}

/// Gives an attempt back what an outage took from it, and has it read the log again.
pub(crate) fn give_back(attempt: &mut Attempt, at: Timestamp, outage_ms: u64) {
    attempt.looked_back = None;
    let Some(deadline) = attempt.deadline else {
        return;
    };
    let left = OUTAGE_GIVEN_BACK_MS_MAX.saturating_sub(attempt.given_back_ms);
    let given = outage_ms.min(left);
    attempt.given_back_ms += given;
    let deadline = deadline.plus_millis(given);
    let grace = at.plus_millis(RECONNECT_GRACE_MS);
    attempt.deadline = Some(deadline.max(grace));
    attempt.limit = attempt
        .limit
        .map(|limit| limit.plus_millis(given).max(grace));
}
