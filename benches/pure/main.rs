//! What the pure parts cost, a module each: `cargo bench`.
//!
//! Allocations are counted beside the time; that counting costs some nanoseconds of each.
//!
//! Compare figures of one run with each other; those of two machines say nothing. `cargo test` runs
//! each benchmark once, so that none of them rots.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "it measures with real files, and what cannot happen here ends it"
)]

mod ledger;
mod orchestration;
mod pillar;
mod protocol;
mod storage;
mod target;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
