//! SLS text to high data to low chunks, as Salt reads them.
//!
//! ```
//! use states::{compile, context::Context, file_client::MemoryFiles};
//!
//! let sls = "first:\n  salt.state:\n    - tgt: 'web*'\n    - sls: nginx\n";
//! let files = MemoryFiles::new().with("web.sls", sls);
//! let compiled = compile(&["web".to_owned()], &files, &Context::empty())?;
//! assert_eq!(compiled.low[0].key(), "salt_|-first_|-first_|-state");
//! # Ok::<(), states::CompileError>(())
//! ```
//!
//! [`requisites::graph`] says which [`low_chunk::LowChunk`] waits for which. No I/O: template text
//! comes from whoever calls.

pub mod compiler;
pub mod context;
pub mod error;
pub mod file_client;
mod high_data;
pub mod low_chunk;
pub mod order;
pub mod renderers;
pub mod requisites;
pub mod sls;
pub mod sources;
pub mod top_file;

pub use compiler::{CompileError, Compiled, compile};
