//! The mine: what minions publish for each other.
//!
//! Each entry belongs to one minion and goes with its key. Values are secrets more often than not
//! (tokens to join a cluster): they stay out of the log, see `sealed.rs`. There is nothing to
//! perform, so no `act.rs`.

pub mod decide;
pub mod sealed;
pub mod view;

#[cfg(test)]
mod tests;

pub use view::View;
