//! Crash drills: the master dies at many moments, or its disk is full, and nothing that it
//! acknowledged is lost.
//!
//! The moments are random, of a seed that is printed; the variable `BRINE_TEST_SEED` repeats one.
//! The minions are simulated ones that drop a jid they have seen, as real ones do, and count what
//! they really did.
#![expect(
    clippy::disallowed_methods,
    reason = "a drill works with files, as an operator would"
)]

mod full_disk;
mod jobs;
mod master_states;
mod runs;
mod secrets;
