//! Decides what a machine's new boot means for the jobs that its minion had.

use model::api::MinionPhase;
use model::{Cursor, MinionId};

use super::{Job, MinionEnded, View};
use crate::ledger::Record;
use crate::minions;

/// Ends the jobs that were heard by the boot before: sent for the last time before the new one
/// first signed in (nobody reads a job without that), and not to nobody. What was sent later is
/// asked about, unless it is known to be gone: the first to sign in may have been of the boot
/// before. That the master died before it knew whether a job went out makes no difference.
pub fn on_new_boot(
    (jobs, minions): (&View, &minions::View),
    id: &MinionId,
    signed_in: Cursor,
    why: &str,
) -> Vec<Record> {
    let open = jobs.open().filter(|job| !job.published.is_question());
    let gone = open.filter(|job| {
        let is_pending = job.pending().any(|pending| pending == id);
        let was_heard = !job.is_unheard(id, minions);
        let is_of_before = job.sent_to(id) < signed_in || is_missed(job, id);
        is_pending && was_heard && is_of_before
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

/// Says whether the minion started since the job went out, and said since that it has it not.
fn is_missed(job: &Job, id: &MinionId) -> bool {
    job.doubts.contains_key(id) && job.absent.contains_key(id)
}
