//! `_auth`: the one request an unknown peer may make.
//!
//! Here it is typed and its answer sealed, in the form its protocol version expects. Whether a key
//! is accepted is decided elsewhere. A file a version: `v0` plain, `v2` signed, `v3` with a
//! session.

mod load;
mod reply;
mod v0;
mod v2;
mod v3;

pub use load::{AuthLoad, Terms};
pub(crate) use reply::seal;
pub use reply::{Accepted, Answer, PubSig};
