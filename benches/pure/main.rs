//! What the pure parts cost, a module each: `cargo bench`.
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

fn main() {
    divan::main();
}
