//! What v3 adds to an answer: the session key, without which such a minion ends.

use crate::payload::Version;

/// Says who is given the session's key; older minions would not look at it.
pub(super) fn has_session(version: Version) -> bool {
    version >= Version::V3
}
