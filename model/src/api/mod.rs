//! What the API answers, shared by the server and its clients.

mod error;
mod job;
mod key;
mod minion;
mod run;

pub use error::ErrorBody;
pub use job::{JobSummary, JobView, MinionOutcome, MinionPhase, Published};
pub use key::KeyList;
pub use minion::MinionView;
pub use run::{RunPhase, RunStarted, RunSummary, RunView, StepPhase, StepView, SubStep};
