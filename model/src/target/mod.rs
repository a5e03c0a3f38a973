//! Which minions are meant, and how that is decided.

mod compound;
mod data;
pub mod nodegroup;

use serde::{Deserialize, Serialize};

use crate::{Glob, Grains, Map, MinionId, Value};
use data::How;

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

    /// Says whether a minion is meant, as far as the master can know.
    pub fn matches(&self, candidate: Candidate<'_>) -> Result<bool, InvalidTarget> {
        let id = candidate.id.as_str();
        let text = || self.tgt.to_text();
        let grains = candidate.grains.map(|grains| &grains.0);
        let pillar = candidate.pillar.and_then(Value::as_map);
        Ok(match self.tgt_type {
            TargetType::Glob => Glob::new(&text()).matches(id),
            TargetType::Pcre => regex(&text())?.is_match(id).unwrap_or(false),
            TargetType::List => self.listed_ids().iter().any(|listed| listed == id),
            TargetType::Grain => matches_data(grains, &text(), How::Glob)?,
            TargetType::GrainPcre => matches_data(grains, &text(), How::Pcre)?,
            TargetType::Pillar => matches_data(pillar, &text(), How::Glob)?,
            TargetType::PillarPcre => matches_data(pillar, &text(), How::Pcre)?,
            TargetType::PillarExact => matches_data(pillar, &text(), How::Exact)?,
            TargetType::Compound => compound::matches(&text(), candidate)?,
            TargetType::Ipcidr => matches_address(candidate, &text()),
            TargetType::Nodegroup => return Err(InvalidTarget::Type("nodegroup".into())),
        })
    }
}

fn regex(text: &str) -> Result<fancy_regex::Regex, InvalidTarget> {
    fancy_regex::Regex::new(&format!("^(?:{text})"))
        .map_err(|error| InvalidTarget::Expression(text.to_owned(), error.to_string()))
}

/// Matches grains or pillar; what is not known matches nothing.
fn matches_data(data: Option<&Map>, expression: &str, how: How) -> Result<bool, InvalidTarget> {
    data.map_or(Ok(false), |data| data::matches(data, expression, how))
}

fn matches_address(candidate: Candidate<'_>, expression: &str) -> bool {
    let Some(grains) = candidate.grains else {
        return false;
    };
    ["ipv4", "ipv6"]
        .iter()
        .filter_map(|name| grains.0.get(name)?.as_list())
        .flatten()
        .filter_map(Value::as_str)
        .any(|address| is_in_network(address, expression))
}

fn is_in_network(address: &str, expression: &str) -> bool {
    use std::net::IpAddr;
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let (network, bits) = match expression.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (expression, Some(128)),
    };
    let (Ok(network), Some(bits)) = (network.parse::<IpAddr>(), bits) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let shift = 32 - bits.min(32);
            u64::from(a.to_bits()) >> shift == u64::from(n.to_bits()) >> shift
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let shift = 128 - bits.min(128);
            shift == 128 || a.to_bits() >> shift == n.to_bits() >> shift
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
