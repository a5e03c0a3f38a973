//! Named tasks with a period.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::Input;
use crate::shared::Shared;

/// How often the pki directory is looked at for keys that were moved by hand. A look costs one directory listing
/// for each of its places.
const KEY_WATCH_PERIOD: Duration = Duration::from_secs(5);

/// Notices key files that were put, changed or removed by hand, and makes each a record like any other.
pub async fn watch_keys(shared: Arc<Shared>) {
    let mut suspects = Vec::new();
    loop {
        shared.world.clock.sleep(KEY_WATCH_PERIOD).await;
        let Ok(known) = shared.ledger.ask(|views| views.keys.clone()).await else {
            return;
        };
        let writer = shared.pki_writer.clone();
        let look = tokio::task::spawn_blocking(move || writer.differences(&known)).await;
        let Ok(differences) = look else { return };
        // A difference may be a record whose file is being written: only one that stays is somebody's doing.
        let (lasting, new): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|difference| suspects.contains(difference));
        suspects = new;
        for (id, found) in lasting {
            if let Err(error) = shared.ledger.decide(Input::KeyFile { id, found }).await {
                tracing::warn!(%error, "a key that was moved by hand is noticed later");
            }
        }
    }
}
