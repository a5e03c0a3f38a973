//! A job that ended long ago, as bytes.
//!
//! A day may hold a million outcomes of minions. As maps each takes 230 bytes of memory and a
//! snapshot's time to read; packed it takes about 40, and a snapshot holds the bytes as they are.
//! They are looked at when somebody asks for the job.

use std::borrow::Cow;

use indexmap::{IndexMap, IndexSet};
use model::api::{MinionOutcome, MinionPhase};
use model::{Cursor, MinionId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Job;
use super::view::Doubt;

/// What a job has beside its head, as msgpack without field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

/// Written and read as bytes, not as a list of numbers.
impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = model::Value::deserialize(deserializer)?;
        let bytes = bytes.as_bytes().map(Box::from);
        bytes
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a packed job is bytes"))
    }
}

/// The parts of a job that have an entry for each minion.
#[derive(Serialize, Deserialize)]
struct Tables<'a> {
    /// Those that were expected; empty if they are the keys of `outcomes`.
    expected: Cow<'a, [MinionId]>,
    missing: Cow<'a, [String]>,
    outcomes: Vec<(Cow<'a, MinionId>, MinionPhase, Timestamp)>,
    /// In the order of their arrival, by the place in `outcomes`; behind its end in `others`.
    returns: Vec<(usize, Cursor)>,
    /// Who returned and was not expected.
    others: Vec<Cow<'a, MinionId>>,
    absent: Cow<'a, IndexMap<MinionId, u32>>,
    unheard: Cow<'a, IndexSet<MinionId>>,
    sent_again: Cow<'a, IndexMap<MinionId, u32>>,
    doubts: Cow<'a, IndexMap<MinionId, Doubt>>,
    #[serde(default)]
    sendings: Cow<'a, IndexMap<MinionId, Cursor>>,
}

impl Job {
    /// Packs what has an entry for each minion.
    pub(super) fn pack(&mut self) {
        if self.packed.is_some() {
            return;
        }
        let bytes = rmp_serde::to_vec(&Tables::of(self));
        let bytes = bytes.expect("tables hold only types that msgpack can write");
        *self = Self {
            packed: Some(Packed(bytes.into())),
            ..self.head()
        };
    }

    /// Gives the job with all it has.
    pub(super) fn whole(&self) -> Cow<'_, Self> {
        let Some(Packed(bytes)) = &self.packed else {
            return Cow::Borrowed(self);
        };
        let tables = rmp_serde::from_slice::<Tables<'_>>(bytes);
        // They were written by this release, or passed the checksum of a snapshot that was.
        let tables = tables.expect("what was packed can be read");
        let mut job = self.head();
        tables.put_into(&mut job);
        Cow::Owned(job)
    }

    /// A copy of what is not packed.
    fn head(&self) -> Self {
        let mut published = self.published.clone();
        (published.minions, published.missing) = (Vec::new(), Vec::new());
        Self {
            published,
            cursor: self.cursor,
            at: self.at,
            is_sent: self.is_sent,
            minions: IndexMap::new(),
            returns: IndexMap::new(),
            absent: IndexMap::new(),
            unheard: IndexSet::new(),
            sent_again: IndexMap::new(),
            doubts: IndexMap::new(),
            sendings: IndexMap::new(),
            pending: self.pending,
            packed: None,
        }
    }
}

impl<'a> Tables<'a> {
    fn of(job: &'a Job) -> Self {
        let expected = &job.published.minions;
        let is_said_twice = expected.iter().eq(job.minions.keys());
        let mut others = Vec::new();
        let place = |(id, cursor): (&'a MinionId, &Cursor)| {
            let place = job.minions.get_index_of(id).unwrap_or_else(|| {
                others.push(Cow::Borrowed(id));
                job.minions.len() + others.len() - 1
            });
            (place, *cursor)
        };
        let returns = job.returns.iter().map(place).collect();
        let outcome = |(id, outcome): (&'a MinionId, &MinionOutcome)| {
            (Cow::Borrowed(id), outcome.phase, outcome.since)
        };
        Self {
            expected: Cow::Borrowed(if is_said_twice { &[] } else { expected }),
            missing: Cow::Borrowed(&job.published.missing),
            outcomes: job.minions.iter().map(outcome).collect(),
            returns,
            others,
            absent: Cow::Borrowed(&job.absent),
            unheard: Cow::Borrowed(&job.unheard),
            sent_again: Cow::Borrowed(&job.sent_again),
            doubts: Cow::Borrowed(&job.doubts),
            sendings: Cow::Borrowed(&job.sendings),
        }
    }

    fn put_into(self, job: &mut Job) {
        let outcome = |(id, phase, since): (Cow<'_, MinionId>, _, _)| {
            (id.into_owned(), MinionOutcome { phase, since })
        };
        job.minions = self.outcomes.into_iter().map(outcome).collect();
        job.published.minions = match self.expected.is_empty() {
            true => job.minions.keys().cloned().collect(),
            false => self.expected.into_owned(),
        };
        job.published.missing = self.missing.into_owned();
        let others = self.others;
        let of = |place: usize| match job.minions.get_index(place) {
            Some((id, _)) => Some(id.clone()),
            None => others
                .get(place - job.minions.len())
                .map(|id| id.clone().into_owned()),
        };
        let returns = self.returns.into_iter();
        job.returns = returns
            .filter_map(|(place, cursor)| Some((of(place)?, cursor)))
            .collect();
        job.absent = self.absent.into_owned();
        job.unheard = self.unheard.into_owned();
        job.sent_again = self.sent_again.into_owned();
        job.doubts = self.doubts.into_owned();
        job.sendings = self.sendings.into_owned();
    }
}
