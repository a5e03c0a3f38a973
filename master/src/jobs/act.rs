//! Hands jobs to the publish socket.

use model::MinionId;
use tracing::debug;

use super::JobPublished;
use crate::channel::Channel;

/// Sends a job: to all its minions, or, a second time, to those in `again`.
pub fn send(channel: &Channel, job: &JobPublished, again: &[MinionId]) {
    debug!(jid = %job.jid, fun = %job.fun.to_text(), again = again.len(), "publishing");
    let ids = if again.is_empty() {
        &job.minions[..]
    } else {
        again
    };
    channel.publish(job, ids);
}
