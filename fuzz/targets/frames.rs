//! The target `frames` for libFuzzer; what is checked stands in `src/frames.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::frames::check(input)
);
