//! Minions: what they said of themselves, when they started, in which boot of their machines they
//! run, and their signs of life.
//!
//! Grains, starts and boots are records; signs of life (who asked something when, whose connection
//! is open) are not: they are gone after a restart and come back by themselves. Nothing here is
//! trusted for more than targeting.

pub mod boots;
pub mod decide;
pub mod presence;
mod record;
pub mod view;

#[cfg(test)]
mod tests;

pub use presence::{PresenceBoard, Sign};
pub use record::{BootTold, News};
pub use view::{Minion, View};
