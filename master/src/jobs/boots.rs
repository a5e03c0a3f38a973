//! Decides what a machine's new boot means for the jobs that its minion had.

use model::api::MinionPhase;
use model::{Cursor, MinionId};

use super::{MinionEnded, View};
use crate::ledger::Record;

/// Ends the jobs that were heard by the boot before: sent for the last time before the new one
/// first signed in (nobody reads a job without that), and to a connection that was open. What was
/// sent later is asked about.
pub fn on_new_boot(jobs: &View, id: &MinionId, signed_in: Cursor, why: &str) -> Vec<Record> {
    let open = jobs.open().filter(|job| !job.published.is_question());
    let gone = open.filter(|job| {
        let is_pending = job.pending().any(|pending| pending == id);
        let was_heard = job.is_sent && !job.unheard.contains(id);
        is_pending && was_heard && job.sent_to(id) < signed_in
    });
    let ended = gone.map(|job| {
        Record::MinionEnded(MinionEnded {
            jid: job.published.jid.clone(),
            id: id.clone(),
            phase: MinionPhase::Rebooted,
            why: why.to_owned(),
        })
    });
    ended.collect()
}
