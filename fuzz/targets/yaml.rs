//! The target `yaml` for libFuzzer; what is checked stands in `src/yaml.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: fuzz::panics::watch(),
    |input: &[u8]| fuzz::yaml::check(input)
);
