//! The target `sls` for libFuzzer; what is checked stands in `src/sls.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::sls::check(input)
);
