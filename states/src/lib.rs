//! SLS text to high data to low chunks, as Salt reads them.
//!
//! [`requisites::graph`] says which [`low_chunk::LowChunk`] waits for which. No I/O: template text comes
//! from whoever calls.

pub mod context;
pub mod error;
pub mod file_client;
pub mod low_chunk;
pub mod renderers;
pub mod requisites;
