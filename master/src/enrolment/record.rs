//! What can happen in enrolment, and what the bus shows of it.

use model::{Map, MinionId, Tag, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// One durable fact of enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentRecord {
    /// An operator opened a window.
    Opened(Window),
    /// An operator closed a window before its time.
    Closed {
        /// Its number.
        window: u64,
        /// Who.
        by: String,
    },
    /// A stranger's sign-in was decided on.
    Decided(Decided),
    /// An operator lets a claimed value be used again.
    Released {
        /// The claim, such as `uuid=3d5e…`.
        claim: String,
        /// Who.
        by: String,
    },
}

/// A time in which minions may enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number, from 1.
    pub window: u64,
    /// When it closes.
    pub until: Timestamp,
    /// How many minions it lets in.
    pub count: u64,
    /// Glob of the ids it is for.
    pub ids: String,
    /// Whether a rebuilt node may replace its key in it.
    pub is_for_rebuilds: bool,
    /// Who opened it.
    pub by: String,
}

/// How a stranger's sign-in ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The id it claimed.
    pub id: MinionId,
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// The address it came from.
    pub from: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The clauses that did not hold.
    pub failed: Vec<Failed>,
    /// The values it claimed, for ever.
    pub claims: Vec<String>,
    /// The window it came in through.
    pub window: Option<u64>,
}

/// How a stranger's sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every clause held: its key was accepted.
    Enrolled,
    /// Every clause held and the old connection is gone: its key took the place of the old one.
    Replaced,
    /// It waits for an operator.
    Waits,
    /// A second key for a live id: denied, and an alarm.
    SecondKey,
    /// An accepted key came back with an older protocol than it has spoken: refused.
    Downgraded,
}

impl Verdict {
    /// Gives the word that events show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Replaced => "replaced",
            Self::Waits => "waits",
            Self::SecondKey => "second_key",
            Self::Downgraded => "downgraded",
        }
    }
}

/// A clause that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its name.
    pub clause: String,
    /// Why, for a person.
    pub why: String,
}

impl Failed {
    /// Makes one.
    pub fn new(clause: &str, why: impl Into<String>) -> Self {
        Self {
            clause: clause.to_owned(),
            why: why.into(),
        }
    }
}

impl EnrolmentRecord {
    /// Gives the `salt/enrolment` event of a record.
    pub(crate) fn events(&self) -> Vec<(Tag, Map)> {
        match self {
            Self::Opened(window) => vec![(
                Tag::new("salt/enrolment/window"),
                Map::from([
                    ("act", Value::str("open")),
                    ("window", Value::from(window.window)),
                    ("until", Value::Str(window.until.iso())),
                    ("count", Value::from(window.count)),
                    ("ids", Value::str(&window.ids)),
                    ("rebuild", Value::Bool(window.is_for_rebuilds)),
                    ("by", Value::str(&window.by)),
                ]),
            )],
            Self::Closed { window, by } => vec![(
                Tag::new("salt/enrolment/window"),
                Map::from([
                    ("act", Value::str("close")),
                    ("window", Value::from(*window)),
                    ("by", Value::str(by)),
                ]),
            )],
            Self::Released { claim, by } => vec![(
                Tag::new("salt/enrolment/claim"),
                Map::from([("act", "release"), ("claim", claim), ("by", by)]),
            )],
            Self::Decided(decided) => vec![decided.event()],
        }
    }
}

impl Decided {
    fn event(&self) -> (Tag, Map) {
        let mut data = Map::from([
            ("act", Value::str(self.verdict.word())),
            ("id", Value::str(self.id.as_str())),
            ("fingerprint", Value::str(&self.fingerprint)),
            ("from", Value::str(&self.from)),
            ("failed", shown(&self.failed)),
            ("claims", self.claims.iter().map(Value::from).collect()),
        ]);
        if let Some(window) = self.window {
            data.insert("window", window);
        }
        let place = match self.verdict {
            Verdict::SecondKey | Verdict::Downgraded => "alarm",
            Verdict::Enrolled | Verdict::Replaced | Verdict::Waits => "minion",
        };
        (
            Tag::new(format!("salt/enrolment/{place}/{}", self.id)),
            data,
        )
    }
}

/// Shows failed clauses as texts: `clause: why`.
pub(crate) fn shown(failed: &[Failed]) -> Value {
    let text = |failed: &Failed| Value::Str(format!("{}: {}", failed.clause, failed.why));
    failed.iter().map(text).collect()
}
