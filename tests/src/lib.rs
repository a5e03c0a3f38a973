//! What the suites share: a master of the real binary, simulated minions and real ones.
//!
//! Everything here works with programs, sockets and folders as an operator would, and is gone when
//! its value is dropped, also in a panic. Waiting is always for a condition, never for a time.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a harness is an operator: it waits, prints, and works with files and programs"
)]

pub mod api;
pub mod brine;
pub mod guard;
pub mod ports;
pub mod random;
pub mod real_minion;
pub mod sim_minion;
pub mod simulate;
pub mod test_master;
pub mod wait;
pub mod wire;
pub mod worker;
