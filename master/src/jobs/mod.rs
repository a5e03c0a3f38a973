//! Jobs: what was asked of which minions, who answered, who is late, who is lost.
//!
//! A job is a record before it is sent. Each expected minion ends in exactly one of returned ok,
//! returned failed, rebooted, lost, cancelled, never seen; a late return is welcome and replaces a
//! guess. Nothing is sent twice unless the minion was asked and does not have it; the jid makes a
//! second sending harmless at the minion.

pub mod act;
pub mod boots;
pub mod collect;
pub mod decide;
mod packing;
mod record;
pub mod restarts;
pub mod sub_events;
pub mod view;

#[cfg(test)]
mod crowd_tests;
#[cfg(test)]
mod tests;

pub use record::{JobPublished, MinionEnded, StepRef};
pub use view::{Job, View};
