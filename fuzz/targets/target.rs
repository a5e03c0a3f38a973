//! The target `target` for libFuzzer; what is checked stands in `src/target.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::target::check(input)
);
