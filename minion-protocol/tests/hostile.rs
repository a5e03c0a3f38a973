//! The short run of the wire's fuzz targets: what was found before, every seed, and some thousand
//! changed inputs from a fixed seed. `fuzz/README.md` tells how to run them for hours.
//!
//! `HOSTILE_INPUTS=N` asks for another number of changed inputs, `HOSTILE_SEED=N` for others.

#![expect(
    unreachable_pub,
    dead_code,
    reason = "the targets are modules of a library for libFuzzer, and of this test"
)]

#[path = "../../fuzz/src/auth.rs"]
mod auth;
#[path = "../../fuzz/src/captured.rs"]
mod captured;
#[path = "../../fuzz/src/envelope.rs"]
mod envelope;
#[path = "../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../fuzz/src/msgpack.rs"]
mod msgpack;
#[path = "../../fuzz/src/mutation.rs"]
mod mutation;
#[path = "../../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../../fuzz/src/target.rs"]
mod target;
#[path = "../../fuzz/src/wire_seeds.rs"]
mod wire_seeds;

use mutation::Mutator;

fn number(variable: &str, usual: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What was found by a long run and put right.
#[expect(
    clippy::disallowed_methods,
    reason = "the inputs that were found are files of the repository"
)]
fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/../fuzz/found/{name}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("readable"))
        .collect()
}

fn run(name: &str, check: fn(&[u8]), begin: Vec<Vec<u8>>, inputs: usize) {
    let mut all = found(name);
    all.extend(begin);
    assert!(all.len() > 3, "the seeds are missing");
    for seed in &all {
        check(seed);
    }
    let words = seeds::words(include_str!("../../fuzz/dictionaries/wire.dict"));
    assert!(words.len() > 30, "the dictionary is missing");
    let mut mutator = Mutator::new(number("HOSTILE_SEED", 1) as u64, all, words);
    for _ in 0..number("HOSTILE_INPUTS", inputs) {
        check(&mutator.draw());
    }
}

#[test]
fn no_frames_are_more_than_an_error() {
    run("frames", frames::check, wire_seeds::frames(), 20_000);
}

#[test]
fn no_msgpack_is_more_than_an_error() {
    run("msgpack", msgpack::check, wire_seeds::msgpack(), 20_000);
}

#[test]
fn no_envelope_is_more_than_a_refusal() {
    run("envelope", envelope::check, wire_seeds::envelope(), 4_000);
}

#[test]
fn no_sign_in_is_more_than_a_refusal() {
    run("auth", auth::check, wire_seeds::auth(), 1_000);
}

#[test]
fn no_target_is_more_than_an_error() {
    run("target", target::check, wire_seeds::target(), 10_000);
}
