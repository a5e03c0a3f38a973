//! SLS text to high data to low chunks, as Salt reads them.
//!
//! [`requisites::graph`] says which [`low_chunk::LowChunk`] waits for which. No I/O: template text comes
//! from whoever calls.

pub mod low_chunk;
pub mod requisites;
