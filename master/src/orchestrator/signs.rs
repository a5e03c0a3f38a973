//! What minions show of themselves, told to the runs that wait for them: the boots of their
//! machines, and that they get on.

use model::{Cursor, Jid, MinionId};
use orch::Fact;

use crate::ledger::{Record, Views};
use crate::minions::News;

/// Gives what a record that was just taken in shows of a minion, for each run that waits for it.
pub(super) fn facts(views: &Views, cursor: Cursor, record: &Record) -> Vec<(Jid, Fact)> {
    let mut facts = Vec::new();
    if views.runs.open().next().is_none() {
        return facts;
    }
    if let Record::BootTold(told) = record {
        let open = views.runs.open();
        let waiting = open.filter(|run| run.wants_boot_of(&told.id));
        facts.extend(waiting.map(|run| {
            let fact = Fact::Boot {
                id: told.id.clone(),
                boot: told.boot.clone().filter(|_| told.news != News::Unclear),
                is_new: told.news == News::New,
                cursor,
            };
            (run.id().clone(), fact)
        }));
    }
    if let Some(id) = shown_by(views, record) {
        let waiting = views.runs.open().filter(|run| run.follows(&id));
        let fact = |run: &orch::Run| (run.id().clone(), Fact::Progress { id: id.clone() });
        facts.extend(waiting.map(fact));
    }
    facts
}

/// Gives the minion that a record shows at work: it signed in, started, fetched its pillar,
/// returned something, or fired an event of any kind. An answer to a question of the master is
/// none: it says that a minion is there, not that it gets on.
fn shown_by(views: &Views, record: &Record) -> Option<MinionId> {
    match record {
        Record::SignedIn { id } | Record::MinionRefreshed { id } => Some(id.clone()),
        Record::BootTold(told) => (told.news == News::New).then(|| told.id.clone()),
        Record::JobReturned(ret) => {
            let job = views.jobs.get(&ret.jid)?;
            (!job.published.is_question()).then(|| ret.id.clone())
        }
        Record::Event { tag, data } => {
            let is_refused = tag.as_str() == "salt/auth"
                && data.get("act").and_then(|act| act.as_str()) != Some("accept");
            let id = data.get("id")?.as_str().filter(|_| !is_refused)?;
            id.parse().ok()
        }
        _ => None,
    }
}
