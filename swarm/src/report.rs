//! What the swarm prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output of a program"
)]

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::flags::{Flags, Out};
use crate::run::RunError;

/// Prints the result; `more` are fields beside the counts.
pub(crate) fn show(flags: &Flags, result: Value, more: Map<String, Value>) {
    let mut whole = Map::from_iter([
        ("mode".to_owned(), json!(name(&flags.mode))),
        ("protocol".to_owned(), json!(name(&flags.protocol))),
        ("minions".to_owned(), json!(flags.minions)),
        ("at_once".to_owned(), json!(flags.at_once)),
    ]);
    if let Value::Object(result) = result {
        whole.extend(result);
    }
    whole.extend(more);
    match flags.out {
        Out::Json => println!("{}", Value::Object(whole)),
        Out::Text => text(&whole),
    }
}

fn text(whole: &Map<String, Value>) {
    let of = |path: &str| whole.get(path).cloned().unwrap_or_default();
    println!(
        "{} of {} minions: {} done in {:.2} s, {:.1} a second",
        of("mode").as_str().unwrap_or_default(),
        of("minions"),
        of("done"),
        of("seconds").as_f64().unwrap_or_default(),
        of("rate").as_f64().unwrap_or_default(),
    );
    let latency = of("latency_ms");
    if latency["p50"].is_number() {
        println!(
            "latency: half within {} ms, 99% within {} ms, 99.9% within {} ms, all within {} ms",
            latency["p50"], latency["p99"], latency["p999"], latency["max"],
        );
    }
    if let Value::Object(errors) = of("errors") {
        for (kind, count) in errors {
            let example = of("examples");
            println!(
                "not answered, {kind}: {count} (one of them: {})",
                example[&kind]
            );
        }
    }
    for field in ["publish", "listening", "master", "vanished"] {
        if let Some(value) = whole.get(field) {
            println!("{field}: {value}");
        }
    }
    if of("stranger_connections") != json!(0) {
        println!("connections of strangers: {}", of("stranger_connections"));
    }
}

/// Says why the swarm could not run.
pub(crate) fn failure(error: &RunError) -> ExitCode {
    eprintln!("brine swarm: {error}");
    ExitCode::FAILURE
}

fn name(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value();
    name.map(|name| name.get_name().to_owned())
        .unwrap_or_default()
}
