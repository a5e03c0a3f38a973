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

#[cfg(test)]
mod corpus_tests;
