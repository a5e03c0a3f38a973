//! Which minions are meant, and how that is decided.

mod compound;
mod data;
mod matcher;
pub mod nodegroup;

use serde::{Deserialize, Serialize};

use crate::{Grains, MinionId, Value};
pub use matcher::Matcher;

/// A target expression with its type, as published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The expression: text, or a list for [`TargetType::List`].
    pub tgt: Value,
    /// How it is read.
    pub tgt_type: TargetType,
}

/// How a target expression is read. `range`, `cache` and `data` are not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// Shell glob over ids.
    Glob,
    /// Regular expression at the start of the id.
    Pcre,
    /// List of ids, or comma-separated text.
    List,
    /// `key:glob` over grains.
    Grain,
    /// `key:regex` over grains.
    GrainPcre,
    /// `key:glob` over pillar.
    Pillar,
    /// `key:regex` over pillar.
    PillarPcre,
    /// `key:value` over pillar, no wildcards.
    PillarExact,
    /// A name from the option `nodegroups`.
    Nodegroup,
    /// `G@os:SUSE and not web*`.
    Compound,
    /// An address or a network.
    Ipcidr,
}

/// The target cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The type is none of Salt's, or one that is not supported.
    #[error("target type {0:?} is not supported")]
    Type(String),
    /// The expression is malformed.
    #[error("target {0:?}: {1}")]
    Expression(String, String),
}

/// What the master knows of one minion when it decides whether that minion is meant.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a MinionId,
    /// Its grains, if it ever sent them.
    pub grains: Option<&'a Grains>,
    /// Its pillar, if it was ever compiled.
    pub pillar: Option<&'a Value>,
}

impl TargetType {
    /// Reads Salt's name of a type (`glob`, `list`, `grain`, ...).
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        Ok(match text {
            "glob" | "" => Self::Glob,
            "pcre" => Self::Pcre,
            "list" => Self::List,
            "grain" => Self::Grain,
            "grain_pcre" => Self::GrainPcre,
            "pillar" => Self::Pillar,
            "pillar_pcre" => Self::PillarPcre,
            "pillar_exact" => Self::PillarExact,
            "nodegroup" => Self::Nodegroup,
            "compound" => Self::Compound,
            "ipcidr" => Self::Ipcidr,
            other => return Err(InvalidTarget::Type(other.to_owned())),
        })
    }

    /// Gives Salt's name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Glob => "glob",
            Self::Pcre => "pcre",
            Self::List => "list",
            Self::Grain => "grain",
            Self::GrainPcre => "grain_pcre",
            Self::Pillar => "pillar",
            Self::PillarPcre => "pillar_pcre",
            Self::PillarExact => "pillar_exact",
            Self::Nodegroup => "nodegroup",
            Self::Compound => "compound",
            Self::Ipcidr => "ipcidr",
        }
    }
}

impl Target {
    /// Makes a glob target.
    pub fn glob(text: &str) -> Self {
        Self {
            tgt: Value::str(text),
            tgt_type: TargetType::Glob,
        }
    }

    /// Makes a list target.
    pub fn list<'a>(ids: impl IntoIterator<Item = &'a MinionId>) -> Self {
        let tgt = ids.into_iter().map(|id| Value::str(id.as_str())).collect();
        Self {
            tgt,
            tgt_type: TargetType::List,
        }
    }

    /// Gives the ids that a list names; empty for other types.
    pub fn listed_ids(&self) -> Vec<String> {
        match (&self.tgt_type, &self.tgt) {
            (TargetType::List, Value::List(ids)) => ids.iter().map(Value::to_text).collect(),
            (TargetType::List, Value::Str(text)) => text
                .split(',')
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Says whether the target matches on pillar, so that pillars are needed to resolve it.
    pub fn needs_pillar(&self) -> bool {
        match self.tgt_type {
            TargetType::Pillar | TargetType::PillarPcre | TargetType::PillarExact => true,
            TargetType::Compound | TargetType::Nodegroup => {
                let text = self.tgt.to_text();
                text.split_whitespace()
                    .any(|word| word.starts_with("I@") || word.starts_with("J@"))
            }
            _ => false,
        }
    }

    /// Makes the target ready to be held against many minions.
    ///
    /// # Errors
    /// The expression is malformed.
    pub fn matcher(&self) -> Result<Matcher, InvalidTarget> {
        Matcher::new(self)
    }

    /// Says whether a minion is meant, as far as the master can know. For many minions make a
    /// [`Matcher`] once.
    pub fn matches(&self, candidate: Candidate<'_>) -> Result<bool, InvalidTarget> {
        self.matcher()?.matches(candidate)
    }
}

#[cfg(test)]
mod tests;
