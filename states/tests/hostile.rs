//! The short run of the fuzz targets: what was found before, every seed, and some thousand changed
//! inputs from a fixed seed. `fuzz/README.md` tells how to run them for hours.
//!
//! `HOSTILE_INPUTS=N` asks for another number of changed inputs, `HOSTILE_SEED=N` for others.

#![expect(
    unreachable_pub,
    reason = "the targets are modules of a library for libFuzzer, and of this test"
)]

#[path = "../../fuzz/src/mutation.rs"]
mod mutation;
#[path = "../../fuzz/src/panics.rs"]
mod panics;
#[path = "../../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../../fuzz/src/sls.rs"]
mod sls;
#[path = "../../fuzz/src/template.rs"]
mod template;
#[path = "../../fuzz/src/yaml.rs"]
mod yaml;

use std::sync::Once;

use mutation::Mutator;

/// A target, and what it begins with.
struct Target {
    name: &'static str,
    check: fn(&[u8]),
    seeds: Vec<&'static str>,
    dictionary: &'static str,
    inputs: usize,
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
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

fn run(target: Target) {
    static WATCH: Once = Once::new();
    WATCH.call_once(panics::watch);
    let mut seeds = found(target.name);
    seeds.extend(target.seeds.iter().map(|text| text.as_bytes().to_vec()));
    assert!(seeds.len() > 3, "the seeds are missing");
    for seed in &seeds {
        (target.check)(seed);
    }
    let words = seeds::words(target.dictionary);
    assert!(words.len() > 30, "the dictionary is missing");
    let mut mutator = Mutator::new(number("HOSTILE_SEED", 1) as u64, seeds, words);
    for _ in 0..number("HOSTILE_INPUTS", target.inputs) {
        (target.check)(&mutator.draw());
    }
}

#[test]
fn no_yaml_is_more_than_an_error() {
    run(Target {
        name: "yaml",
        check: yaml::check,
        seeds: seeds::yaml(),
        dictionary: include_str!("../../fuzz/dictionaries/yaml.dict"),
        inputs: 20_000,
    });
}

#[test]
fn no_template_is_more_than_an_error() {
    run(Target {
        name: "template",
        check: template::check,
        seeds: seeds::template(),
        dictionary: include_str!("../../fuzz/dictionaries/template.dict"),
        inputs: 4_000,
    });
}

#[test]
fn no_sls_is_more_than_an_error() {
    run(Target {
        name: "sls",
        check: sls::check,
        seeds: seeds::sls(),
        dictionary: include_str!("../../fuzz/dictionaries/sls.dict"),
        inputs: 6_000,
    });
}
