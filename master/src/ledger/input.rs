//! Everything that can be put before the ledger, and what it can answer.

use std::collections::HashMap;

use model::api::{Published, RunStarted};
use model::{Event, Grains, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};

use super::{Large, TimerKey};
use crate::jobs::collect::Presence;
use crate::keys::KeyChanged;
use crate::keys::decide::{Act, Include};
use crate::keys::pattern::Wanted;
use crate::{auth, enrolment, jobs, keys, mine, orchestrator, secrets};

/// One thing to decide on. Everything costly or looked up is already in it.
#[derive(Debug, Clone)]
pub enum Input {
    /// A minion signs in.
    Auth(Box<auth::Attempt>),
    /// Someone asks for a job.
    Publish(Box<jobs::decide::Request>),
    /// A minion returns.
    Return(Box<JobReturn>),
    /// A minion returns a secret, which is sealed in a blob.
    SealedReturn {
        /// The return.
        ret: Box<JobReturn>,
        /// The blob.
        blob: String,
    },
    /// One of the others, some of whose values are on the disk already.
    WithLarge {
        /// The input, whole.
        input: Box<Input>,
        /// Its large values.
        large: Vec<Large>,
    },
    /// A minion asks for secrets that there are.
    SecretsAsked {
        /// Who.
        reader: MinionId,
        /// The jobs that made them, the youngest first.
        jids: Vec<Jid>,
    },
    /// Secrets were handed to the connection of the minion that asked.
    SecretsDelivered {
        /// Who.
        reader: MinionId,
        /// The jobs that made them.
        jids: Vec<Jid>,
    },
    /// A minion, a runner or a user fires events.
    Events(Vec<(Tag, Map)>),
    /// A minion asked for its pillar and sent its grains.
    Grains(MinionId, Grains),
    /// A minion stores mine data.
    MineStore {
        /// The minion.
        id: MinionId,
        /// The values, each in a blob already.
        data: Vec<mine::sealed::Kept>,
        /// Whether the old goes.
        clear: bool,
    },
    /// What is older than the options want it kept may go.
    Forget {
        /// What ended before this moment.
        before: Timestamp,
    },
    /// A minion returns a job that it started by itself (`salt-call`) and asks for a jid.
    SelfStarted {
        /// The minion.
        id: MinionId,
        /// The load of the return.
        load: Map,
    },
    /// A minion deletes from its mine.
    MineDelete {
        /// The minion.
        id: MinionId,
        /// The function; `None` for all.
        fun: Option<String>,
    },
    /// An operator acts on keys.
    Keys {
        /// What.
        act: Act,
        /// On which keys.
        wanted: Vec<Wanted>,
        /// In which places.
        include: Include,
        /// Who.
        by: String,
    },
    /// Key files were put, changed or removed by hand.
    KeyFiles(Vec<keys::pki_writer::Difference>),
    /// An operator made a key for a minion and accepts it in advance.
    KeyGiven {
        /// The minion.
        id: MinionId,
        /// The public key.
        pem: String,
        /// Whether a live key is replaced.
        is_forced: bool,
        /// Who.
        by: String,
    },
    /// A minion has proven that it holds its key and speaks this protocol.
    Spoke(MinionId, u8),
    /// An operator acts on enrolment.
    Enrolment {
        /// What.
        act: enrolment::decide::Act,
        /// Who.
        by: String,
    },
    /// A user starts an orchestration.
    StartRun {
        /// The compiled plan.
        plan: Box<orch::Plan>,
        /// Who.
        user: String,
        /// The pillar given on the command line.
        pillar: Map,
        /// For a nested orchestration: the run whose step calls it, and the jid of that call, which
        /// is the run's.
        parent: Option<(Jid, Jid)>,
    },
    /// A user starts a runner that is no orchestration.
    StartRunner {
        /// The function, such as `jobs.list_jobs`.
        fun: String,
        /// Who.
        user: String,
        /// What the user typed.
        fun_args: Value,
    },
    /// A person tells a run something.
    Command {
        /// The run.
        run: Jid,
        /// What.
        command: orchestrator::Command,
        /// Who.
        by: String,
    },
    /// A run is told something that is not a record.
    RunFact {
        /// The run.
        run: Jid,
        /// What.
        fact: Box<orch::Fact>,
    },
    /// The log was read for events that came before a wait began.
    LookedBack {
        /// The run.
        run: Jid,
        /// What was found, in order.
        events: Vec<Event>,
        /// The fact that ends the look back.
        done: Box<orch::Fact>,
    },
    /// The pillars that a step's target is matched on are compiled.
    Pillars {
        /// The run.
        run: Jid,
        /// What the step asked for.
        wish: Box<orch::Effect>,
        /// Pillars by id, or why there are none.
        pillars: HashMap<MinionId, Value>,
    },
    /// A step's job is to go out, and it is not known in which boots its minions run.
    AskBoots(Vec<MinionId>),
    /// The minions of a step's job have told the boots of their machines, or did not in time.
    BootsGathered {
        /// The run.
        run: Jid,
        /// What the step asked for.
        wish: Box<orch::Effect>,
        /// The pillars that were compiled for it.
        pillars: Option<HashMap<MinionId, Value>>,
    },
    /// A job was handed to the publish socket.
    Sent {
        /// The job.
        jid: Jid,
        /// Who got it a second time.
        again: Vec<MinionId>,
        /// Who cannot have heard it.
        unheard: Vec<MinionId>,
    },
    /// A publish connection opened: somebody who may have missed jobs is back.
    SubscriberAppeared,
    /// The wall clock was looked at and seems to have jumped. The ledger sees for itself.
    ClockLooked,
    /// A timer fired.
    Timer {
        /// Which.
        key: TimerKey,
        /// The minions' signs of life at that moment.
        presence: Presence,
    },
    /// The master came up.
    Start {
        /// Its version.
        version: String,
        /// The returns that jobs of unfinished steps already have, read back from the log.
        returns: Vec<JobReturn>,
        /// The time of the last record before this start.
        last_alive: Timestamp,
    },
}

/// What the asker is told, once the records are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is recorded (or changed nothing).
    Done,
    /// How a sign-in ended.
    Auth(auth::Outcome),
    /// The job, and who is expected to answer.
    Published(Published),
    /// The run.
    Run(RunStarted),
    /// What changed among the keys.
    Keys(Vec<KeyChanged>),
    /// The return holds a secret: seal it first, for this run; nothing is recorded yet.
    MustSeal {
        /// The return, given back.
        ret: Box<JobReturn>,
        /// The run.
        run: Jid,
        /// Keys of the value whose texts are no secrets.
        plain: Vec<String>,
    },
    /// The secrets that the asker may have.
    Secrets(Vec<secrets::decide::Grant>),
    /// What changed in enrolment.
    Enrolment(Vec<enrolment::EnrolmentRecord>),
    /// It cannot be done: why.
    Refused(String),
    /// A person's command cannot be done.
    Declined {
        /// Why.
        what: String,
        /// What to do instead.
        hint: String,
    },
}
