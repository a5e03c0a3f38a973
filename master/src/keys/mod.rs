//! Minions' public keys: which id has which key, in which phase.
//!
//! A key is a pair of id and fingerprint; an id has at most one live key. This folder never talks
//! to a minion: sign-ins are `auth`'s. There is no `act.rs`: `pki_dir.rs` brings Salt's layout on
//! disk in line with the view.

pub mod decide;
pub mod fingerprint;
pub mod keyring;
pub mod pattern;
pub mod pki_dir;
pub mod pki_writer;
mod record;
pub mod view;

#[cfg(test)]
mod tests;

pub use record::{KeyChange, KeyChanged};
pub use view::{Key, Phase, View};
