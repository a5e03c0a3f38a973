//! The stand-in's clock: seconds, and how Kubernetes writes them.

#![expect(
    clippy::disallowed_methods,
    reason = "a node's program, not the master: it has a clock"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// Gives the seconds since the epoch.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Waits.
pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Writes `2026-11-21T08:17:11Z`.
pub(super) fn rfc3339(seconds: u64) -> String {
    let mut text = Timestamp::from_secs(seconds).iso();
    text.truncate("2026-11-21T08:17:11".len());
    text + "Z"
}

/// Writes a duration by its largest unit: `59s`, `14m`, `23h`, `8d`.
pub(super) fn short(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Reads a duration as Go writes it, `24h0m0s` or `15m`; `0` is none. None if it is no duration.
pub(super) fn parse(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (digits, unit) = rest.split_at(end);
        let seconds_per_unit = match unit.as_bytes().first()? {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        let count: u64 = digits.parse().ok()?;
        total = total.checked_add(count.checked_mul(seconds_per_unit)?)?;
        rest = &unit[1..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_duration_is_read_in_seconds() {
        let cases = [
            ("24h0m0s", Some(86_400)),
            ("15m", Some(900)),
            ("1s", Some(1)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("15", None),
            ("m", None),
            ("-5m", None),
            ("5d", None),
            ("99999999999999999999h", None),
            ("18446744073709551615h", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), seconds, "{text:?}");
        }
    }

    #[test]
    fn an_age_is_written_by_its_largest_unit() {
        let written = [0, 59, 60, 3599, 3600, 86_399, 86_400].map(short);
        assert_eq!(written, ["0s", "59s", "1m", "59m", "1h", "23h", "1d"]);
    }

    #[test]
    fn a_moment_is_written_as_rfc_3339() {
        assert_eq!(rfc3339(1_795_249_031), "2026-11-21T08:17:11Z");
    }
}
