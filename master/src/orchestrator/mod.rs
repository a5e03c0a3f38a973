//! Hosts [`orch::Run`]s: feeds them what the log says, turns their wishes into jobs, timers and
//! look-backs.
//!
//! What a run does next is decided in `orch`; `decide.rs` here only translates, in the same batch
//! as the cause, so that a step and its job stand or fall together. `recover.rs` takes runs up
//! again after a start; `command.rs` is what people may tell a run.

mod aim;
pub mod command;
pub mod decide;
pub mod recover;
mod signs;
mod translate;
pub mod view;

#[cfg(test)]
mod tests;

pub use aim::Wanted;
pub use command::Command;
pub(crate) use translate::fun_args;
pub use view::View;

use model::Jid;

/// Gives the jids that a record of a run gave out.
pub fn jids_of(record: &orch::RunRecord) -> Vec<&Jid> {
    match record {
        orch::RunRecord::Started(started) | orch::RunRecord::Retried { started, .. } => {
            vec![&started.run]
        }
        orch::RunRecord::StepStarted { begun, .. } | orch::RunRecord::WorkStarted { begun, .. } => {
            let calls = begun.calls.iter().map(|call| &call.jid);
            begun.jid.iter().chain(calls).collect()
        }
        orch::RunRecord::WaveSent { jid, .. } | orch::RunRecord::Checking { jid, .. } => vec![jid],
        _ => Vec::new(),
    }
}
