//! A target made ready: wildcards, expressions and lists are read once, however many minions they
//! are held against.

use std::collections::HashSet;

use fancy_regex::Regex;

use super::compound::Expression;
use super::data::{How, Pattern};
use super::{Candidate, InvalidTarget, Target, TargetType, compound};
use crate::{Glob, Grains, Map, Value};

/// A target that is ready to be held against minions.
#[derive(Debug)]
pub struct Matcher(Test);

#[derive(Debug)]
enum Test {
    Glob(Glob),
    Pcre(Box<Regex>),
    List(HashSet<String>),
    Grains(Pattern),
    Pillar(Pattern),
    Address(String),
    Compound(Expression),
}

impl Matcher {
    pub(super) fn new(target: &Target) -> Result<Self, InvalidTarget> {
        let text = || target.tgt.to_text();
        let grains = |how| Test::Grains(Pattern::new(text(), how));
        let pillar = |how| Test::Pillar(Pattern::new(text(), how));
        Ok(Self(match target.tgt_type {
            TargetType::Glob => Test::Glob(Glob::new(&text())),
            TargetType::Pcre => Test::Pcre(Box::new(regex(&text())?)),
            TargetType::List => Test::List(target.listed_ids().into_iter().collect()),
            TargetType::Grain => grains(How::Glob),
            TargetType::GrainPcre => grains(How::Pcre),
            TargetType::Pillar => pillar(How::Glob),
            TargetType::PillarPcre => pillar(How::Pcre),
            TargetType::PillarExact => pillar(How::Exact),
            TargetType::Compound => Test::Compound(compound::parse(&text())?),
            TargetType::Ipcidr => Test::Address(text()),
            TargetType::Nodegroup => return Err(InvalidTarget::Type("nodegroup".into())),
        }))
    }

    /// Gives the ids that can match at all, where the target names them: then nobody else has to be
    /// looked at.
    pub fn named_ids(&self) -> Option<Vec<&str>> {
        match &self.0 {
            Test::Glob(glob) => glob.literal().map(|id| vec![id]),
            Test::List(ids) => Some(ids.iter().map(String::as_str).collect()),
            _ => None,
        }
    }

    /// Says whether a minion is meant, as far as the master can know.
    ///
    /// # Errors
    /// A regular expression over grains or pillar is malformed.
    pub fn matches(&self, candidate: Candidate<'_>) -> Result<bool, InvalidTarget> {
        let id = candidate.id.as_str();
        Ok(match &self.0 {
            Test::Glob(glob) => glob.matches(id),
            Test::Pcre(regex) => regex.is_match(id).unwrap_or(false),
            Test::List(ids) => ids.contains(id),
            Test::Grains(pattern) => {
                matches_data(pattern, candidate.grains.map(|grains| &grains.0))?
            }
            Test::Pillar(pattern) => {
                matches_data(pattern, candidate.pillar.and_then(Value::as_map))?
            }
            Test::Address(network) => matches_address(candidate.grains, network),
            Test::Compound(expression) => expression.matches(candidate)?,
        })
    }
}

pub(super) fn regex(text: &str) -> Result<Regex, InvalidTarget> {
    let invalid = |why: String| InvalidTarget::Expression(text.to_owned(), why);
    if calls_a_group(text) {
        return Err(invalid("a group cannot be called in it".to_owned()));
    }
    Regex::new(&format!("^(?:{text})")).map_err(|error| invalid(error.to_string()))
}

/// Says whether an expression calls a group of its own: `\g1`, `(?1)`, `(?R)`, `(?&name)`,
/// `(?P>name)`. Python has no such calls. The engine here has, and an expression that calls itself
/// takes memory without end; a minion may write one into its `mine.get`.
fn calls_a_group(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '(']) {
        let behind = &rest[at..];
        if behind.starts_with("\\g") {
            return true;
        }
        if let Some(group) = behind.strip_prefix("(?") {
            let number = group.trim_start_matches(['+', '-']);
            let is_numbered = number.starts_with(|digit: char| digit.is_ascii_digit());
            if is_numbered || ["R", "&", "P>"].iter().any(|call| group.starts_with(call)) {
                return true;
            }
        }
        // What is escaped begins nothing.
        let length = if behind.starts_with('\\') { 2 } else { 1 };
        rest = behind
            .char_indices()
            .nth(length)
            .map_or("", |(next, _)| &behind[next..]);
    }
    false
}

/// Matches grains or pillar; what is not known matches nothing.
fn matches_data(pattern: &Pattern, data: Option<&Map>) -> Result<bool, InvalidTarget> {
    data.map_or(Ok(false), |data| pattern.matches(data))
}

fn matches_address(grains: Option<&Grains>, expression: &str) -> bool {
    let Some(grains) = grains else {
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
