//! Text to data through a pipe of renderers: `jinja|yaml` unless the file's first line says
//! otherwise.
//!
//! [`render`] is the one door for SLS files, pillar files and reactors; [`render_text`] stops
//! before the data. Renderers call functions of the context and read files of the file client,
//! nothing else.

pub mod gpg;
mod jinja;
mod json;
mod pipe;
pub mod yaml;

pub use pipe::{render, render_text};
pub use yaml::load_yaml;

/// Does work that renders more than once. Its renders share one thread with a large stack, instead
/// of starting one each.
pub fn together<T: Send>(work: impl Fn() -> T + Sync) -> T {
    jinja::together(work)
}

#[cfg(test)]
mod corpus_tests;
