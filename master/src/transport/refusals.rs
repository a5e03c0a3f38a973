//! What was refused, counted; and told to the operator at a rate that nobody outside can raise.
//!
//! Every refusal of a peer has a kind here: from bytes that are no ZMTP to an event in another's
//! name. `brine doctor` shows the counts; the log has one line a minute for each kind and address.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::Map;
use tokio::time::Instant;

use super::admission::group;
use crate::limits::{REFUSAL_LINE_INTERVAL, REFUSALS_TOLD_MAX};

/// Why a peer got less than it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It has as many connections as it may, or there is no room at all.
    Connection,
    /// It connected and closed without a word: minions test the port so, and scanners do.
    Knock,
    /// It did not finish the handshake, or speaks something else.
    Handshake,
    /// Its frames break ZMTP or a limit.
    Frame,
    /// It stopped in the middle of a message.
    Stall,
    /// It signs in more often than a site of minions would.
    SignInRate,
    /// Its request is no envelope of ours.
    Envelope,
    /// Its protocol is below `minimum_auth_version`, or below what its key has spoken.
    Version,
    /// Its request is sealed with a key that is not in use.
    Key,
    /// Its request is not from whom it says.
    Identity,
    /// Its request was there before, or is too old.
    Replay,
    /// Its request is of an older protocol and was done before: it is answered again, not obeyed.
    Repeat,
    /// It wants what only a local user may.
    Command,
    /// Its load has not the form that its command needs; paths that lead out are of this kind.
    Load,
    /// It fired an event in another's name, or the master's.
    Event,
    /// It had gone, or asked again, before its request had its turn: nothing was done for nobody.
    GivenUp,
}

impl Refused {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Refused; 16] = [
        Refused::Connection,
        Refused::Knock,
        Refused::Handshake,
        Refused::Frame,
        Refused::Stall,
        Refused::SignInRate,
        Refused::Envelope,
        Refused::Version,
        Refused::Key,
        Refused::Identity,
        Refused::Replay,
        Refused::Repeat,
        Refused::Command,
        Refused::Load,
        Refused::Event,
        Refused::GivenUp,
    ];

    /// Gives the word for it, in the counts and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Refused::Connection => "connection",
            Refused::Knock => "knock",
            Refused::Handshake => "handshake",
            Refused::Frame => "frame",
            Refused::Stall => "stall",
            Refused::SignInRate => "sign-in rate",
            Refused::Envelope => "envelope",
            Refused::Version => "version",
            Refused::Key => "key",
            Refused::Identity => "identity",
            Refused::Replay => "replay",
            Refused::Repeat => "repeat",
            Refused::Command => "command",
            Refused::Load => "load",
            Refused::Event => "event",
            Refused::GivenUp => "given up",
        }
    }

    /// Says whether honest peers do this too: after each change of a key, or before they sign in.
    fn is_usual(self) -> bool {
        matches!(
            self,
            Refused::Key | Refused::Stall | Refused::Knock | Refused::Repeat | Refused::GivenUp
        )
    }
}

/// The counts, and when each peer was last spoken of.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; Refused::ALL.len()],
    told: Mutex<HashMap<(Refused, IpAddr), Told>>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Instant,
    unsaid: u64,
}

impl Refusals {
    /// Counts a refusal, and tells it if the peer was not spoken of for a while.
    pub fn count(&self, what: Refused, peer: SocketAddr, why: &dyn fmt::Display) {
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
        let Some(unsaid) = self.say(what, peer.ip(), Instant::now()) else {
            return;
        };
        let (word, is_usual) = (what.word(), what.is_usual());
        if is_usual {
            tracing::debug!(%peer, what = word, %why, unsaid, "refused");
        } else {
            tracing::warn!(%peer, what = word, %why, unsaid, "refused");
        }
    }

    /// Gives every count that is not zero, by its word.
    pub fn counts(&self) -> Map {
        let count = |what: &Refused| {
            let count = self.counts[*what as usize].load(Ordering::Relaxed);
            (count > 0).then(|| (what.word(), count))
        };
        Refused::ALL.iter().filter_map(count).collect()
    }

    /// Says whether a line is due, and how many refusals had none since the last one.
    fn say(&self, what: Refused, address: IpAddr, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (what, group(address));
        if let Some(last) = told.get_mut(&key) {
            if now.duration_since(last.at) < REFUSAL_LINE_INTERVAL {
                last.unsaid += 1;
                return None;
            }
            let unsaid = last.unsaid;
            *last = Told { at: now, unsaid: 0 };
            return Some(unsaid);
        }
        if told.len() >= REFUSALS_TOLD_MAX {
            told.retain(|_, last| now.duration_since(last.at) < REFUSAL_LINE_INTERVAL);
        }
        if told.len() >= REFUSALS_TOLD_MAX {
            return None;
        }
        told.insert(key, Told { at: now, unsaid: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 4000).into()
    }

    #[test]
    fn every_kind_has_a_place_and_a_word_of_its_own() {
        let mut words: Vec<_> = Refused::ALL.iter().map(|what| what.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Refused::ALL.len());
        let places: Vec<_> = Refused::ALL.iter().map(|what| *what as usize).collect();
        assert_eq!(places, (0..Refused::ALL.len()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn each_is_counted_and_few_are_told() {
        let refusals = Refusals::default();
        for _ in 0..1000 {
            refusals.count(Refused::Frame, peer(1), &"nonsense");
        }
        assert_eq!(refusals.counts(), Map::from([("frame", 1000_u64)]));
        let now = Instant::now();
        assert_eq!(refusals.say(Refused::Frame, peer(1).ip(), now), None);
        assert_eq!(refusals.say(Refused::Frame, peer(2).ip(), now), Some(0));
        let later = now + 2 * REFUSAL_LINE_INTERVAL;
        let unsaid = refusals.say(Refused::Frame, peer(1).ip(), later);
        assert_eq!(unsaid, Some(1000));
    }

    #[tokio::test]
    async fn a_flood_of_addresses_is_not_remembered_without_end() {
        let refusals = Refusals::default();
        let now = Instant::now();
        for number in 0..5000_u32 {
            let address = IpAddr::V4(number.to_be_bytes().into());
            refusals.say(Refused::Frame, address, now);
        }
        let told = refusals.told.lock().expect("whole").len();
        assert_eq!(told, REFUSALS_TOLD_MAX);
    }
}
