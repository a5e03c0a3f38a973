//! The time, as this program reads it: it measures, so it has to.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Gives seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

/// Gives seconds since 1970 with their fraction.
pub(crate) fn unix_now() -> f64 {
    unix_time().as_secs_f64()
}

fn unix_time() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// Gives a moment to measure from.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits.
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
