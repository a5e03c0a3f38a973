//! Applies records to a run: the only place that changes one.
//!
//! Each record is checked against what came before. One that cannot follow is an error, never a
//! panic: a damaged log must be reported, not believed.

use std::sync::Arc;

use indexmap::IndexMap;
use model::api::{MinionPhase, RunPhase, StepPhase};
use model::{Jid, MinionId, Timestamp};

use crate::attempt::{Attempt, CallPhase, CallState, CheckState, MinionState, Seen, Verdict, Wave};
use crate::boots;
use crate::record::{Begun, CallId, CallReturn, IllegalRecord, RunRecord};
use crate::recovery;
use crate::run::{Run, StepState};

/// Why a record cannot follow.
type Why = String;

impl Run {
    /// Applies a durable record.
    ///
    /// # Errors
    /// The record cannot follow those before it; the run is as it was.
    pub fn apply(&mut self, record: &RunRecord) -> Result<(), IllegalRecord> {
        let applied = match record.step() {
            Some((step, attempt)) => self.apply_to_step(step, attempt, record),
            None => self.apply_to_run(record),
        };
        applied.map_err(|why| IllegalRecord {
            run: self.id().to_string(),
            record: record.name(),
            why,
        })
    }

    fn apply_to_run(&mut self, record: &RunRecord) -> Result<(), Why> {
        if self.phase.has_ended() {
            return Err("the run is over".into());
        }
        match record {
            RunRecord::Started(_) | RunRecord::Retried { .. } => {
                return Err("the run has started already".into());
            }
            RunRecord::Resumed {
                at,
                outage_ms,
                back_ms,
            } => {
                self.resumed += 1;
                let back_ms = i64::try_from(*back_ms).unwrap_or(i64::MAX);
                for step in self.running_steps() {
                    recovery::shift(step, -back_ms);
                    if let Some(attempt) = step.attempts.last_mut() {
                        recovery::give_back(attempt, *at, *outage_ms);
                    }
                }
            }
            RunRecord::Paused { id, pause, .. } => {
                self.pauses.retain(|(other, _)| other != id);
                self.pauses.push((id.clone(), *pause));
            }
            RunRecord::Unpaused { id, .. } => {
                let before = self.pauses.len();
                self.pauses.retain(|(other, _)| other != id);
                if self.pauses.len() == before {
                    return Err("nothing of that name is paused".into());
                }
                self.held = None;
            }
            RunRecord::Held { held, until, .. } => {
                if *held >= self.steps.len() {
                    return Err(format!("the plan has no step {held}"));
                }
                self.held = Some((*held, *until));
            }
            RunRecord::ClockJumped { by_ms, .. } => {
                for step in self.running_steps() {
                    recovery::shift(step, *by_ms);
                }
                self.held = self.held.map(|(step, until)| (step, until.moved(*by_ms)));
            }
            RunRecord::Cancelled { by, .. } => {
                if self.cancelled_by.is_some() {
                    return Err("the run is cancelled already".into());
                }
                self.cancelled_by = Some(by.clone());
            }
            RunRecord::Finished { phase, at } => {
                if *phase == RunPhase::Running {
                    return Err("running is no end".into());
                }
                let is_running = |step: &Arc<StepState>| step.phase == StepPhase::Running;
                if self.steps.iter().any(is_running) {
                    return Err("a step is at work".into());
                }
                self.phase = *phase;
                self.ended = Some(*at);
            }
            // Every record that speaks of a step came by the other way.
            _ => return Err("it speaks of no step".into()),
        }
        Ok(())
    }

    fn running_steps(&mut self) -> impl Iterator<Item = &mut StepState> {
        let running = self.steps.iter_mut();
        let running = running.filter(|step| step.phase == StepPhase::Running);
        running.map(Arc::make_mut)
    }

    fn apply_to_step(&mut self, step: usize, number: u32, record: &RunRecord) -> Result<(), Why> {
        if self.phase.has_ended() {
            return Err("the run is over".into());
        }
        let planned = self.started.plan.steps.get(step);
        // What runs in any case is not cancelled with the rest.
        let is_finally = planned.is_some_and(|planned| planned.is_finally);
        let is_cancelled = self.cancelled_by.is_some() && !is_finally;
        let state = self.steps.get_mut(step);
        let state = state.ok_or_else(|| format!("the plan has no step {step}"))?;
        if state.phase.has_ended() {
            return Err(format!("step {step} is over"));
        }
        let state = Arc::make_mut(state);
        match record {
            RunRecord::StepStarted { begun, is_pre, .. } => {
                start(state, step, number, begun, *is_pre)
            }
            RunRecord::Foreseen { ret, at, .. } => {
                let is_last = number as usize == state.attempts.len();
                if number != 0 && !is_last || number == 0 && state.phase != StepPhase::Pending {
                    return Err(format!("attempt {number} of step {step} is not the last"));
                }
                if number != 0 {
                    end_attempt(state, *at);
                }
                state.phase = StepPhase::Pending;
                state.pre = Some(Arc::clone(ret));
                Ok(())
            }
            RunRecord::StepFinished { ret, at, .. } => {
                let phase = match (is_cancelled, number, ret.result) {
                    (true, ..) => StepPhase::Cancelled,
                    (_, 0, _) => StepPhase::Skipped,
                    (_, _, Some(false)) => StepPhase::Failed,
                    _ => StepPhase::Succeeded,
                };
                // A step that was only foreseen did not run.
                let has_run = state.attempts.iter().any(|attempt| !attempt.is_pre);
                let is_last = match number {
                    0 => !has_run,
                    number => number as usize == state.attempts.len(),
                };
                if !is_last {
                    return Err(format!("attempt {number} of step {step} is not the last"));
                }
                end_attempt(state, *at);
                state.phase = phase;
                state.retry_at = None;
                state.ret = Some(Arc::clone(ret));
                state.ended = Some(*at);
                Ok(())
            }
            record => {
                let is_open = state.phase == StepPhase::Running && state.retry_at.is_none();
                let attempt = state.attempts.last_mut();
                let attempt = attempt.filter(|attempt| is_open && attempt.number == number);
                let attempt = attempt
                    .ok_or_else(|| format!("attempt {number} of step {step} is not open"))?;
                if let RunRecord::RetryPlanned {
                    ret, next_at, at, ..
                } = record
                {
                    end_attempt(state, *at);
                    state.tried.push(Arc::clone(ret));
                    state.retry_at = Some(*next_at);
                    return Ok(());
                }
                apply_to_attempt(attempt, record)
            }
        }
    }
}

fn start(
    state: &mut StepState,
    step: usize,
    number: u32,
    begun: &Begun,
    is_pre: bool,
) -> Result<(), Why> {
    if state.phase == StepPhase::Running && state.retry_at.is_none() {
        return Err(format!("step {step} is at work"));
    }
    if number as usize != state.attempts.len() + 1 {
        let tried = state.attempts.len();
        return Err(format!(
            "attempt {number} of step {step} cannot follow {tried}"
        ));
    }
    state.phase = StepPhase::Running;
    state.retry_at = None;
    state.attempts.push(Attempt {
        number,
        at: begun.at,
        cursor: begun.cursor,
        ended: None,
        deadline: begun.deadline,
        given_back_ms: 0,
        is_timed_out: false,
        jid: begun.jid.clone(),
        is_published: false,
        refused: None,
        missing: Vec::new(),
        minions: Default::default(),
        calls: running(&begun.calls),
        checks: Vec::new(),
        is_held: false,
        waves: Vec::new(),
        is_pre,
        after: begun.after,
        verdict: None,
        seen: Vec::new(),
        looked_back: None,
        boots: IndexMap::new(),
        progress: None,
        limit: begun.limit,
    });
    Ok(())
}

/// Gives the calls that begin.
fn running(calls: &[CallId]) -> Vec<CallState> {
    let calls = calls.iter().map(|call| CallState {
        name: call.name.clone(),
        jid: call.jid.clone(),
        phase: CallPhase::Running,
    });
    calls.collect()
}

/// Begins what the conditions of the attempt held back.
fn start_work(attempt: &mut Attempt, begun: &Begun) -> Result<(), Why> {
    let is_asking = attempt.open_calls().next().is_some();
    if !attempt.is_held || is_asking {
        return Err("no conditions have let it begin".into());
    }
    attempt.is_held = false;
    attempt.jid.clone_from(&begun.jid);
    attempt.calls = running(&begun.calls);
    attempt.cursor = begun.cursor;
    attempt.after = begun.after;
    attempt.deadline = begun.deadline;
    attempt.limit = begun.limit;
    Ok(())
}

fn end_attempt(state: &mut StepState, at: Timestamp) {
    if let Some(attempt) = state.attempts.last_mut()
        && attempt.ended.is_none()
    {
        attempt.ended = Some(at);
        attempt.end_the_rest(at);
        attempt.forget_answers();
    }
}

fn apply_to_attempt(attempt: &mut Attempt, record: &RunRecord) -> Result<(), Why> {
    match record {
        RunRecord::Published {
            minions,
            missing,
            refused,
            at,
            ..
        } => {
            if attempt.jid.is_none() || attempt.is_published {
                return Err("no job waits to be published".into());
            }
            attempt.is_published = true;
            attempt.missing = missing.clone();
            attempt.refused = refused.clone();
            attempt.minions = waiting(minions, *at);
        }
        RunRecord::Resolved {
            minions,
            missing,
            refused,
            at,
            ..
        } => {
            if attempt.jid.is_some() || attempt.is_published {
                return Err("no rolling job waits for its minions".into());
            }
            attempt.is_published = true;
            attempt.missing = missing.clone();
            attempt.refused = refused.clone();
            attempt.minions = waiting(minions, *at);
        }
        RunRecord::Checking { jid, held, .. } => {
            attempt.is_held |= held.is_none();
            attempt.checks.push(CheckState {
                jid: jid.clone(),
                phase: CallPhase::Running,
                held: held.clone(),
            });
        }
        RunRecord::WorkStarted { begun, .. } => return start_work(attempt, begun),
        RunRecord::WaveSent { jid, minions, .. } => return send_wave(attempt, jid, minions),
        RunRecord::MinionRunning { id, since, .. } => {
            let minion = attempt.minions.get_mut(id);
            let minion = minion.filter(|minion| minion.phase == MinionPhase::Waiting);
            let minion = minion.ok_or_else(|| format!("nothing is waited for from {id}"))?;
            minion.phase = MinionPhase::Running;
            minion.since = *since;
        }
        RunRecord::MinionEnded { .. } => return end_minion(attempt, record),
        RunRecord::EventSeen { id, cursor, .. } => attempt.seen.push(Seen {
            id: id.clone(),
            cursor: *cursor,
        }),
        RunRecord::LookedBack { upto, .. } => attempt.looked_back = Some(*upto),
        RunRecord::NotLookedBack { why, .. } => attempt.refused = Some(why.clone()),
        RunRecord::Approved { by, is_yes, .. } => {
            let by = by.clone();
            let is_yes = *is_yes;
            attempt.verdict = Some(Verdict { by, is_yes });
        }
        RunRecord::TimedOut { .. } => attempt.is_timed_out = true,
        RunRecord::BootsBefore { .. }
        | RunRecord::BootSeen { .. }
        | RunRecord::BootsAwaited { .. }
        | RunRecord::Progressed { .. } => return boots::apply(attempt, record),
        RunRecord::CallEnded { jid, ret, .. } => return end_call(attempt, jid, ret.as_ref()),
        other => return Err(format!("{} does not belong here", other.name())),
    }
    Ok(())
}

fn send_wave(attempt: &mut Attempt, jid: &Jid, minions: &[MinionId]) -> Result<(), Why> {
    if minions.iter().any(|id| !attempt.minions.contains_key(id)) {
        return Err("the wave asks somebody whom the job does not mean".into());
    }
    // The time in which machines must restart is each part's own.
    attempt.limit = None;
    attempt.waves.push(Wave {
        jid: jid.clone(),
        minions: minions.to_vec(),
    });
    Ok(())
}

/// Ends a call: with what it returned, or lost.
fn end_call(attempt: &mut Attempt, jid: &Jid, ret: Option<&CallReturn>) -> Result<(), Why> {
    let calls = attempt.calls.iter_mut();
    let calls = calls.map(|call| (&call.jid, &mut call.phase));
    let checks = attempt.checks.iter_mut();
    let checks = checks.map(|check| (&check.jid, &mut check.phase));
    let is_it = |(of, phase): &(&Jid, &mut CallPhase)| *of == jid && **phase == CallPhase::Running;
    let call = calls.chain(checks).find(is_it);
    let (_, phase) = call.ok_or_else(|| format!("no call {jid} is at work"))?;
    *phase = match ret {
        Some(ret) => CallPhase::Ended(Arc::new(ret.clone())),
        None => CallPhase::Lost,
    };
    Ok(())
}

fn waiting(minions: &[MinionId], at: Timestamp) -> IndexMap<MinionId, MinionState> {
    let waiting = MinionState {
        phase: MinionPhase::Waiting,
        since: at,
        why: String::new(),
        answer: None,
    };
    let minions = minions.iter().map(|id| (id.clone(), waiting.clone()));
    minions.collect()
}

/// Ends a minion's part, and moves it behind those that ended before: the order of the results is
/// the order of the answers. An answer replaces a silence, nothing replaces an answer.
fn end_minion(attempt: &mut Attempt, record: &RunRecord) -> Result<(), Why> {
    let RunRecord::MinionEnded {
        id,
        phase,
        why,
        answer,
        at,
        ..
    } = record
    else {
        return Err("it ends nothing".into());
    };
    if !phase.has_ended() {
        return Err("waiting and running are no ends".into());
    }
    let (place, _, minion) = attempt
        .minions
        .get_full_mut(id)
        .ok_or_else(|| format!("nothing was asked of {id}"))?;
    let is_late = minion.answer.is_none() && answer.is_some();
    if minion.phase.has_ended() && !is_late {
        return Err(format!("{id} has ended already"));
    }
    *minion = MinionState {
        phase: *phase,
        since: *at,
        why: why.clone(),
        answer: answer.clone(),
    };
    let is_ended = |minion: &MinionState| minion.phase.has_ended();
    let others = attempt.minions.iter();
    let before = others.filter(|(other, minion)| *other != id && is_ended(minion));
    let before = before.count();
    attempt.minions.move_index(place, before);
    Ok(())
}
