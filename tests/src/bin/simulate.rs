//! `simulate`: plays many seeds of the simulator and prints how many a second, and which failed.
//!
//! `simulate --seeds 100000` is the long run; `simulate --seed 42 --trace` shows one.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that a person started: it prints, and measures its own speed"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use model::api::RunPhase;
use tests::simulate::{Faults, Mutation, Orchestration, Scenario, Verdict, run};

/// Seeds that failed and are printed.
const FAILURES_SHOWN: usize = 20;

/// Simulates orchestrations in worlds that seeds make up.
#[derive(Parser)]
struct Flags {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Only this one.
    #[arg(long)]
    seed: Option<u64>,
    /// How many faults: a number, or a range such as 1..5.
    #[arg(long, default_value = "1..5")]
    faults: String,
    /// How many machines, instead of what the seed says.
    #[arg(long)]
    nodes: Option<usize>,
    /// Which orchestration: kubic, errands or errands-that-fail.
    #[arg(long, default_value = "kubic")]
    orchestration: Orchestration,
    /// What was thought of later goes wrong too.
    #[arg(long)]
    later: bool,
    /// Makes the master wrong on purpose.
    #[arg(long)]
    mutate: Option<Mutation>,
    /// How many threads play seeds; each seed stays on one.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Prints what happens.
    #[arg(long)]
    trace: bool,
}

fn faults(text: &str) -> Result<Faults, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| format!("{text}: {error}"))
    };
    match text.split_once("..") {
        Some((low, high)) => Ok(Faults::Drawn(
            number(low)?..=number(high.trim_start_matches('='))?,
        )),
        None => Ok(Faults::Drawn(number(text)?..=number(text)?)),
    }
}

#[derive(Default)]
struct Tally {
    succeeded: u64,
    failed: u64,
    begun_again: usize,
    happened: u64,
    seconds: u64,
    records: u64,
    bad: Vec<Verdict>,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        match verdict.phase {
            Some(RunPhase::Succeeded) => self.succeeded += 1,
            _ => self.failed += 1,
        }
        self.begun_again += verdict.begun_again;
        self.happened += verdict.happened;
        self.seconds += verdict.seconds;
        self.records += verdict.records as u64;
        if !verdict.is_good() {
            self.bad.push(verdict);
        }
    }
}

fn play(flags: &Flags, scenario: &Scenario) -> Tally {
    let (first, last) = match flags.seed {
        Some(seed) => (seed, seed + 1),
        None => (flags.first_seed, flags.first_seed + flags.seeds),
    };
    let next = Arc::new(AtomicU64::new(first));
    let tally = Arc::new(Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..flags.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        return;
                    }
                    let verdict = run(seed, scenario);
                    if scenario.is_traced {
                        for line in &verdict.trace {
                            println!("{line}");
                        }
                    }
                    if !verdict.is_good() {
                        println!("seed {} FAILED: {}", seed, verdict.violations.join("; "));
                    }
                    tally
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(verdict);
                }
            });
        }
    });
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *tally)
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let faults = match faults(&flags.faults) {
        Ok(faults) => faults,
        Err(problem) => {
            println!("--faults {problem}");
            return ExitCode::from(2);
        }
    };
    let scenario = Scenario {
        nodes: flags.nodes,
        orchestration: flags.orchestration,
        faults,
        has_later_faults: flags.later,
        mutation: flags.mutate,
        is_traced: flags.trace,
    };
    let started = Instant::now();
    let tally = play(&flags, &scenario);
    let spent = started.elapsed().as_secs_f64();
    let seeds = tally.succeeded + tally.failed;
    println!(
        "{seeds} seeds in {spent:.1} s: {:.0} seeds/s; {} succeeded, {} ended honestly or badly \
         otherwise; {} were begun again; {} things happened in {} h of their time, {} records",
        seeds as f64 / spent,
        tally.succeeded,
        tally.failed,
        tally.begun_again,
        tally.happened,
        tally.seconds / 3600,
        tally.records,
    );
    let failed: Vec<String> = tally.bad.iter().map(|bad| bad.seed.to_string()).collect();
    if failed.is_empty() {
        println!("no seed failed");
        return ExitCode::SUCCESS;
    }
    println!(
        "{} seeds FAILED: {}",
        failed.len(),
        failed[..failed.len().min(FAILURES_SHOWN)].join(" ")
    );
    println!(
        "repeat one: cargo run --release -p tests --bin simulate -- --seed {} --trace",
        failed[0]
    );
    ExitCode::FAILURE
}
