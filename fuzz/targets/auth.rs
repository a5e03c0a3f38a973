//! The target `auth` for libFuzzer; what is checked stands in `src/auth.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::auth::check(input)
);
