//! SLS files, compiled to low chunks.
//!
//! The input is `main.sls`; what stands behind a line `--- NAME` is a further SLS of that name, so
//! that includes and extensions have something to find. Compiling ends, with chunks or with errors
//! in words.

use states::context::Context;
use states::file_client::MemoryFiles;

/// The most files of one input.
const MAX_FILES: usize = 8;

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut parts = text.split("\n--- ");
    let mut files = MemoryFiles::new().with("main.sls", parts.next().unwrap_or_default());
    for part in parts.take(MAX_FILES) {
        let (name, body) = part.split_once('\n').unwrap_or((part, ""));
        let path = format!("{}.sls", name.replace('.', "/"));
        files = files.with(&path, body);
    }
    match states::compile(&["main".to_owned()], &files, &Context::empty()) {
        Ok(compiled) => {
            // A circle or an unknown requisite is an answer.
            let _ = states::requisites::resolve(&compiled.low, &compiled.processed_sls);
        }
        Err(error) => assert!(
            error.errors.iter().all(|error| !error.is_empty()),
            "an error without a word: {error:?}"
        ),
    }
}
