//! Large values that minions send: they are on the disk before the ledger hears of them.

use std::sync::Arc;

use crate::ledger::{Input, LARGE_BYTES_MIN, Large, large_values};
use crate::orchestrator;
use crate::shared::Shared;

/// Has the large values of an input written beside the log, while others append. `None` if they
/// could not be: the minion is told that something broke, and tries again.
pub(super) async fn put(shared: &Arc<Shared>, input: Input) -> Option<Input> {
    if large_values(&input).is_empty() || !is_kept_as_it_comes(shared, &input).await {
        return Some(input);
    }
    let parts = Arc::clone(&shared.large);
    let put = move || {
        let large = Large::put(parts.as_ref(), &large_values(&input))?;
        let input = Box::new(input);
        Ok::<_, storage::Error>(Input::WithLarge { input, large })
    };
    match tokio::task::spawn_blocking(put).await.ok()? {
        Ok(input) => Some(input),
        Err(error) => {
            tracing::error!(%error, "a value of {LARGE_BYTES_MIN} bytes or more was not stored");
            None
        }
    }
}

/// Says whether the ledger would record it so. No byte of what it wants sealed or hidden may reach
/// the disk before; what it does not want need not.
async fn is_kept_as_it_comes(shared: &Shared, input: &Input) -> bool {
    let Input::Return(ret) = input else {
        return true;
    };
    let (jid, id) = (ret.jid.clone(), ret.id.clone());
    let asked = move |views: &_| orchestrator::decide::is_kept_as_it_comes(views, &jid, &id);
    shared.ledger.ask(asked).await.unwrap_or(false)
}
