//! The daemon: a Salt master that remembers everything it promised.
//!
//! A request's way: [`transport`] → [`channel`] → [`dispatch`] → `aes_funcs` or `clear_funcs` →
//! [`ledger`] → the answer; what follows from its records comes out of the ledger as effects and is
//! performed by [`act`]. A user's way: [`netapi`] → `runners`, `wheel` or [`jobs`] → [`ledger`]. An
//! orchestration: [`runners::state`] → [`orchestrator`], and from then on whatever the log says.

pub mod act;
mod aes_funcs;
pub mod auth;
pub mod bin_explain;
pub mod bin_lint;
pub mod bin_master;
pub mod bin_render;
pub mod channel;
mod clear_funcs;
pub mod config;
pub mod dispatch;
pub mod enrolment;
pub mod event_bus;
pub mod fileserver;
mod http_client;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod limits;
mod local_states;
pub mod maintenance;
pub mod marks;
pub mod master;
pub mod mine;
pub mod minions;
pub mod netapi;
pub mod options;
pub mod orchestrator;
pub mod pillar_sources;
mod programs;
pub mod runners;
pub mod secrets;
pub mod shared;
pub mod signers;
mod stream;
pub mod timers;
pub mod transport;
pub mod wheel;
pub mod world;
