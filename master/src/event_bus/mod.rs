//! The event bus: the log, read from a cursor by whoever cares.
//!
//! There is no queue per reader and nothing is pushed: a slow reader falls behind on disk and costs
//! nobody. A reader that comes back with its cursor has missed nothing. `salt.wait_for_event` looks
//! back in the same way.

mod subscription;

pub use subscription::{Filter, LookBackError, Subscription, look_back};
