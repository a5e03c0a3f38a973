//! The API: HTTP over the local socket, for `salt`, `salt-run`, `salt-key` and whoever may open the
//! socket.
//!
//! One route, one small function: it asks the ledger and answers. Who may open the socket file is
//! the operator's user (mode 0600); the peer's user is taken from the connection, never from the
//! request.

mod app;
mod events;
mod explain;
mod jobs;
mod keys;
mod look;
mod lowstate;
mod plan;
mod progress;
mod refusal;
mod runs;
mod server;

pub use app::router;
pub use server::{ServeError, serve};
