//! Job ids: twenty digits that are a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A job id: `YYYYMMDDhhmmssffffff` in UTC, optionally `_` and a suffix. Always valid once made,
/// and safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jid(String);

/// The text is not a job id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a jid: expected twenty digits")]
pub struct InvalidJid(pub String);

/// Longest suffix that is accepted behind the twenty digits.
const SUFFIX_BYTES_MAX: usize = 64;

impl Jid {
    /// Makes the jid of a moment. Two moments that differ by a microsecond give different jids.
    pub fn at(now: Timestamp) -> Self {
        Self(now.format("%Y%m%d%H%M%S%6f"))
    }

    /// Gives the moment that the digits name, if they name one.
    pub fn moment(&self) -> Option<Timestamp> {
        let digits = self.0.get(..20)?;
        let (seconds, micros) = digits.split_at(14);
        let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
        let moment = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        let micros: i64 = micros.parse().ok()?;
        u64::try_from(moment.as_microsecond() + micros)
            .ok()
            .map(Timestamp)
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Jid {
    type Err = InvalidJid;

    fn from_str(text: &str) -> Result<Self, InvalidJid> {
        let is_valid = text.len() >= 20
            && text.len() <= 20 + SUFFIX_BYTES_MAX
            && text.bytes().take(20).all(|byte| byte.is_ascii_digit())
            && match text.as_bytes().get(20) {
                None => true,
                Some(b'_') => text
                    .bytes()
                    .skip(21)
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                Some(_) => false,
            };
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidJid(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Jid {
    type Error = InvalidJid;

    fn try_from(text: String) -> Result<Self, InvalidJid> {
        text.parse()
    }
}

impl From<Jid> for String {
    fn from(jid: Jid) -> Self {
        jid.0
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jid_is_its_moment() {
        let jid = Jid::at(Timestamp(1_795_249_015_861_002));
        assert_eq!(jid.as_str(), "20261121081655861002");
        assert_eq!(jid.moment(), Some(Timestamp(1_795_249_015_861_002)));
        assert_eq!(jid.as_str().parse::<Jid>(), Ok(jid));
    }

    #[test]
    fn a_path_is_not_a_jid() {
        for text in [
            "",
            "../../etc/passwd",
            "2026112108165586100",
            "20261121081655861002/..",
            "req",
        ] {
            assert!(text.parse::<Jid>().is_err(), "{text}");
        }
    }
}
