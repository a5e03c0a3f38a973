//! What is done with an input, one module a target.
//!
//! The files have no `crate::` in them: the tests of the crates under test take them in by path
//! (`states/tests/hostile.rs`), so that a short run needs neither libFuzzer nor this workspace.

pub mod auth;
pub mod captured;
pub mod envelope;
pub mod frames;
pub mod msgpack;
pub mod mutation;
pub mod panics;
pub mod seeds;
pub mod sls;
pub mod target;
pub mod template;
pub mod wire_seeds;
pub mod yaml;
