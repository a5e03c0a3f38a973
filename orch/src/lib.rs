//! The orchestrator's mind: facts go in, records and effects come out. No I/O, no clock, no
//! storage.
//!
//! ```text
//!   low chunks ──Plan::compile──▶ Plan ──RunRecord::Started──▶ Run
//!                                                               │ ▲
//!        Fact ──────────────────────────────▶ Run::on ──────────┘ │ Run::apply
//!                                               │  records ───────┘   (once they are durable)
//!                                               └─ effects ──▶ the master acts
//! ```
//!
//! A run is the fold of its records and of nothing else, so resuming after a crash is: fold, then
//! [`recovery::resume`]. Steps run one after the other in Salt's order, `parallel: True` ones
//! beside it; their comments and changes are Salt's. On purpose not Salt's: a wait reads the log
//! from where its cause began, a minion that does not answer is never a success, and what cannot
//! work is refused before anything runs.

mod arguments;
mod attempt;
mod blocks;
mod boots;
mod conditions;
mod effect;
mod error;
mod explain;
mod fact;
mod fold;
mod graph;
mod hash;
mod hiding;
mod pausing;
mod plan;
mod progress;
mod readiness;
mod record;
pub mod recovery;
mod retry;
mod run;
pub mod steps;
mod turn;
mod view;
mod warnings;
mod waves;

pub use attempt::{
    Attempt, BootState, CallPhase, CallState, CheckState, MinionState, Seen, Verdict, Wave,
};
pub use blocks::Owner;
pub use boots::REPEATS_SYNTHESIZED;
pub use conditions::Conditions;
pub use effect::{Call, Effect, JobRequest, SecretRequest};
pub use error::{Error, Problem};
pub use fact::Fact;
pub use hash::PlanHash;
pub use plan::{Need, Options, Plan, PlannedStep, Retry};
pub use record::{Answer, Begun, CallId, CallReturn, IllegalRecord, Pause, RunRecord, Started};
pub use retry::{CannotRetry, Carried, RetryOf};
pub use run::{Context, Output, Run, StepState};
