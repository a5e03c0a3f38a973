//! The target `envelope` for libFuzzer; what is checked stands in `src/envelope.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::envelope::check(input)
);
