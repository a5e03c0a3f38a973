//! Hands jobs to the publish socket.

use model::MinionId;
use tracing::debug;

use super::JobPublished;
use crate::shared::Shared;

/// Sends a job: to all its minions, or, a second time, to those in `again`. Gives those that cannot
/// have heard it, because no publish connection from where they were last seen is open.
pub fn send(shared: &Shared, job: &JobPublished, again: &[MinionId]) -> Vec<MinionId> {
    debug!(jid = %job.jid, fun = %job.fun.to_text(), again = again.len(), "publishing");
    let ids = if again.is_empty() {
        &job.minions[..]
    } else {
        again
    };
    // Looked at before the sending: a connection that opens in between makes one sending too many,
    // which the minion drops, and never one too few.
    let signs = shared.signs(ids.iter());
    shared.channel.publish(job, ids);
    let hears = |id: &&MinionId| signs.get(*id).is_some_and(|sign| sign.is_connected);
    ids.iter().filter(|id| !hears(id)).cloned().collect()
}
