//! Signs of life: who asked something when, and whose connections are open.
//!
//! A minion's publish connection does not tell its id, so it is matched by address with the
//! requests of minions: a minion counts as connected while a publish connection from the address of
//! its last request is open.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use model::{MinionId, Timestamp};

/// The last sign of life of one minion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// When it last asked or told something.
    pub last_seen: Option<Timestamp>,
    /// Whether a publish connection from its address is open.
    pub is_connected: bool,
}

/// Where the sockets leave signs of life. Not part of what is known: it is empty after a restart
/// and fills again by itself.
#[derive(Debug, Default)]
pub struct PresenceBoard {
    seen: Mutex<HashMap<MinionId, (Timestamp, IpAddr)>>,
}

impl PresenceBoard {
    /// Notes a request of a minion.
    pub fn saw(&self, id: &MinionId, from: IpAddr, now: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(id) {
            Some(sign) => *sign = (now, from),
            None => {
                seen.insert(id.clone(), (now, from));
            }
        }
    }

    /// Moves every sign with a wall clock that jumped: it is as old as it was.
    pub fn shift(&self, by_ms: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, _) in seen.values_mut() {
            *at = at.moved(by_ms);
        }
    }

    /// Gives the signs of these minions, with the addresses of the open publish connections.
    pub fn signs<'a>(
        &self,
        ids: impl Iterator<Item = &'a MinionId>,
        subscribers: &HashSet<IpAddr>,
    ) -> HashMap<MinionId, Sign> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ids.map(|id| {
            let last = seen.get(id);
            let is_connected = last.is_some_and(|(_, from)| subscribers.contains(from));
            (
                id.clone(),
                Sign {
                    last_seen: last.map(|(at, _)| *at),
                    is_connected,
                },
            )
        })
        .collect()
    }
}
