//! Event tags and globs over them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Glob, Jid, MinionId};

/// The name of an event on the bus, such as `salt/job/<jid>/ret/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// Makes a tag of any text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Makes `salt/job/<jid>/new`.
    pub fn job_new(jid: &Jid) -> Self {
        Self(format!("salt/job/{jid}/new"))
    }

    /// Makes `salt/job/<jid>/ret/<id>`.
    pub fn job_ret(jid: &Jid, id: &MinionId) -> Self {
        Self(format!("salt/job/{jid}/ret/{id}"))
    }

    /// Makes `salt/minion/<id>/start`.
    pub fn minion_start(id: &MinionId) -> Self {
        Self(format!("salt/minion/{id}/start"))
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A pattern over tags, as `salt.wait_for_event` and the reactor take it (a shell glob; `*` crosses
/// `/`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct TagGlob(Glob);

impl TagGlob {
    /// Compiles a pattern.
    pub fn new(text: &str) -> Self {
        Self(Glob::new(text))
    }

    /// Says whether the tag matches.
    pub fn matches(&self, tag: &Tag) -> bool {
        self.0.matches(tag.as_str())
    }

    /// Gives the text it was made of.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for TagGlob {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
impl Eq for TagGlob {}

impl From<String> for TagGlob {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<TagGlob> for String {
    fn from(glob: TagGlob) -> Self {
        glob.as_str().to_owned()
    }
}
