//! A minion's pillar: top file and SLS, rendered with the minion's grains, merged to one map.
//!
//! [`compile`] is the one function; it takes a [`Request`] and where to look, and gives a
//! [`Pillar`] whatever happens: what is broken is named in `_errors`, as Salt does, so that states
//! refuse to run. Nothing here touches a disk: files come from a file client, external pillars from
//! a [`PillarSource`].

mod compile;
mod decrypt;
mod error;
mod gather;
mod inputs;
mod merge;
mod origin;
mod request;
mod sources;
mod top;

pub use compile::{Pillar, Suppliers, compile, top_matches};
pub use decrypt::Decrypt;
pub use error::Problem;
pub use inputs::{Inputs, are_same};
pub use merge::{Merge, Strategy};
pub use origin::{Contribution, Origin};
pub use request::Request;
pub use sources::{PillarSource, SourceRequest};
