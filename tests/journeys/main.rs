//! Journeys: what minions and operators go through with a master of the real binary, over its
//! sockets.
//!
//! The minions are simulated, so that a journey takes seconds and can also go where no honest
//! minion goes. What real minions make of the master is in the suite `conformance`.
#![expect(
    clippy::disallowed_methods,
    reason = "a test works with files as an operator would"
)]

mod boots;
mod commands;
mod cve;
mod cve_access;
mod enrolment;
mod events;
mod files;
mod flood;
mod hostile;
mod jobs;
mod kubic;
mod mine;
mod nesting;
mod orchestration;
mod protocol;
mod requests;
mod runs;
mod secrets;
mod sign_in;
mod swarm;
