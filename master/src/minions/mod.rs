//! Minions: what they said of themselves, when they started, and their signs of life.
//!
//! Grains and starts are records; signs of life (who asked something when, whose connection is
//! open) are not: they are gone after a restart and come back by themselves. Nothing here is
//! trusted for more than targeting.

pub mod decide;
pub mod presence;
pub mod view;

pub use presence::{PresenceBoard, Sign};
pub use view::View;
