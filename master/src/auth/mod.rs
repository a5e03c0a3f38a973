//! Sign-ins: who may be a minion.
//!
//! Decides in Salt's order, with its exact meaning of `auto_accept`, `autosign_file`,
//! `autosign_grains_dir`, `autoreject_file`, `open_mode` and `max_minions` under `enrolment:
//! legacy`; which strangers get in under `enrolment: policy` is `enrolment`'s. An accepted key is
//! replaced only where that says so. Replies are sealed by `channel`; the pki directory follows by
//! `keys::pki_dir`. `view.rs` is that of `keys`.

pub mod autosign;
pub mod counters;
pub mod decide;
pub mod replay;
pub mod rules;

#[cfg(test)]
mod tests;

pub use counters::{Counter, Counters};
pub use decide::{Attempt, Outcome};
pub use replay::Replays;
