//! JSON text to data: the smallest renderer. An empty text is an empty map, as in Salt.

use model::{Map, Value};

use crate::error::{Error, ErrorKind};

/// Renders a text; a `#!` line is skipped.
pub(super) fn render(text: &str) -> Result<Value, Error> {
    let body = match text.strip_prefix("#!") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text,
    };
    if body.trim().is_empty() {
        return Ok(Map::new().into());
    }
    load(body)
}

/// Reads one JSON value.
pub(super) fn load(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the text is no JSON: {error}");
        Error::new(ErrorKind::Json, message).at(error.line(), Some(error.column()), text)
    })
}
