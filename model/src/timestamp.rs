//! A moment, as a value.

use serde::{Deserialize, Serialize};

/// Microseconds since the UNIX epoch, UTC. Range: 1970 to beyond the year 9999.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// The last moment that prints with a four-digit year: 9999-12-31T23:59:59.999999Z.
const PRINTABLE_MICROS_MAX: u64 = 253_402_300_799_999_999;

impl Timestamp {
    /// Makes the moment `seconds` after the epoch.
    pub fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Gives the moment `millis` milliseconds later.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1000)))
    }

    /// Gives the moment so many milliseconds later, or earlier if negative; it stops at both ends.
    pub fn moved(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis.saturating_mul(1000)))
    }

    /// Gives the moment `seconds` later.
    #[must_use]
    pub fn plus_secs(self, seconds: u64) -> Self {
        self.plus_millis(seconds.saturating_mul(1000))
    }

    /// Gives the milliseconds since `earlier`; 0 if that is not earlier.
    pub fn millis_since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }

    /// Writes `2026-11-21T08:17:11.189257`, as Salt's `_stamp` (UTC, no zone).
    pub fn iso(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S%.6f")
    }

    /// Writes `08:17:11.189257`, as the `start_time` of a state result.
    pub fn clock(self) -> String {
        self.format("%H:%M:%S%.6f")
    }

    pub(crate) fn format(self, pattern: &str) -> String {
        let micros = self.0.min(PRINTABLE_MICROS_MAX);
        let moment = jiff::Timestamp::from_microsecond(micros.cast_signed()).unwrap_or_default();
        moment
            .to_zoned(jiff::tz::TimeZone::UTC)
            .strftime(pattern)
            .to_string()
    }
}
