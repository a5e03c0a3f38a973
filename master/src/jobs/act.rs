//! Hands jobs to the publish socket.

use model::MinionId;
use tracing::debug;

use super::JobPublished;
use super::collect::Presence;
use crate::shared::Shared;

/// Sends a job: to all its minions, or, a second time, to those in `again`. Gives those that cannot
/// have heard it, because no publish connection from where they were last seen is open.
pub fn send(shared: &Shared, job: &JobPublished, again: &[MinionId]) -> Vec<MinionId> {
    debug!(jid = %job.jid, fun = %job.fun.to_text(), again = again.len(), "publishing");
    let ids = recipients(job, again);
    // Looked at before the sending: a connection that opens in between makes one sending too many,
    // which the minion drops, and never one too few.
    let signs = shared.signs(ids.iter());
    shared.channel.publish(job, ids);
    unheard(ids, &signs)
}

/// Gives those that a sending is for.
pub fn recipients<'a>(job: &'a JobPublished, again: &'a [MinionId]) -> &'a [MinionId] {
    if again.is_empty() {
        &job.minions
    } else {
        again
    }
}

/// Gives those that cannot hear a sending: no connection is open that may be theirs.
pub fn unheard(ids: &[MinionId], signs: &Presence) -> Vec<MinionId> {
    let hears = |id: &&MinionId| signs.get(*id).is_some_and(|sign| sign.may_hear);
    ids.iter().filter(|id| !hears(id)).cloned().collect()
}
