//! Which keys an operator means: by glob, list, place or fingerprint.

use minion_protocol::crypt::fingerprint;
use model::{Glob, MinionId};

use super::Phase;

/// How many pairs the fingerprint of a key has: SHA-256.
const FINGERPRINT_PAIRS: usize = 32;

/// One of the four places of keys, named as Salt's directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `minions`.
    Accepted,
    /// `minions_pre`.
    Pending,
    /// `minions_rejected`.
    Rejected,
    /// `minions_denied`.
    Denied,
}

impl Section {
    /// All, in the order in which Salt lists them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Pending, Self::Rejected, Self::Denied];

    /// Gives the name of its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "minions",
            Self::Pending => "minions_pre",
            Self::Rejected => "minions_rejected",
            Self::Denied => "minions_denied",
        }
    }

    /// Finds one by the name of its directory.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }

    /// Gives the phase of the live keys in it; denied ones are not live.
    pub fn phase(self) -> Option<Phase> {
        match self {
            Self::Accepted => Some(Phase::Accepted),
            Self::Pending => Some(Phase::Pending),
            Self::Rejected => Some(Phase::Rejected),
            Self::Denied => None,
        }
    }
}

/// Keys that are meant, and where they are looked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    which: Which,
    only_in: Option<Section>,
}

#[derive(Debug, Clone)]
enum Which {
    Ids(Glob),
    Id(String),
    Fingerprint(String),
}

impl Wanted {
    /// Reads what an operator wrote: globs of ids with commas between them, or fingerprints.
    pub fn read(text: &str) -> Vec<Self> {
        let of = |part: &str| {
            let which = match is_fingerprint(part) {
                true => Which::Fingerprint(part.to_lowercase()),
                false => Which::Ids(Glob::new(part)),
            };
            Self {
                which,
                only_in: None,
            }
        };
        text.split(',').map(of).collect()
    }

    /// Means one id in one place, whatever characters it has.
    pub fn exactly(id: &str, only_in: Option<Section>) -> Self {
        Self {
            which: Which::Id(id.to_owned()),
            only_in,
        }
    }

    /// Says whether a key is meant.
    pub fn matches(&self, section: Section, id: &MinionId, pem: &str) -> bool {
        self.only_in.is_none_or(|only| only == section)
            && match &self.which {
                Which::Ids(glob) => glob.matches(id.as_str()),
                Which::Id(wanted) => wanted == id.as_str(),
                Which::Fingerprint(wanted) => fingerprint(pem) == *wanted,
            }
    }
}

/// An id that looks like this would need 32 pairs of hexadecimal digits with colons.
fn is_fingerprint(text: &str) -> bool {
    let pairs: Vec<&str> = text.split(':').collect();
    let is_pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    pairs.len() == FINGERPRINT_PAIRS && pairs.iter().all(is_pair)
}
