//! Everything that can be true, as it stands in the log.
//!
//! A record is never edited. A new field is optional; a new meaning is a new variant. Applying old
//! records gives the same views for ever, so a new release opens an old log. The events that people
//! and programs see on the bus are derived from records ([`Record::events`]), so that nothing is
//! written twice.

use std::collections::BTreeMap;

use model::{Cursor, Event, Grains, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::kept_return;
use crate::enrolment::EnrolmentRecord;
use crate::jobs::{JobPublished, MinionEnded, sub_events};
use crate::keys::KeyChanged;
use crate::minions::BootTold;
use crate::orchestrator;
use crate::secrets::SecretRecord;

/// One durable fact.
#[expect(
    clippy::large_enum_variant,
    reason = "a record lives for one batch; boxing would cost each run record an allocation"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// Something was said on the bus that changes no view of ours by itself.
    Event {
        /// Its name.
        tag: Tag,
        /// Its payload.
        data: Map,
    },
    /// A key was stored, accepted, rejected, denied or deleted.
    KeyChanged(KeyChanged),
    /// A stranger was decided on, a window opened or closed.
    Enrolment(EnrolmentRecord),
    /// A job was decided on, for these minions, under this jid.
    JobPublished(JobPublished),
    /// The job was handed to the publish socket.
    JobSent {
        /// The job.
        jid: Jid,
        /// For a job that is sent again to some: to whom.
        again: Vec<MinionId>,
        /// Those that cannot have heard it: no connection of theirs was open.
        #[serde(default)]
        unheard: Vec<MinionId>,
    },
    /// A minion returned. There are more of these than of all others, so the name is short in the
    /// log; before, it was written whole.
    #[serde(rename = "Ret", alias = "JobReturned")]
    JobReturned(#[serde(with = "kept_return")] Box<JobReturn>),
    /// A minion says that it is at work on the job.
    JobRunning {
        /// The job.
        jid: Jid,
        /// The minion.
        id: MinionId,
    },
    /// A minion was asked, and has the job neither running nor its return on the way.
    JobAbsent {
        /// The job.
        jid: Jid,
        /// The minion.
        id: MinionId,
    },
    /// The job ended at a minion without a return.
    MinionEnded(MinionEnded),
    /// A minion sent grains that differ from the known ones.
    GrainsChanged {
        /// The minion.
        id: MinionId,
        /// All its grains.
        grains: Grains,
    },
    /// A minion fetched its pillar: its caches are fresh.
    MinionRefreshed {
        /// The minion.
        id: MinionId,
    },
    /// A minion signed in, where sign-ins are no events (`auth_events: False`).
    SignedIn {
        /// The minion.
        id: MinionId,
    },
    /// A minion told in which boot of its machine it runs.
    BootTold(BootTold),
    /// A minion stored mine data. Written by older releases only: values stay out of the log since.
    MineStored {
        /// The minion.
        id: MinionId,
        /// Function (or alias) to value.
        data: Map,
        /// Whether what it had before goes.
        clear: bool,
    },
    /// A minion stored mine data; the values are in blobs.
    MineKept {
        /// The minion.
        id: MinionId,
        /// Function (or alias) to the id of its value's blob.
        blobs: BTreeMap<String, String>,
        /// Whether what it had before goes.
        clear: bool,
    },
    /// A minion deleted one function of its mine, or all of it.
    MineDeleted {
        /// The minion.
        id: MinionId,
        /// The function; `None` for all.
        fun: Option<String>,
    },
    /// Something happened to a secret of a run.
    Secret(SecretRecord),
    /// Something happened in a run.
    Run {
        /// The run.
        run: Jid,
        /// What.
        record: orch::RunRecord,
    },
    /// What ended before a moment is not kept any longer.
    Forgotten {
        /// The moment.
        before: Timestamp,
    },
    /// A job goes out once more to these: said before it does, so that a crash in between leaves
    /// nobody who counts as not having heard it.
    JobSending {
        /// The job.
        jid: Jid,
        /// To whom.
        again: Vec<MinionId>,
    },
    /// A minion said that it started while it had the job open: it is to be asked whether it still
    /// has it.
    JobDoubted {
        /// The job.
        jid: Jid,
        /// The minion.
        id: MinionId,
        /// What it said.
        said: String,
    },
    /// The wall clock jumped while jobs or runs were open.
    ClockJumped {
        /// How far, in milliseconds; negative for backwards.
        by_ms: i64,
    },
    /// The master came up; runs that had not ended were taken up again.
    MasterStarted {
        /// Its version.
        version: String,
        /// The runs that go on.
        resumed: Vec<Jid>,
    },
}

impl Record {
    /// Gives the events that the bus shows for this record, in order.
    pub fn events(&self, cursor: Cursor, stamp: Timestamp) -> Vec<Event> {
        let pairs: Vec<(Tag, Map)> = match self {
            Record::Event { tag, data } => vec![(tag.clone(), data.clone())],
            Record::KeyChanged(change) => change.events(),
            Record::Enrolment(record) => record.events(),
            Record::JobPublished(job) => job.events(),
            Record::Secret(secret) => secret.event().into_iter().collect(),
            Record::BootTold(told) => told.event().into_iter().collect(),
            Record::JobReturned(ret) => {
                let mut events = vec![(Tag::job_ret(&ret.jid, &ret.id), ret.load.clone())];
                events.extend(sub_events::of(ret));
                events
            }
            Record::MinionRefreshed { id } => {
                let data = Map::from([("Minion data cache refresh", id.as_str())]);
                vec![(Tag::new(format!("minion/refresh/{id}")), data)]
            }
            Record::Run { run, record } => {
                let Some(started) = record.started() else {
                    return Vec::new();
                };
                let data = Map::from([
                    ("fun", Value::str("runner.state.orchestrate")),
                    ("jid", Value::str(run.as_str())),
                    ("user", Value::str(&started.user)),
                    ("fun_args", orchestrator::fun_args(&started.plan, run)),
                ]);
                vec![(Tag::new(format!("salt/run/{run}/new")), data)]
            }
            _ => Vec::new(),
        };
        pairs
            .into_iter()
            .map(|(tag, data)| Event {
                cursor,
                tag,
                data,
                stamp,
            })
            .collect()
    }

    /// Writes the record for the log.
    pub fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("records hold only types that msgpack can write")
    }

    /// Reads a record of the log.
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }
}
