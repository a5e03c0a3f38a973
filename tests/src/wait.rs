//! Waiting for a condition by asking again and again; the only place of the suites that sleeps.
//!
//! A limit is when to give up, far above what is expected: no test measures speed.

use std::time::{Duration, Instant};

/// Between two questions.
const INTERVAL: Duration = Duration::from_millis(20);

/// When a wait is given up, in seconds. A busy machine of two cores needs a fiftieth of it.
pub const PATIENCE_SECS: u64 = 300;

/// The same for an answer on a socket.
pub const PATIENCE: Duration = Duration::from_secs(PATIENCE_SECS);

/// Asks until there is an answer.
///
/// # Panics
/// There is none within [`PATIENCE_SECS`]; `what` is named.
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(what, PATIENCE_SECS, ask)
}

/// Asks until there is an answer, for as many seconds as given.
///
/// # Panics
/// There is none within that time.
pub fn until_within<T>(what: &str, secs: u64, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(secs);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {secs} s in vain for {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// Lets other programs go on for a moment: for drills whose moment is random, not for
/// synchronisation.
pub fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
