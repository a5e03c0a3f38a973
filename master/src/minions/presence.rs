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
    /// Whether it may hear a publication: it is connected, or its address is not known yet and a
    /// connection is open of which nobody knows whose it is. Such a minion hears a job, signs in
    /// for the new key, and then can read it.
    pub may_hear: bool,
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
        let are_strangers_there = || {
            let known: HashSet<&IpAddr> = seen.values().map(|(_, from)| from).collect();
            subscribers.iter().any(|address| !known.contains(address))
        };
        let mut may_stranger_hear = None;
        ids.map(|id| {
            let last = seen.get(id);
            let is_connected = last.is_some_and(|(_, from)| subscribers.contains(from));
            let is_stranger = last.is_none();
            let sign = Sign {
                last_seen: last.map(|(at, _)| *at),
                is_connected,
                may_hear: is_connected
                    || (is_stranger && *may_stranger_hear.get_or_insert_with(are_strangers_there)),
            };
            (id.clone(), sign)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_not_seen_yet_may_hear_only_through_a_connection_of_nobody() {
        let board = PresenceBoard::default();
        let ids: Vec<MinionId> = ["a", "b"].map(|id| id.parse().unwrap()).to_vec();
        let [here, there] = ["10.0.0.1", "10.0.0.2"].map(|at| at.parse::<IpAddr>().unwrap());
        board.saw(&ids[0], here, Timestamp(1));
        let may_hear = |open: &[IpAddr]| {
            let signs = board.signs(ids.iter(), &open.iter().copied().collect());
            [signs[&ids[0]].may_hear, signs[&ids[1]].may_hear]
        };
        assert_eq!(may_hear(&[]), [false, false]);
        assert_eq!(may_hear(&[here]), [true, false]);
        assert_eq!(may_hear(&[there]), [false, true]);
    }
}
