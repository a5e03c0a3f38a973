//! Secrets of runs: what one minion made for named others (`salt.secret`).
//!
//! The value is in no record: the log has the id of a blob, the blob is sealed under a key that
//! stands beside the master's own (`sealing.rs`). Each reader gets it once, by `mine.get`; with the
//! run it is gone. `redaction.rs` keeps what minions say about it out of the log as well. There is
//! nothing to perform but forgetting, so no `act.rs`. Why it is done so:
//! `docs/design/secrets.md`.

pub mod decide;
pub mod record;
pub mod redaction;
pub mod sealing;
pub mod view;

#[cfg(test)]
mod tests;

pub use record::{Made, Reason, SecretRecord};
pub use redaction::Redactor;
pub use sealing::Sealer;
pub use view::View;
