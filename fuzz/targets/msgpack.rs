//! The target `msgpack` for libFuzzer; what is checked stands in `src/msgpack.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::msgpack::check(input)
);
