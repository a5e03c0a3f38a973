//! The whole path: SLS → high data → low chunks → in order.
//!
//! [`compile`] is the only function most callers need: an orchestration names its SLS, the answer
//! is the list of chunks. [`compile_matches`] starts from what a top file matched, [`compile_high`]
//! from data.

use std::fmt;

use model::{Map, Value};

use crate::context::Context;
use crate::file_client::FileClient;
use crate::high_data::{self, Gathered, Options};
use crate::low_chunk::LowChunk;
use crate::order::order_chunks;
use crate::sources::{Source, Sources};

/// What some SLS compile to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The high data as declared, a map (`state.show_sls`).
    pub high: Value,
    /// The chunks in order (`state.show_low_sls`, after extensions and requisites were applied).
    pub low: Vec<LowChunk>,
    /// Every SLS that was read, even one that declares nothing: `sls: NAME` requisites may mean it.
    pub processed_sls: Vec<String>,
    /// Every file that was looked for.
    pub sources: Vec<Source>,
}

/// The SLS do not compile. Every error that was found, each in Salt's words where Salt has words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// At least one.
    pub errors: Vec<String>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Data failed to compile:")?;
        for error in &self.errors {
            out.write_str("\n----------\n    ")?;
            out.write_str(error)?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileError {}

/// Compiles SLS (dotted names, globs allowed) of the context's environment.
///
/// # Errors
/// What is missing, does not render, or makes no sense together.
pub fn compile(
    sls: &[String],
    files: &dyn FileClient,
    context: &Context,
) -> Result<Compiled, CompileError> {
    compile_matches(&[(context.saltenv.clone(), sls.to_vec())], files, context)
}

/// Compiles the SLS of several environments, as a top file matched them.
///
/// # Errors
/// What is missing, does not render, or makes no sense together.
pub fn compile_matches(
    matches: &[(String, Vec<String>)],
    files: &dyn FileClient,
    context: &Context,
) -> Result<Compiled, CompileError> {
    let options = Options::new(&context.opts);
    let sources = Sources::new(files);
    let Gathered {
        high,
        errors,
        processed_sls,
    } = high_data::gather(matches, &sources, context, &options);
    check(errors)?;
    let low = compile_high(high.clone(), &context.opts)?;
    Ok(Compiled {
        high: high.into(),
        low,
        processed_sls,
        sources: sources.seen(),
    })
}

/// Gives the high data of some SLS, checked but not compiled (`state.show_sls`).
///
/// # Errors
/// What is missing, does not render, or has a wrong shape.
pub fn high_data(
    matches: &[(String, Vec<String>)],
    files: &dyn FileClient,
    context: &Context,
) -> Result<Map, CompileError> {
    let options = Options::new(&context.opts);
    let Gathered {
        high, mut errors, ..
    } = high_data::gather(matches, files, context, &options);
    if errors.is_empty() {
        errors = high_data::verify(&high);
    }
    check(errors)?;
    Ok(high)
}

/// Compiles high data to chunks, in order.
///
/// # Errors
/// Extensions without a target, wrong shapes, circles of two.
pub fn compile_high(mut high: Map, opts: &Map) -> Result<Vec<LowChunk>, CompileError> {
    let options = Options::new(opts);
    let mut errors = high_data::extend_high(&mut high);
    errors.extend(high_data::verify(&high));
    check(errors)?;
    let errors = high_data::requisite_in(&mut high, &options);
    high_data::apply_exclude(&mut high);
    check(errors)?;
    let chunks = high_data::compile_chunks(&high).map_err(|errors| CompileError { errors })?;
    Ok(order_chunks(chunks))
}

fn check(errors: Vec<String>) -> Result<(), CompileError> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(CompileError { errors })
    }
}
