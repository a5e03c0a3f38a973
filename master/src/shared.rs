//! The parts of the running master that requests are served from. Each is a cheap handle; none is a
//! lock on what the master knows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use model::api::JobView;
use model::target::Target;
use model::{Jid, JobReturn, MinionId, Value};
use storage::{Blobs, LargeParts, LogReader};

use crate::auth::{Counters, Replays};
use crate::channel::Channel;
use crate::config::Opts;
use crate::enrolment::Inventory;
use crate::fileserver::FileServer;
use crate::keys::keyring::Keyring;
use crate::keys::pki_writer::PkiWriter;
use crate::ledger::{Handle, LedgerError, Record};
use crate::minions::{PresenceBoard, Sign};
use crate::pillar_sources::Pillars;
use crate::secrets::{Redactor, Sealer};
use crate::signers::Signers;
use crate::transport::{Pace, Refusals};
use crate::world::World;

/// What every task of the master holds.
pub struct Shared {
    /// The options.
    pub opts: Arc<Opts>,
    /// Where they were read from.
    pub config_dir: PathBuf,
    /// The owner of what is known.
    pub ledger: Handle,
    /// The log, for those who read it at their own pace.
    pub reader: Arc<dyn LogReader>,
    /// The values of the mine.
    pub blobs: Arc<dyn Blobs>,
    /// The large parts of records to come.
    pub large: Arc<dyn LargeParts>,
    /// Seals secrets for their blobs.
    pub sealer: Sealer,
    /// Takes secrets out of what minions say.
    pub redactor: Arc<Redactor>,
    /// The keys as the sockets need them.
    pub keyring: Arc<Keyring>,
    /// Opens and seals messages; holds the publish socket.
    pub channel: Arc<Channel>,
    /// The threads that use the master's private key.
    pub signers: Signers,
    /// Requests that came before are noticed here.
    pub replays: Replays,
    /// How sign-ins ended.
    pub counters: Counters,
    /// The node table that strangers are looked up in.
    pub inventory: Inventory,
    /// Where requests leave signs of life.
    pub presence: Arc<PresenceBoard>,
    /// Brings key files in line with the view.
    pub pki_writer: PkiWriter,
    /// The files that minions may fetch.
    pub files: Arc<FileServer>,
    /// Compiles pillars.
    pub pillars: Arc<Pillars>,
    /// What peers were refused, counted.
    pub refusals: Arc<Refusals>,
    /// How often an address may sign in.
    pub pace: Pace,
    /// Clock, randomness, disk.
    pub world: Arc<World>,
}

impl Shared {
    /// Gives the signs of life of these minions.
    pub fn signs<'a>(&self, ids: impl Iterator<Item = &'a MinionId>) -> HashMap<MinionId, Sign> {
        self.presence.signs(ids, &self.channel.subscribers())
    }

    /// Gives a job with its returns, which are read back from the log.
    pub async fn job(&self, jid: &Jid) -> Result<Option<JobView>, LedgerError> {
        let asked = jid.clone();
        let Some(job) = self
            .ledger
            .ask(move |views| views.jobs.get(&asked).map(Cow::into_owned))
            .await?
        else {
            return Ok(None);
        };
        let (summary, minions, places) = (job.summary(), job.minions, job.returns);
        let reader = Arc::clone(&self.reader);
        // Each is a read of the log, and a job may have ten thousand.
        let read = move || {
            let of = |(id, at)| Some((id, read_return(reader.as_ref(), at)?));
            places.into_iter().filter_map(of).collect()
        };
        let returns = tokio::task::spawn_blocking(read).await;
        let returns = returns.map_err(|_| LedgerError::Stopped)?;
        Ok(Some(JobView {
            summary,
            minions,
            returns,
        }))
    }

    /// Says that a job is not here; a jid tells its age, so one that was forgotten is told as such.
    pub fn unknown_job(&self, jid: &Jid) -> String {
        self.unknown("job", jid)
    }

    /// The same for a run.
    pub fn unknown_run(&self, run: &Jid) -> String {
        self.unknown("run", run)
    }

    fn unknown(&self, what: &str, jid: &Jid) -> String {
        let kept_secs = self.opts.keep_jobs_seconds;
        let now = self.world.clock.now();
        let is_old = |at| now.millis_since(at) / 1000 > kept_secs;
        if kept_secs > 0 && jid.moment().is_some_and(is_old) {
            format!(
                "{what} {jid} is not known any more: what ended more than {kept_secs} s ago is \
                 forgotten (option keep_jobs_seconds)"
            )
        } else {
            format!("{what} {jid} is not known")
        }
    }

    /// Compiles the pillars that a target needs to be resolved; none, if it does not match on
    /// pillar.
    pub async fn pillars_for(
        &self,
        target: &Target,
    ) -> Result<HashMap<MinionId, Value>, LedgerError> {
        if !target.needs_pillar() {
            return Ok(HashMap::new());
        }
        let minions = self
            .ledger
            .ask(|views| {
                let of = |id: &MinionId| (id.clone(), views.minions.grains(id).cloned());
                views.keys.accepted().map(of).collect::<Vec<_>>()
            })
            .await?;
        let pillars = Arc::clone(&self.pillars);
        let compiled = tokio::task::spawn_blocking(move || {
            let of = |(id, grains): (MinionId, Option<model::Grains>)| {
                let data = pillars.compile(&id, &grains.unwrap_or_default());
                (id, Value::Map(data))
            };
            minions.into_iter().map(of).collect()
        });
        compiled.await.map_err(|_| LedgerError::Stopped)
    }
}

/// Reads a return back from the log; a damaged one is told and left out.
pub fn read_return(reader: &dyn LogReader, cursor: model::Cursor) -> Option<JobReturn> {
    let before = model::Cursor(cursor.0.saturating_sub(1));
    let entries = match reader.read(before, 1) {
        Ok(entries) => entries,
        // Its job was forgotten after it was asked for.
        Err(storage::Error::Trimmed { .. }) => {
            tracing::info!(%cursor, "a return is no longer kept (keep_jobs_seconds)");
            return None;
        }
        Err(error) => {
            tracing::error!(%error, %cursor, "a return cannot be read back from the log");
            return None;
        }
    };
    let (_, entry) = entries.into_iter().next()?;
    match Record::decode(&entry.body) {
        Ok(Record::JobReturned(ret)) => Some(*ret),
        _ => None,
    }
}
