//! Bytes ⇄ meaning: a minion's conversation with its master. No socket, no clock, no file.
//!
//! 1. [`zmtp`] cuts a connection's bytes into requests, and publications into frames.
//! 2. [`open`] turns a request's bytes into an [`Opened`]: a typed [`Request`], who asks
//!    ([`Principal`]), and a [`Seal`]. A [`Refusal`] carries the bytes to answer with.
//! 3. Somebody decides and makes a [`Reply`]; [`Seal::seal`] gives its bytes, in the form of the
//!    protocol version that asked.
//! 4. [`publication::Publication`] is a job on its way to all minions.
//!
//! [`auth`] holds the three generations of signing in, [`crypt`] the keys, [`load`] the body of
//! each request, [`limits`] what a stranger may cost.

pub mod auth;
pub mod crypt;
pub mod limits;
pub mod load;
pub mod msgpack;
mod opening;
mod payload;
pub mod publication;
mod reply;
mod request;
pub mod zmtp;

pub use opening::{Doubt, KeyLookup, Opened, Principal, Refusal, open};
pub use payload::{Nonce, Version, looks_clear};
pub use reply::{Cost, Piece, Reply, Seal};
pub use request::Request;

#[cfg(test)]
mod testdata;
#[cfg(test)]
mod tests;
