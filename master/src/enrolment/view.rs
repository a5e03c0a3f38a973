//! What enrolment knows: open windows, claimed values, who waits and why, alarms.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::api::{AlarmView, ClaimView, RunView, StepPhase, StepView, WaitingView, WindowView};
use model::{Glob, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Decided, EnrolmentRecord, Failed, Verdict, Window};
use crate::keys::{KeyChange, KeyChanged};

/// A minute, the unit of the rate.
const MINUTE_MILLIS: u64 = 60_000;
/// Alarms that are kept, one an id; past it the oldest goes. An id has one only while its key is
/// live, so that more would need that many minions.
const ALARMS_MAX: usize = 10_000;

/// A window and how many came in through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The window.
    pub window: Window,
    /// How many came in.
    pub used: u64,
}

/// Who claimed a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The minion.
    pub id: MinionId,
    /// Its key.
    pub fingerprint: String,
    /// When.
    pub at: Timestamp,
}

/// Why a key waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The key.
    pub fingerprint: String,
    /// The clauses that did not hold.
    pub failed: Vec<Failed>,
    /// From where it came.
    pub from: String,
    /// Since when.
    pub at: Timestamp,
}

/// What an operator should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What happened.
    pub verdict: Verdict,
    /// The foreign key.
    pub fingerprint: String,
    /// From where it came last.
    pub from: String,
    /// When last.
    pub at: Timestamp,
    /// How often it was recorded; attempts in between are not.
    pub count: u64,
    /// Why it was refused.
    pub failed: Vec<Failed>,
}

/// Everything that is known of enrolment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    windows: BTreeMap<u64, Opened>,
    last_window: u64,
    claims: BTreeMap<String, Claim>,
    waiting: BTreeMap<MinionId, Waiting>,
    alarms: BTreeMap<MinionId, Alarm>,
    /// When minions enrolled in the last minute of the log.
    recent: VecDeque<Timestamp>,
}

impl View {
    /// Takes in one record.
    pub fn apply(&mut self, at: Timestamp, record: &EnrolmentRecord) {
        match record {
            EnrolmentRecord::Opened(window) => {
                self.windows.retain(|_, opened| opened.is_open(at));
                self.last_window = self.last_window.max(window.window);
                let opened = Opened {
                    window: window.clone(),
                    used: 0,
                };
                self.windows.insert(window.window, opened);
            }
            EnrolmentRecord::Closed { window, .. } => {
                self.windows.remove(window);
            }
            EnrolmentRecord::Released { claim, .. } => {
                self.claims.remove(claim);
            }
            EnrolmentRecord::Decided(decided) => self.decided(at, decided),
        }
    }

    fn decided(&mut self, at: Timestamp, decided: &Decided) {
        let id = &decided.id;
        match decided.verdict {
            Verdict::Enrolled | Verdict::Replaced => {
                for claim in &decided.claims {
                    let claimed = Claim {
                        id: id.clone(),
                        fingerprint: decided.fingerprint.clone(),
                        at,
                    };
                    self.claims.insert(claim.clone(), claimed);
                }
                let window = decided.window.and_then(|at| self.windows.get_mut(&at));
                if let Some(opened) = window {
                    opened.used = opened.used.saturating_add(1);
                }
                self.recent
                    .retain(|earlier| at.millis_since(*earlier) < MINUTE_MILLIS);
                self.recent.push_back(at);
                self.waiting.remove(id);
            }
            Verdict::Waits => {
                let waiting = Waiting {
                    fingerprint: decided.fingerprint.clone(),
                    failed: decided.failed.clone(),
                    from: decided.from.clone(),
                    at,
                };
                self.waiting.insert(id.clone(), waiting);
            }
            Verdict::SecondKey | Verdict::Downgraded => self.alarm(at, decided),
        }
    }

    fn alarm(&mut self, at: Timestamp, decided: &Decided) {
        let count = self.alarms.get(&decided.id).map_or(0, |alarm| alarm.count);
        let alarm = Alarm {
            verdict: decided.verdict,
            fingerprint: decided.fingerprint.clone(),
            from: decided.from.clone(),
            at,
            count: count.saturating_add(1),
            failed: decided.failed.clone(),
        };
        self.alarms.insert(decided.id.clone(), alarm);
        if self.alarms.len() > ALARMS_MAX {
            let oldest = self.alarms.iter().min_by_key(|(_, alarm)| alarm.at);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.alarms.remove(&id);
            }
        }
    }

    /// Takes in what happened to a key: nobody waits or alarms whose key was decided on.
    pub fn key_changed(&mut self, changed: &KeyChanged) {
        match changed.change {
            KeyChange::Accepted | KeyChange::Rejected => {
                self.waiting.remove(&changed.id);
            }
            KeyChange::Deleted | KeyChange::DeletedKeepingData => {
                self.waiting.remove(&changed.id);
                self.alarms.remove(&changed.id);
            }
            KeyChange::DeniedDeleted | KeyChange::VersionReset => {
                self.alarms.remove(&changed.id);
            }
            KeyChange::Pended | KeyChange::Denied | KeyChange::Spoke(_) => {}
        }
    }

    /// Says in the steps that wait for a minion why it does not get in.
    pub fn note_in(&self, run: &mut RunView) {
        let is_running = |step: &&mut StepView| step.phase == StepPhase::Running;
        for step in run.tree.iter_mut().filter(is_running) {
            let words = step.note.split([' ', ',', ';']).map(str::to_owned);
            let words: BTreeSet<String> = words.collect();
            let is_awaited =
                |id: &MinionId| words.contains(id.as_str()) || step.minions.contains_key(id);
            let waiting = self
                .waiting
                .iter()
                .map(|(id, it)| (id, "waits", &it.failed));
            let alarms = self.alarms.iter();
            let alarms = alarms.map(|(id, it)| (id, "is refused", &it.failed));
            let troubles: Vec<String> = alarms
                .chain(waiting)
                .filter(|(id, ..)| is_awaited(id))
                .map(|(id, how, failed)| format!("; {id} {how}: {}", texts(failed).join("; ")))
                .collect();
            step.note.extend(troubles);
        }
    }

    /// Gives the number of the next window.
    pub fn next_window(&self) -> u64 {
        self.last_window.saturating_add(1)
    }

    /// Gives the open windows that let an id in, the one that closes first at the beginning.
    pub fn open_for(&self, id: &MinionId, now: Timestamp) -> Vec<&Opened> {
        let is_for = |opened: &&Opened| {
            opened.is_open(now) && Glob::new(&opened.window.ids).matches(id.as_str())
        };
        let mut windows: Vec<_> = self.windows.values().filter(is_for).collect();
        windows.sort_by_key(|opened| opened.window.until);
        windows
    }

    /// Walks over the open windows.
    pub fn open_windows(&self, now: Timestamp) -> impl Iterator<Item = &Opened> {
        self.windows
            .values()
            .filter(move |opened| opened.is_open(now))
    }

    /// Says who claimed a value.
    pub fn claim(&self, claim: &str) -> Option<&Claim> {
        self.claims.get(claim)
    }

    /// Finds claims by their whole text, or by the value behind the `=`.
    pub fn claims_of(&self, text: &str) -> Vec<String> {
        let wanted = text.to_lowercase();
        let is_it = |claim: &&String| {
            claim.to_lowercase() == wanted
                || claim
                    .split_once('=')
                    .is_some_and(|(_, value)| value.to_lowercase() == wanted)
        };
        self.claims.keys().filter(is_it).cloned().collect()
    }

    /// Gives why an id waits.
    pub fn waiting(&self, id: &MinionId) -> Option<&Waiting> {
        self.waiting.get(id)
    }

    /// Gives the alarm of an id.
    pub fn alarm_of(&self, id: &MinionId) -> Option<&Alarm> {
        self.alarms.get(id)
    }

    /// Counts who enrolled in the last minute.
    pub fn enrolled_last_minute(&self, now: Timestamp) -> usize {
        let is_recent = |at: &&Timestamp| now.millis_since(**at) < MINUTE_MILLIS;
        self.recent.iter().filter(is_recent).count()
    }

    /// Shows the open windows.
    pub fn show_windows(&self, now: Timestamp) -> Vec<WindowView> {
        let show = |opened: &Opened| WindowView {
            window: opened.window.window,
            until: opened.window.until,
            count: opened.window.count,
            used: opened.used,
            ids: opened.window.ids.clone(),
            rebuild: opened.window.is_for_rebuilds,
            by: opened.window.by.clone(),
        };
        self.open_windows(now).map(show).collect()
    }

    /// Shows who waits, and why.
    pub fn show_waiting(&self) -> Vec<WaitingView> {
        let show = |(id, waiting): (&MinionId, &Waiting)| WaitingView {
            id: id.clone(),
            fingerprint: waiting.fingerprint.clone(),
            from: waiting.from.clone(),
            at: waiting.at,
            failed: texts(&waiting.failed),
        };
        self.waiting.iter().map(show).collect()
    }

    /// Shows the alarms.
    pub fn show_alarms(&self) -> Vec<AlarmView> {
        let show = |(id, alarm): (&MinionId, &Alarm)| AlarmView {
            id: id.clone(),
            kind: alarm.verdict.word().to_owned(),
            fingerprint: alarm.fingerprint.clone(),
            from: alarm.from.clone(),
            at: alarm.at,
            count: alarm.count,
            failed: texts(&alarm.failed),
        };
        self.alarms.iter().map(show).collect()
    }

    /// Shows the claimed values.
    pub fn show_claims(&self) -> Vec<ClaimView> {
        let show = |(claim, by): (&String, &Claim)| ClaimView {
            claim: claim.clone(),
            id: by.id.clone(),
            fingerprint: by.fingerprint.clone(),
            at: by.at,
        };
        self.claims.iter().map(show).collect()
    }
}

impl Opened {
    /// Says whether it lets anybody in.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.window.until && self.used < self.window.count
    }
}

fn texts(failed: &[Failed]) -> Vec<String> {
    let text = |failed: &Failed| format!("{}: {}", failed.clause, failed.why);
    failed.iter().map(text).collect()
}
