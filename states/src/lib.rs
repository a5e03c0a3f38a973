//! SLS text to high data to low chunks.
