//! Takes unfinished runs up again when the master comes up.

use model::{JobReturn, Timestamp};

use super::translate::{Returns, facts_of_job, resume};
use crate::ledger::Views;
use crate::ledger::decide::{Decision, Policy};

/// Decides what unfinished runs need. `returns` are those that their jobs already have;
/// `last_alive` is the time of the last record before this start.
pub fn on_master_start(
    views: &mut Views,
    policy: &Policy,
    returns: &[JobReturn],
    last_alive: Timestamp,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let mut by_minion = Returns::new();
    for ret in returns {
        by_minion.entry((&ret.jid, &ret.id)).or_insert(ret);
    }
    for id in views.runs.unfinished() {
        let Some(run) = views.runs.get(&id) else {
            continue;
        };
        let jobs = run.jids().filter_map(|jid| views.jobs.get(jid));
        let facts = jobs
            .flat_map(|job| facts_of_job(&job, &by_minion))
            .collect();
        resume(views, policy, &id, last_alive, facts, now, &mut decision);
    }
    decision
}
