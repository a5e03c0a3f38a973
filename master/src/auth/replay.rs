//! Notices requests that come a second time, and such as are too old to tell.
//!
//! A v3 request is known by the MAC of its seal ([`Generations`]), and has the minion's time. What
//! that memory has forgotten is refused by its time: a request that is not newer than the newest
//! one forgotten of its minion is stale. Clocks of minions are not believed beyond that: a request
//! is old if it is much older than another of the same minion.
//!
//! Sign-ins and requests of protocol 2 have a nonce. One that comes again from its own address is
//! an honest repetition (minions resend the same bytes when an answer is late); from another it is
//! a replay. Protocol 0 has neither: there a replay ends with the key that all minions share
//! (`publish_session`), and a return counts once anyway.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use minion_protocol::{Nonce, Opened, Principal, Version};
use model::{MinionId, Timestamp};

use crate::limits::{MARKS_MAX, NONCES_MAX, REQUEST_WINDOW};
use crate::marks::{Generations, Mark};

/// What a request is, going by its seal, nonce and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It was not seen before.
    New,
    /// It came before, from the same address.
    Resent,
    /// It came before: sealed under v3, or from another address.
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

/// What is looked at of a request.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    /// The MAC of a v3 request. Minions of older releases repeat their own bytes.
    mark: Option<Mark>,
    nonce: Option<Nonce>,
    /// Who has proven to ask, and the time it tells.
    dated: Option<(&'a MinionId, u64)>,
    from: IpAddr,
}

#[derive(Debug)]
struct Seen {
    marks: Generations,
    nonces: Generations,
    nonces_since: Timestamp,
    times: HashMap<MinionId, Times>,
}

/// What a minion has told of its clock, in seconds.
#[derive(Debug, Default)]
struct Times {
    newest: u64,
    /// The turn of the marks for which the next three hold.
    turn: u64,
    /// The newest whose mark is in the younger generation, in the elder one, and in none any more.
    young: Option<u64>,
    old: Option<u64>,
    forgotten: Option<u64>,
}

impl Replays {
    /// Makes an empty memory. `ttl_secs` is the option `request_server_ttl`.
    pub fn new(ttl_secs: u64) -> Self {
        Self::with_room(ttl_secs, MARKS_MAX)
    }

    fn with_room(ttl_secs: u64, marks: usize) -> Self {
        let seen = Seen {
            marks: Generations::new(marks),
            // One for the nonce, one for the nonce with its address.
            nonces: Generations::new(2 * NONCES_MAX),
            nonces_since: Timestamp(0),
            times: HashMap::new(),
        };
        Self {
            ttl_secs,
            seen: Mutex::new(seen),
        }
    }

    /// Judges a request that could be opened, and remembers it.
    pub fn judge(&self, opened: &Opened, from: IpAddr, now: Timestamp) -> Age {
        let proven = match &opened.principal {
            Principal::Proven(id) => Some(id),
            _ => None,
        };
        let asked = Asked {
            mark: opened.mark.filter(|_| opened.version == Version::V3),
            nonce: opened.nonce,
            dated: proven.zip(opened.ts),
            from,
        };
        self.judge_parts(&asked, now)
    }

    fn judge_parts(&self, asked: &Asked, now: Timestamp) -> Age {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // The same sealed bytes never come twice from an honest minion of protocol 3, whatever its
        // address.
        if asked.mark.is_some_and(|mark| seen.marks.knows(&mark)) {
            return Age::Replayed;
        }
        if let Some((id, ts)) = asked.dated
            && seen.is_stale(id, ts, asked.mark.is_some(), (self.ttl_secs, now))
        {
            // Its session ends, and with it the times told under it.
            seen.times.remove(id);
            return Age::Stale;
        }
        if let Some(mark) = asked.mark {
            seen.note_mark(&mark, asked.dated);
            if asked.dated.is_some() {
                // Seal and time say all that a nonce could.
                return Age::New;
            }
        }
        match asked.nonce {
            None => Age::New,
            Some(nonce) => seen.note_nonce(nonce, asked.from, now),
        }
    }
}

impl Seen {
    fn is_stale(
        &mut self,
        id: &MinionId,
        ts: u64,
        is_marked: bool,
        (ttl_secs, now): (u64, Timestamp),
    ) -> bool {
        let now_secs = now.0 / 1_000_000;
        if ttl_secs > 0 && now_secs.abs_diff(ts) > ttl_secs {
            return true;
        }
        let times = self.times.entry(id.clone()).or_default();
        times.turn_to(self.marks.turn());
        times.newest = ts.max(times.newest);
        ts.saturating_add(REQUEST_WINDOW.as_secs()) < times.newest
            || (is_marked && Some(ts) <= times.forgotten)
    }

    fn note_mark(&mut self, mark: &Mark, dated: Option<(&MinionId, u64)>) {
        self.marks.note(mark);
        if let Some((id, ts)) = dated {
            let times = self.times.entry(id.clone()).or_default();
            times.turn_to(self.marks.turn());
            times.young = times.young.max(Some(ts));
        }
    }

    fn note_nonce(&mut self, nonce: Nonce, from: IpAddr, now: Timestamp) -> Age {
        if self.nonces.knows(&(nonce, Some(from))) {
            return Age::Resent;
        }
        if self.nonces.knows(&(nonce, None::<IpAddr>)) {
            return Age::Replayed;
        }
        let turn = self.nonces.turn();
        if now.millis_since(self.nonces_since) > REQUEST_WINDOW.as_secs().saturating_mul(2_000) {
            self.nonces.turn_over();
        }
        self.nonces.note(&(nonce, None::<IpAddr>));
        self.nonces.note(&(nonce, Some(from)));
        if self.nonces.turn() != turn {
            self.nonces_since = now;
        }
        Age::New
    }
}

impl Times {
    fn turn_to(&mut self, turn: u64) {
        if turn == self.turn {
            return;
        }
        let is_next = turn == self.turn + 1;
        let young = self.young.take();
        let gone = if is_next { None } else { young };
        self.forgotten = self.forgotten.max(self.old).max(gone);
        self.old = if is_next { young } else { None };
        self.turn = turn;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);

    const NOTHING: Asked = Asked {
        mark: None,
        nonce: None,
        dated: None,
        from: HERE,
    };

    fn nonce(number: u32) -> Option<Nonce> {
        let mut nonce = [0; 32];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        Some(Nonce(nonce))
    }

    fn id(name: &str) -> MinionId {
        name.parse().unwrap()
    }

    #[test]
    fn a_nonce_counts_once_and_its_address_may_repeat_it() {
        let replays = Replays::new(0);
        let judge = |nonce, from, now| {
            let asked = Asked {
                nonce,
                from,
                ..NOTHING
            };
            replays.judge_parts(&asked, Timestamp::from_secs(now))
        };
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
        let (web, db) = (id("web"), id("db"));
        let now = Timestamp::from_secs(9_000_000);
        let judge = |id, ts| {
            let asked = Asked {
                dated: Some((id, ts)),
                ..NOTHING
            };
            replays.judge_parts(&asked, now)
        };
        assert_eq!(judge(&web, 1_000), Age::New, "whatever its clock says");
        assert_eq!(judge(&web, 1_400), Age::New);
        assert_eq!(judge(&web, 1_100), Age::New, "overtaken");
        assert_eq!(judge(&web, 1_099), Age::Stale);
        assert_eq!(judge(&db, 5), Age::New);
        assert_eq!(judge(&web, 900), Age::New, "a new session, a new beginning");
    }

    #[test]
    fn with_a_ttl_the_masters_clock_counts() {
        let replays = Replays::new(60);
        let web = id("web");
        let judge = |ts| {
            let asked = Asked {
                dated: Some((&web, ts)),
                ..NOTHING
            };
            replays.judge_parts(&asked, Timestamp::from_secs(1_000))
        };
        assert_eq!(judge(939), Age::Stale);
        assert_eq!(judge(940), Age::New);
        assert_eq!(judge(1_060), Age::New);
        assert_eq!(judge(1_061), Age::Stale);
    }

    /// Judges a v3 request, as if from everywhere at once.
    fn sealed(replays: &Replays, number: u32, id: &MinionId, ts: u64) -> Age {
        let mark = nonce(number).map(|nonce| nonce.0);
        let asked = Asked {
            mark,
            nonce: nonce(number),
            dated: Some((id, ts)),
            ..NOTHING
        };
        replays.judge_parts(&asked, Timestamp::from_secs(ts))
    }

    #[test]
    fn a_sealed_request_that_is_forgotten_is_refused_by_its_time() {
        let room = 100;
        let replays = Replays::with_room(0, room);
        let (web, db) = (id("web"), id("db"));
        let room = room as u32;
        assert_eq!(sealed(&replays, 0, &web, 1_000), Age::New);
        // All within a minute: the window of times alone would let the first in again.
        let at = |number: u32| 1_000 + u64::from(number / 10);
        for number in 1..room * 5 {
            let age = sealed(&replays, number, &db, at(number));
            assert_eq!(age, Age::New, "{number}");
            if number <= room {
                assert_eq!(sealed(&replays, 0, &web, 1_000), Age::Replayed);
            }
        }
        assert_eq!(sealed(&replays, 0, &web, 1_000), Age::Stale, "forgotten");
        assert_eq!(sealed(&replays, 7, &db, at(7)), Age::Stale, "forgotten");
    }

    #[test]
    fn however_the_turns_fall_no_sealed_request_is_taken_twice() {
        // Minions that ask in turn or seldom, with clocks that run, stand still or step back a
        // little: of each request some copy comes later, after any number of turns.
        for seldom in [1, 3, 40, 150] {
            let replays = Replays::with_room(0, 20);
            let ids = [id("often"), id("seldom")];
            let at =
                |number: u32| 5_000 + u64::from(number / 30) - u64::from(number.is_multiple_of(7));
            // With a stale request a session ends: nothing sealed under it can be opened again.
            let (mut since, mut stale) = (0, 0);
            for number in 0..600_u32 {
                let who = &ids[usize::from(number.is_multiple_of(seldom))];
                let first = sealed(&replays, number, who, at(number));
                let old = number.saturating_sub(number % 97).max(since);
                let whose = &ids[usize::from(old.is_multiple_of(seldom))];
                let again = sealed(&replays, old, whose, at(old));
                assert_ne!(again, Age::New, "{old} of {number}, {seldom}");
                if first == Age::Stale || again == Age::Stale {
                    (since, stale) = (number + 1, stale + 1);
                }
            }
            assert!((3..100).contains(&stale), "{stale} of {seldom}");
        }
    }

    #[test]
    fn a_minion_that_goes_on_never_meets_what_was_forgotten() {
        let replays = Replays::with_room(0, 20);
        let web = id("web");
        for number in 0..500 {
            let ts = 5_000 + u64::from(number / 10);
            assert_eq!(sealed(&replays, number, &web, ts), Age::New, "{number}");
        }
        // Overtaken, but no further back than the memory reaches.
        assert_eq!(sealed(&replays, 500, &web, 5_049), Age::New);
    }

    #[test]
    fn nonces_are_remembered_for_ten_minutes_however_few_come() {
        let replays = Replays::new(0);
        let judge = |number, from, now| {
            let asked = Asked {
                nonce: nonce(number),
                from,
                ..NOTHING
            };
            replays.judge_parts(&asked, Timestamp::from_secs(now))
        };
        assert_eq!(judge(1, HERE, 5_000), Age::New);
        assert_eq!(judge(2, HERE, 5_600), Age::New);
        assert_eq!(judge(1, THERE, 5_600), Age::Replayed);
        assert_eq!(judge(3, HERE, 5_601), Age::New);
        assert_eq!(judge(2, THERE, 6_200), Age::Replayed);
        assert_eq!(judge(4, HERE, 6_202), Age::New);
        assert_eq!(judge(1, THERE, 6_203), Age::New, "long ago");
    }

    #[test]
    fn the_memory_of_sealed_requests_is_what_the_limits_say() {
        let replays = Replays::new(0);
        let web = id("web");
        for number in 0..2 * MARKS_MAX as u32 {
            let ts = 5_000 + u64::from(number / 5_000);
            assert_eq!(sealed(&replays, number, &web, ts), Age::New);
        }
        let seen = replays.seen.lock().unwrap();
        assert!(seen.marks.bytes() < 6_000_000, "{}", seen.marks.bytes());
        assert_eq!((seen.nonces.bytes(), seen.times.len()), (0, 1));
    }

    #[test]
    fn the_memory_of_nonces_is_what_the_limits_say() {
        let replays = Replays::new(0);
        for number in 0..2 * NONCES_MAX as u32 {
            let asked = Asked {
                nonce: nonce(number),
                ..NOTHING
            };
            assert_eq!(replays.judge_parts(&asked, Timestamp(0)), Age::New);
        }
        let bytes = replays.seen.lock().unwrap().nonces.bytes();
        assert!((20_000_000..22_000_000).contains(&bytes), "{bytes}");
    }
}
