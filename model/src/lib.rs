//! Salt's nouns, on one page.
//!
//! Five crates need these words; here each is defined once: [`Value`] (what YAML, msgpack and JSON
//! share), [`MinionId`], [`Jid`], [`Tag`] and [`TagGlob`], [`Event`], [`Cursor`], [`Timestamp`],
//! [`Grains`], [`Target`](target::Target), [`Lowstate`](lowstate::LowChunk) and what the API
//! answers ([`api`]). No I/O, no clock, no policy.

pub mod api;
mod boot_id;
mod cursor;
mod event;
mod glob;
mod grains;
mod jid;
mod job_return;
pub mod lowstate;
mod minion_id;
mod state_return;
mod tag;
pub mod target;
mod timestamp;
pub mod value;

pub use boot_id::{Boot, BootId};
pub use cursor::Cursor;
pub use event::Event;
pub use glob::Glob;
pub use grains::Grains;
pub use jid::{InvalidJid, Jid};
pub use job_return::JobReturn;
pub use minion_id::{InvalidMinionId, MinionId};
pub use state_return::StateReturn;
pub use tag::{Tag, TagGlob};
pub use timestamp::Timestamp;
pub use value::{Map, Value};
