//! What the API answers, shared by the server and its clients.

mod enrolment;
mod error;
mod explain;
mod job;
mod key;
mod minion;
mod plan;
mod run;

pub use enrolment::{AlarmView, ClaimView, EnrolmentView, WaitingView, WindowView};
pub use error::ErrorBody;
pub use explain::{Awaited, RunExplanation, StepExplanation};
pub use job::{JobSummary, JobView, MinionOutcome, MinionPhase, Published};
pub use key::KeyList;
pub use minion::MinionView;
pub use plan::{PlanLook, PlanMark, PlanNeed, PlanNode, PlanStep, PlanView};
pub use run::{
    MinionCounts, Question, RunPhase, RunStarted, RunSummary, RunView, StepPhase, StepView, SubStep,
};
