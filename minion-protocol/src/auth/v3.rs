//! What v3 adds to an answer: the session key, without which such a minion ends.

use crate::crypt::Crypticle;
use crate::payload::Version;

/// Gives the session's key string to those that need it; older minions would not look at it.
pub(super) fn session(version: Version, session: &Crypticle) -> Option<&str> {
    (version >= Version::V3).then(|| session.key_string())
}
