//! Wakes the ledger at moments it asked for.
//!
//! Timers live in memory only: what they are for is in the log, and a start sets them again. They
//! run on the wall clock's values but are waited for on the monotonic one, re-reading the clock at
//! each wake-up. A wall clock that jumped is told to the ledger, which sets every timer anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use tokio::sync::mpsc;

use crate::ledger::{Beat, TimerKey};
use crate::world::Clock;

/// Longest sleep: a wall clock that jumps ahead is noticed within this time.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// Timers that wait to be set.
const SETTINGS_WAITING_MAX: usize = 4096;

enum Setting {
    Set(TimerKey, Timestamp),
    Hurry(TimerKey, Timestamp),
}

/// The way to set timers.
#[derive(Clone)]
pub struct Timers(mpsc::Sender<Setting>);

impl Timers {
    /// Sets a timer; the same key again replaces the moment.
    pub async fn set(&self, key: TimerKey, at: Timestamp) {
        // The task is gone only when the master stops.
        let _ = self.0.send(Setting::Set(key, at)).await;
    }

    /// Brings a timer forward, if it is set to a later moment or not at all.
    pub async fn hurry(&self, key: TimerKey, at: Timestamp) {
        // The task is gone only when the master stops.
        let _ = self.0.send(Setting::Hurry(key, at)).await;
    }
}

/// What the task of the timers tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Woken {
    /// A timer ran out.
    Timer(TimerKey),
    /// The wall clock jumped, by so many milliseconds. Told before any timer that this made run
    /// out.
    ClockJumped(i64),
}

/// Starts the task; what ran out comes out of the second part.
pub fn start(clock: Arc<dyn Clock>) -> (Timers, mpsc::Receiver<Woken>) {
    let (sender, mut settings) = mpsc::channel(SETTINGS_WAITING_MAX);
    let (fired, receiver) = mpsc::channel(SETTINGS_WAITING_MAX);
    tokio::spawn(async move {
        let mut waiting = Waiting::default();
        let mut beat = Beat::of(clock.as_ref());
        loop {
            let now = Beat::of(clock.as_ref());
            let jumped = now.jump_since(beat).map(Woken::ClockJumped);
            beat = now;
            let due = waiting.due(clock.now()).into_iter().map(Woken::Timer);
            for woken in jumped.into_iter().chain(due) {
                if fired.send(woken).await.is_err() {
                    return;
                }
            }
            let sleep = waiting.sleep(clock.now());
            tokio::select! {
                setting = settings.recv() => match setting {
                    Some(Setting::Set(key, at)) => waiting.set(key, at),
                    Some(Setting::Hurry(key, at)) => waiting.hurry(key, at),
                    None => return,
                },
                () = clock.sleep(sleep) => {}
            }
        }
    });
    (Timers(sender), receiver)
}

/// The timers that are set. Pure: told the time, it says which ran out.
#[derive(Debug, Default)]
pub struct Waiting {
    by_moment: BTreeSet<(Timestamp, TimerKey)>,
    by_key: HashMap<TimerKey, Timestamp>,
}

impl Waiting {
    /// Sets a timer; the same key again replaces the moment.
    pub fn set(&mut self, key: TimerKey, at: Timestamp) {
        if let Some(old) = self.by_key.insert(key.clone(), at) {
            self.by_moment.remove(&(old, key.clone()));
        }
        self.by_moment.insert((at, key));
    }

    /// Brings a timer forward, if it is set to a later moment or not at all.
    pub fn hurry(&mut self, key: TimerKey, at: Timestamp) {
        if self.by_key.get(&key).is_none_or(|known| *known > at) {
            self.set(key, at);
        }
    }

    /// Takes out the timers that ran out by `now`.
    pub fn due(&mut self, now: Timestamp) -> Vec<TimerKey> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.by_moment.first() {
            if *at > now {
                break;
            }
            if let Some((_, key)) = self.by_moment.pop_first() {
                self.by_key.remove(&key);
                due.push(key);
            }
        }
        due
    }

    /// Gives how long to sleep until the next one may run out.
    pub fn sleep(&self, now: Timestamp) -> Duration {
        match self.by_moment.first() {
            Some((at, _)) => SLEEP_MAX.min(Duration::from_millis(at.millis_since(now) + 1)),
            None => SLEEP_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hurrying_never_delays() {
        let key = TimerKey::Probe("20261121081655861002".parse().unwrap());
        let mut waiting = Waiting::default();
        waiting.set(key.clone(), Timestamp(10));
        waiting.hurry(key.clone(), Timestamp(20));
        assert_eq!(waiting.due(Timestamp(10)), [key]);
    }

    #[test]
    fn a_key_set_again_fires_once_at_the_new_moment() {
        let key = TimerKey::Probe("20261121081655861002".parse().unwrap());
        let mut waiting = Waiting::default();
        waiting.set(key.clone(), Timestamp(10));
        waiting.set(key.clone(), Timestamp(20));
        assert_eq!(waiting.due(Timestamp(15)), []);
        assert_eq!(waiting.due(Timestamp(20)), [key]);
        assert_eq!(waiting.due(Timestamp(99)), []);
    }
}
