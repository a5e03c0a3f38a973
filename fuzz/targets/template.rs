//! The target `template` for libFuzzer; what is checked stands in `src/template.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::template::check(input)
);
