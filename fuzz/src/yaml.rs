//! YAML as it comes from pillars, rendered templates and the wire.
//!
//! A document gives data or an error that points into the text; what we write of that data reads
//! back as the same data.

use states::renderers::load_yaml;
use states::renderers::yaml::{Flow, dump_yaml};

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match load_yaml(text) {
        Ok(value) => {
            for flow in [Flow::Never, Flow::Always, Flow::Leaves] {
                let written = dump_yaml(&value, flow);
                let again = load_yaml(&written);
                assert!(
                    again.as_ref().is_ok_and(|again| *again == value),
                    "{value:?} was written ({flow:?}) as\n{written}\nand read as {again:?}"
                );
            }
        }
        Err(error) => {
            assert!(!error.message().is_empty(), "an error without a word");
            let lines = text.lines().count().max(1);
            assert!(
                error.line().is_none_or(|line| (1..=lines).contains(&line)),
                "line {:?} of {lines}: {error}",
                error.line()
            );
        }
    }
}
