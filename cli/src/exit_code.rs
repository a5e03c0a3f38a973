//! The numbers Salt's programs end with, and when; the only place that chooses them.
//!
//! Taken from Salt 3006.30: `salt.defaults.exitcodes`, `salt.cli.salt`, `salt.cli.run`,
//! `salt.utils.parsers`.

use std::process::ExitCode;

/// All went well.
pub(crate) const OK: u8 = 0;
/// Something failed: the master is away, a minion returned a non-zero code or nothing, a step
/// failed.
pub(crate) const FAILED: u8 = 1;
/// `salt` had no return to show: no minion matched.
pub(crate) const NO_RETURN: u8 = 2;
/// `salt` without a target, or a command that cannot be put together.
pub(crate) const INCOMPLETE: u8 = 42;
/// A flag that does not exist, or a value it does not take.
pub(crate) const USAGE: u8 = 64;
/// Ended by Ctrl-C: 128 + SIGINT, as a shell counts.
pub(crate) const INTERRUPTED: u8 = 130;

/// Turns any return code into one that a process can have: its low eight bits, but never 0 for a
/// failure.
pub(crate) fn from_retcode(code: i64) -> u8 {
    match u8::try_from(code & 0xff) {
        Ok(0) if code != 0 => FAILED,
        Ok(low) => low,
        Err(_) => FAILED,
    }
}

/// Wraps the number for `main`.
pub(crate) fn to_exit(code: u8) -> ExitCode {
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_never_becomes_zero() {
        assert_eq!(from_retcode(0), 0);
        assert_eq!(from_retcode(1), 1);
        assert_eq!(from_retcode(256), FAILED);
        assert_eq!(from_retcode(-1), 255);
        assert_eq!(from_retcode(512), FAILED);
    }
}
