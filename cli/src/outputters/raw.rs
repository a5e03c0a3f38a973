//! The `raw` outputter: data as Python's `str()` writes it, on one line.

use model::Value;

/// Renders.
pub(crate) fn output(data: &Value) -> String {
    data.to_text()
}
