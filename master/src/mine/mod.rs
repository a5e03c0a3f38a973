//! The mine: what minions publish for each other.
//!
//! Each entry belongs to one minion and goes with its key. There is nothing to perform, so no `act.rs`.

pub mod decide;
pub mod view;

#[cfg(test)]
mod tests;

pub use view::View;
