//! Sign-ins: who may be a minion.
//!
//! Decides with Salt's exact meaning of `auto_accept`, `autosign_file`, `autosign_grains_dir`,
//! `autoreject_file`, `open_mode` and `max_minions`. It never replaces an accepted key. Replies are
//! sealed by `channel`; the pki directory follows by `keys::pki_dir`. `view.rs` is that of `keys`.

pub mod autosign;
pub mod decide;
pub mod rules;

#[cfg(test)]
mod tests;

pub use decide::{Attempt, Outcome};
