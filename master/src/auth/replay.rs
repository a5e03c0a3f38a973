//! Notices requests that come a second time, and such as are too old to tell.
//!
//! Protocols 2 and 3 put a nonce into each request, protocol 3 also the minion's time. A nonce that
//! comes again from its own address is an honest repetition (minions resend the same bytes when an
//! answer is late); from another it is a replay. Clocks of minions are not believed: a request is
//! old if it is much older than another of the same minion. Protocol 0 has neither: there a replay
//! ends with the key that all minions share (`publish_session`), and a return counts once anyway.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use minion_protocol::{Nonce, Opened, Principal};
use model::{MinionId, Timestamp};

use crate::limits::{NONCES_MAX, REQUEST_WINDOW};

/// What a request is, going by its nonce and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It was not seen before.
    New,
    /// It came before, from the same address.
    Resent,
    /// It came before, from another address.
    Replayed,
    /// It is too old, or from the future.
    Stale,
}

/// The memory of requests.
#[derive(Debug)]
pub struct Replays {
    ttl_secs: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    nonces: HashMap<Nonce, IpAddr>,
    order: VecDeque<(Timestamp, Nonce)>,
    newest: HashMap<MinionId, u64>,
}

impl Replays {
    /// Makes an empty memory. `ttl_secs` is the option `request_server_ttl`.
    pub fn new(ttl_secs: u64) -> Self {
        Self {
            ttl_secs,
            seen: Mutex::default(),
        }
    }

    /// Judges a request that could be opened, and remembers it.
    pub fn judge(&self, opened: &Opened, from: IpAddr, now: Timestamp) -> Age {
        let proven = match &opened.principal {
            Principal::Proven(id) => Some(id),
            _ => None,
        };
        let dated = proven.zip(opened.ts);
        self.judge_parts(opened.nonce, dated, from, now)
    }

    fn judge_parts(
        &self,
        nonce: Option<Nonce>,
        dated: Option<(&MinionId, u64)>,
        from: IpAddr,
        now: Timestamp,
    ) -> Age {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, ts)) = dated
            && seen.is_stale(id, ts, self.ttl_secs, now)
        {
            // Its session ends, and with it the times told under it.
            seen.newest.remove(id);
            return Age::Stale;
        }
        match nonce {
            None => Age::New,
            Some(nonce) => seen.note(nonce, from, now),
        }
    }
}

impl Seen {
    fn is_stale(&mut self, id: &MinionId, ts: u64, ttl_secs: u64, now: Timestamp) -> bool {
        let now_secs = now.0 / 1_000_000;
        if ttl_secs > 0 && now_secs.abs_diff(ts) > ttl_secs {
            return true;
        }
        let newest = self.newest.entry(id.clone()).or_insert(ts);
        *newest = ts.max(*newest);
        ts.saturating_add(REQUEST_WINDOW.as_secs()) < *newest
    }

    fn note(&mut self, nonce: Nonce, from: IpAddr, now: Timestamp) -> Age {
        if let Some(first) = self.nonces.get(&nonce) {
            return if *first == from {
                Age::Resent
            } else {
                Age::Replayed
            };
        }
        let is_old =
            |at: Timestamp| now.millis_since(at) > REQUEST_WINDOW.as_secs().saturating_mul(2_000);
        while let Some((at, old)) = self.order.front().copied()
            && (is_old(at) || self.order.len() >= NONCES_MAX)
        {
            self.order.pop_front();
            self.nonces.remove(&old);
        }
        self.order.push_back((now, nonce));
        self.nonces.insert(nonce, from);
        Age::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);

    fn nonce(byte: u8) -> Option<Nonce> {
        Some(Nonce([byte; 32]))
    }

    #[test]
    fn a_nonce_counts_once_and_its_address_may_repeat_it() {
        let replays = Replays::new(0);
        let at = Timestamp::from_secs;
        let judge = |nonce, from, now| replays.judge_parts(nonce, None, from, at(now));
        assert_eq!(judge(nonce(1), HERE, 1), Age::New);
        assert_eq!(judge(nonce(1), HERE, 2), Age::Resent);
        assert_eq!(judge(nonce(1), THERE, 3), Age::Replayed);
        assert_eq!(judge(nonce(2), THERE, 3), Age::New);
        assert_eq!(judge(None, THERE, 3), Age::New);
        assert_eq!(judge(None, THERE, 3), Age::New);
    }

    #[test]
    fn a_request_much_older_than_another_of_its_minion_is_stale_once() {
        let replays = Replays::new(0);
        let id: MinionId = "web".parse().unwrap();
        let other: MinionId = "db".parse().unwrap();
        let now = Timestamp::from_secs(9_000_000);
        let judge = |id, ts| replays.judge_parts(None, Some((id, ts)), HERE, now);
        assert_eq!(judge(&id, 1_000), Age::New, "whatever its clock says");
        assert_eq!(judge(&id, 1_400), Age::New);
        assert_eq!(judge(&id, 1_100), Age::New, "overtaken");
        assert_eq!(judge(&id, 1_099), Age::Stale);
        assert_eq!(judge(&other, 5), Age::New);
        assert_eq!(judge(&id, 900), Age::New, "a new session, a new beginning");
    }

    #[test]
    fn with_a_ttl_the_masters_clock_counts() {
        let replays = Replays::new(60);
        let id: MinionId = "web".parse().unwrap();
        let now = Timestamp::from_secs(1_000);
        let judge = |ts| replays.judge_parts(None, Some((&id, ts)), HERE, now);
        assert_eq!(judge(939), Age::Stale);
        assert_eq!(judge(940), Age::New);
        assert_eq!(judge(1_060), Age::New);
        assert_eq!(judge(1_061), Age::Stale);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let replays = Replays::new(0);
        let at = Timestamp::from_secs;
        replays.judge_parts(nonce(1), None, HERE, at(0));
        replays.judge_parts(nonce(2), None, HERE, at(601));
        let seen = replays.seen.lock().unwrap();
        assert_eq!((seen.nonces.len(), seen.order.len()), (1, 1));
    }
}
