//! Builds every part and starts it; start and stop order stand here and nowhere else.
//!
//! Start: options → disk → store → views → keys → sockets bound → ledger → recovery → key files
//! moved meanwhile → requests served → API. What cannot be had (a port, a directory, the log) is
//! told before anything is served. Stop is the same list backwards; nothing that was acknowledged
//! depends on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minion_protocol::auth::PubSig;
use minion_protocol::crypt::{MasterKey, SigAlgo};
use model::{Cursor, JobReturn, Timestamp};
use storage::{Blobs, LargeParts, Log, LogReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::auth::{Counters, Replays};
use crate::channel::{self, Channel};
use crate::config::Opts;
use crate::enrolment::{self, Inventory};
use crate::fileserver::FileServer;
use crate::jobs::collect::Patience;
use crate::keys::keyring::Keyring;
use crate::keys::pki_writer::PkiWriter;
use crate::ledger::{self, Durable, Input, Policy, Views};
use crate::limits::{CLEAR_AT_WORK_MAX, REQUESTS_AT_WORK_MAX};
use crate::minions::PresenceBoard;
use crate::pillar_sources::{self, Pillars};
use crate::secrets::{Redactor, Sealer};
use crate::shared::{Shared, read_return};
use crate::signers::Signers;
use crate::transport::{Incoming, Limits, Pace, PublishServer, Refusals, RequestServer};
use crate::world::World;
use crate::{act, dispatch, maintenance, mine, netapi};

/// The master cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A directory or file is not usable.
    #[error(transparent)]
    Disk(#[from] storage::Error),
    /// A port cannot be had.
    #[error(transparent)]
    Listen(#[from] crate::transport::ListenError),
    /// The log does not tell a story.
    #[error(transparent)]
    Replay(#[from] ledger::ReplayError),
    /// The master's key pair is not usable.
    #[error("{path}: {problem}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The API cannot be served.
    #[error(transparent)]
    Api(#[from] netapi::ServeError),
    /// The start could not be recorded.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
}

/// A running master.
pub struct Master {
    /// Its parts.
    pub shared: Arc<Shared>,
    tasks: JoinSet<()>,
    socket: PathBuf,
}

impl Master {
    /// Starts a master. Must be called inside the runtime.
    pub async fn start(opts: Opts, config_dir: &Path, world: World) -> Result<Self, StartError> {
        let (opts, world) = (Arc::new(opts), Arc::new(world));
        tell_of_settings(&opts, &world);
        let (log, large, durable, views) = open_store(&opts)?;
        let start = start_input(&views, durable.reader.as_ref())?;
        let pki = PkiWriter::open(&opts, &world)?;
        let (entropy, version) = (Arc::clone(&world.entropy), opts.minimum_auth_version);
        let keyring = Arc::new(Keyring::new(&views.keys, entropy, version));
        let keys = pki.signed(&opts, pki.master_key(opts.keysize)?)?;
        pki.restore(&views.keys);
        // Both ports are bound before anything is done, so that a port that is taken changes
        // nothing.
        let publish_listener = crate::transport::listen(opts.publish_address())?;
        let request_listener = crate::transport::listen(opts.ret_address())?;
        let refusals = Arc::new(Refusals::default());
        let publisher =
            PublishServer::start(publish_listener, Limits::default(), Arc::clone(&refusals));
        let channel = Arc::new(channel(&opts, &world, &keyring, keys, publisher));
        let sealer = Sealer::open(&pki, Arc::clone(&world.entropy))?;
        let redactor = redactor(&opts, &sealer, &views, durable.blobs.as_ref());
        let (handle, effects, _thread) = ledger::start(ledger::Parts {
            views,
            log,
            durable: durable.clone(),
            keyring: Arc::clone(&keyring),
            clock: Arc::clone(&world.clock),
            policy: policy(&opts),
        });
        let shared = Arc::new(Shared {
            config_dir: config_dir.to_owned(),
            ledger: handle,
            reader: Arc::clone(&durable.reader),
            blobs: Arc::clone(&durable.blobs),
            large,
            sealer,
            redactor,
            keyring,
            channel,
            signers: Signers::start(),
            replays: Replays::new(opts.request_server_ttl),
            counters: Counters::default(),
            inventory: Inventory::default(),
            presence: Arc::new(PresenceBoard::default()),
            pki_writer: pki,
            files: Arc::new(FileServer::new(&opts, &world)),
            pillars: Arc::new(Pillars::new(&opts, &world)),
            refusals: Arc::clone(&refusals),
            pace: Pace::default(),
            opts,
            world,
        });
        pillar_sources::live::connect(&shared);
        let mut tasks = JoinSet::new();
        act::spawn_all(&mut tasks, &shared, effects);
        shared.ledger.decide(start).await?;
        maintenance::take_in_key_files(&shared).await;
        let incoming = RequestServer::start(request_listener, Limits::default(), refusals);
        tasks.spawn(serve(Arc::clone(&shared), incoming));
        maintenance::spawn_all(&mut tasks, &shared, durable);
        let socket = shared.opts.sock_dir.join("brine.sock");
        let api = netapi::serve(Arc::clone(&shared), &socket)?;
        tasks.spawn(async move {
            // The API ends with the master.
            let _ = api.await;
        });
        Ok(Self {
            shared,
            tasks,
            socket,
        })
    }

    /// Stops serving. What was acknowledged is on disk already.
    pub async fn stop(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        if let Err(error) = self.shared.ledger.settle().await {
            tracing::warn!(%error, "the log is as durable as before, in two files");
        }
        // A socket file that stays behind is replaced at the next start.
        let _ = self.shared.world.disk.remove(&self.socket);
    }
}

/// Tells what the options of enrolment leave open.
fn tell_of_settings(opts: &Opts, world: &World) {
    for warning in enrolment::settings::warnings(opts, world) {
        tracing::warn!("{warning}");
    }
}

fn channel(
    opts: &Opts,
    world: &World,
    keyring: &Arc<Keyring>,
    (master_key, pub_sig): (MasterKey, Option<Arc<PubSig>>),
    publisher: PublishServer,
) -> Channel {
    Channel::new(channel::Parts {
        pub_sig,
        master_key,
        keyring: Arc::clone(keyring),
        entropy: Arc::clone(&world.entropy),
        publisher,
        is_filtering: opts.zmq_filtering,
        sig_algo: SigAlgo::from_name(&opts.publish_signing_algorithm).unwrap_or_default(),
    })
}

/// Makes the redactor, which knows the secrets that runs hold already.
fn redactor(opts: &Opts, sealer: &Sealer, views: &Views, blobs: &dyn Blobs) -> Arc<Redactor> {
    let redactor = Redactor::new(&opts.redact_patterns);
    for (made, value) in sealer.all(&views.secrets, blobs) {
        redactor.learn(&made.run, &value, &made.plain);
    }
    Arc::new(redactor)
}

type Opened = (Box<dyn Log>, Arc<dyn LargeParts>, Durable, Views);

fn open_store(opts: &Opts) -> Result<Opened, StartError> {
    let store = storage::embedded::open(&opts.store_dir)?;
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    let views = durable.views()?;
    mine::sealed::sweep(&views.mine, views.secrets.blobs(), durable.blobs.as_ref())?;
    Ok((store.log, store.large, durable, views))
}

async fn serve(shared: Arc<Shared>, mut incoming: mpsc::Receiver<Incoming>) {
    let sealed = Arc::new(Semaphore::new(REQUESTS_AT_WORK_MAX));
    let clear = Arc::new(Semaphore::new(CLEAR_AT_WORK_MAX));
    // How many tasks wait here is bounded by the sockets' own limit of unanswered requests.
    let mut at_work = JoinSet::new();
    while let Some(request) = incoming.recv().await {
        while at_work.try_join_next().is_some() {}
        let lane = match minion_protocol::looks_clear(&request.body) {
            true => Arc::clone(&clear),
            false => Arc::clone(&sealed),
        };
        let shared = Arc::clone(&shared);
        at_work.spawn(async move {
            // The error says that the semaphore was closed, which nobody does.
            let turn = lane.acquire_owned().await.ok();
            // What it needs for its work, 6 kB, it gets with its turn: a burst of a thousand waits.
            Box::pin(dispatch::handle(shared, request, turn)).await;
        });
    }
}

/// Makes the input with which a master takes up what its log says: blocks on the disk.
///
/// # Errors
/// The log cannot be read.
pub fn start_input(views: &Views, reader: &dyn LogReader) -> Result<Input, storage::Error> {
    Ok(Input::Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        returns: returns_of_open_runs(views, reader),
        last_alive: last_alive(reader)?,
    })
}

fn last_alive(reader: &dyn LogReader) -> Result<Timestamp, storage::Error> {
    let before_last = Cursor(reader.head().0.saturating_sub(1)).max(reader.tail());
    let last = reader.read(before_last, 1)?;
    Ok(last.first().map(|(_, entry)| entry.at).unwrap_or_default())
}

/// Reads back what the jobs of unfinished runs already returned.
fn returns_of_open_runs(views: &Views, reader: &dyn LogReader) -> Vec<JobReturn> {
    let jids = views.runs.open().flat_map(orch::Run::jids);
    let jobs = jids.filter_map(|jid| views.jobs.get(jid));
    jobs.flat_map(|job| job.returns.values().copied().collect::<Vec<_>>())
        .filter_map(|at| read_return(reader, at))
        .collect()
}

/// Reads what decisions depend on from the options.
pub fn policy(opts: &Opts) -> Policy {
    Policy {
        open_mode: opts.open_mode,
        enrolment: enrolment::settings::terms(opts),
        auth_events: opts.auth_events,
        boot_ids: opts.boot_ids,
        rotate_aes_key: opts.rotate_aes_key,
        patience: Patience {
            timeout_secs: opts.timeout,
            gather_job_timeout_secs: opts.gather_job_timeout,
        },
        nodegroups: opts.nodegroups.clone(),
        master_minion_id: opts.master_minion_id().to_string(),
    }
}
