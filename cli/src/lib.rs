//! salt, salt-run, salt-key: clients of the API, nothing else.
//!
//! Each program turns its flags into one request, follows the answer and prints it as Salt does.
//! The binary `brine` lives in `master` and calls [`salt::main`], [`salt_run::main`],
//! [`salt_key::main`], and the small programs [`completion`], [`doctor`], [`enrol`] and [`links`].
//! Never: the master's state, its files or its keys; whatever `salt` can do, any client of the API
//! can do.

#![expect(
    clippy::disallowed_methods,
    reason = "the terminal's side of the house: it waits, and reads its own config file"
)]

mod arguments;
mod client;
pub mod completion;
pub mod doctor;
pub mod enrol;
mod exit_code;
mod flags;
mod hints;
mod job_wait;
mod key_notes;
mod key_pair;
pub mod links;
mod outputters;
mod program;
mod python_text;
mod run_explain;
mod run_plan;
mod run_report;
mod run_verb;
mod runner_call;
pub mod salt;
pub mod salt_key;
pub mod salt_run;
mod state_event;
mod terminal;
mod viewer;
mod yaml;

pub use terminal::Terminal;
