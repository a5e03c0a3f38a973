//! Named tasks with a period.

use std::sync::Arc;
use std::time::Duration;

use model::target::Target;
use model::{Map, Tag, Timestamp};
use tokio::task::JoinSet;

use crate::jobs::decide::Request;
use crate::keys::pki_writer::Difference;
use crate::ledger::{Durable, Handle, Input, LedgerError};
use crate::shared::Shared;

/// How often the pki directory is looked at for keys that were moved by hand. A look costs one
/// directory listing for each of its places.
const KEY_WATCH_PERIOD: Duration = Duration::from_secs(5);

/// Key files that are one batch: at about 0.6 kB each, 300 kB.
const DIFFERENCES_AT_ONCE: usize = 512;

/// For how long requests under the shared key of before are read after a change that only its age
/// has caused: as long as a minion waits for one answer. A change that cuts somebody off has none.
const ROTATION_OVERLAP: Duration = Duration::from_secs(60);

/// How often sessions are looked through for old ones.
const SESSION_PERIOD: Duration = Duration::from_secs(30);

/// How often old things are looked for, and whether a snapshot is due.
const HOUSE_PERIOD: Duration = Duration::from_secs(60);

/// After this many rounds (10 minutes) a snapshot is due if there is a single new record: a start
/// then reads little.
const SNAPSHOT_ROUNDS: u64 = 10;

/// In between one is due after this many records: a start reads them in about a second.
const SNAPSHOT_RECORDS: u64 = 50_000;

/// Starts every task of this file.
pub fn spawn_all(tasks: &mut JoinSet<()>, shared: &Arc<Shared>, durable: Durable) {
    tasks.spawn(watch_keys(Arc::clone(shared)));
    tasks.spawn(rotate_keys(Arc::clone(shared)));
    tasks.spawn(end_sessions(Arc::clone(shared)));
    tasks.spawn(keep_house(Arc::clone(shared), durable));
}

/// Notices key files that were put, changed or removed by hand, and makes each a record like any
/// other.
pub async fn watch_keys(shared: Arc<Shared>) {
    let mut suspects = Vec::new();
    // The last change of a key after which files and keys were found to say the same.
    let mut alike_at = None;
    loop {
        shared.world.clock.sleep(KEY_WATCH_PERIOD).await;
        let writer = shared.pki_writer.clone();
        let look = tokio::task::spawn_blocking(move || writer.look()).await;
        let Ok(is_changed) = look else { return };
        alike_at = alike_at.filter(|_| !is_changed);
        match shared.ledger.ask(|views| views.keys.changed_at()).await {
            // The ledger does nothing else while it copies ten thousand keys.
            Ok(changed_at) if alike_at == Some(changed_at) => continue,
            Err(LedgerError::Stopped) => return,
            _ => {}
        }
        let known = match shared.ledger.ask(|views| views.keys.clone()).await {
            Ok(known) => known,
            Err(LedgerError::Stopped) => return,
            // The store cannot be read now, which is told elsewhere.
            Err(LedgerError::NotRecorded(_)) => continue,
        };
        let changed_at = known.changed_at();
        let writer = shared.pki_writer.clone();
        let look = tokio::task::spawn_blocking(move || writer.differences(&known)).await;
        let Ok(differences) = look else { return };
        alike_at = differences.is_empty().then_some(changed_at);
        // A difference may be a record whose file is being written: only one that stays is
        // somebody's doing.
        let (lasting, new): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|difference| suspects.contains(difference));
        suspects = new;
        take_in(&shared, lasting).await;
    }
}

/// Takes in what was done to key files while the master was down, before anybody is served: a
/// minion whose key stands among the accepted ones is let in at its first sign-in.
pub async fn take_in_key_files(shared: &Arc<Shared>) {
    let Ok(known) = shared.ledger.ask(|views| views.keys.clone()).await else {
        return;
    };
    take_in(shared, shared.pki_writer.differences(&known)).await;
}

/// Puts what was found before the ledger, in parts that each are one durable batch.
async fn take_in(shared: &Arc<Shared>, mut differences: Vec<Difference>) {
    while !differences.is_empty() {
        let rest = differences.split_off(differences.len().min(DIFFERENCES_AT_ONCE));
        let part = Input::KeyFiles(std::mem::replace(&mut differences, rest));
        if let Err(error) = shared.ledger.decide(part).await {
            tracing::warn!(%error, "keys that were moved by hand are noticed later");
        }
    }
}

/// Makes a new shared key each `publish_session` seconds, so that what is read with an old one
/// ends. Minions sign in again when they cannot read the next job; with `ping_on_rotate` that is at
/// once.
pub async fn rotate_keys(shared: Arc<Shared>) {
    let period = Duration::from_secs(shared.opts.publish_session);
    loop {
        shared.world.clock.sleep(period).await;
        shared.keyring.rotate_with_overlap();
        tracing::info!("the key that all minions share is a new one");
        let (ring, clock) = (Arc::clone(&shared.keyring), Arc::clone(&shared.world.clock));
        tokio::spawn(async move {
            clock.sleep(ROTATION_OVERLAP).await;
            ring.forget_previous();
        });
        let event = (Tag::new("key"), Map::from([("rotate_aes_key", true)]));
        let mut inputs = vec![Input::Events(vec![event])];
        if shared.opts.ping_on_rotate {
            let ping = Request::new("test.ping", Target::glob("*"), "root");
            inputs.push(Input::Publish(Box::new(ping)));
        }
        for input in inputs {
            if let Err(error) = shared.ledger.decide(input).await {
                tracing::warn!(%error, "the new key was not announced");
            }
        }
    }
}

/// Ends sessions older than `publish_session` seconds, each at its own time. Its minion is answered
/// `bad load` once, signs in and goes on.
pub async fn end_sessions(shared: Arc<Shared>) {
    let age_micros = shared.opts.publish_session.saturating_mul(1_000_000);
    loop {
        shared.world.clock.sleep(SESSION_PERIOD).await;
        let now = shared.world.clock.now();
        let before = Timestamp(now.0.saturating_sub(age_micros));
        let ended = shared.keyring.end_sessions(before);
        if ended > 0 {
            tracing::info!(
                ended,
                "old session keys are gone; their minions sign in again"
            );
        }
    }
}

/// Saves snapshots, forgets what is older than `keep_jobs_seconds`, and gives the space of its
/// records back.
pub async fn keep_house(shared: Arc<Shared>, durable: Durable) {
    let kept_secs = shared.opts.keep_jobs_seconds;
    for round in 1_u64.. {
        shared.world.clock.sleep(HOUSE_PERIOD).await;
        let is_any_due = round.is_multiple_of(SNAPSHOT_ROUNDS);
        let records_min = if is_any_due { 1 } else { SNAPSHOT_RECORDS };
        let saving = durable.clone();
        let saved = tokio::task::spawn_blocking(move || saving.save(records_min)).await;
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "no snapshot was saved; the log is kept for the next start")
            }
            Err(_) => return,
        }
        // 0 keeps for ever, as in Salt.
        if kept_secs == 0 {
            continue;
        }
        let now = shared.world.clock.now();
        let before = Timestamp(now.0.saturating_sub(kept_secs.saturating_mul(1_000_000)));
        match forget(&shared.ledger, &durable, before).await {
            Ok(()) => {}
            Err(Forgetting::Ledger(LedgerError::Stopped)) => return,
            Err(error) => tracing::error!(%error, "what is old is not forgotten yet"),
        }
    }
}

/// What is old could not be forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Forgetting {
    /// The ledger says no.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The log says no.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// Forgets what ended before a moment, then the older records: only as far as snapshots stand for
/// them, and nothing that is kept refers to them.
pub(crate) async fn forget(
    ledger: &Handle,
    durable: &Durable,
    before: Timestamp,
) -> Result<(), Forgetting> {
    ledger.decide(Input::Forget { before }).await?;
    let reading = durable.clone();
    let old = tokio::task::spawn_blocking(move || reading.last_before(before)).await;
    let old = old.map_err(|_| LedgerError::Stopped)??;
    let upto = old.min(durable.snapshots.oldest_at());
    while ledger.trim(upto).await? {}
    Ok(())
}
