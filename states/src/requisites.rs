//! Which chunk waits for which: requisites looked up among the chunks.
//!
//! A reference is `state: id-or-name`, `sls: name`, `id: name` or a bare text, each of them a glob.
//! What a result means for the waiting chunk (run, skip, fail) is the orchestrator's business, not
//! decided here.

use model::{Glob, Map, Value};
use serde::{Deserialize, Serialize};

use crate::low_chunk::LowChunk;

mod recursion;

/// How one chunk depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequisiteKind {
    /// Runs after all of them succeeded.
    Require,
    /// As require; reacts to their changes.
    Watch,
    /// Runs if one of them changed something.
    Onchanges,
    /// Runs if one of them failed.
    Onfail,
    /// Runs *before* them, if they would change something.
    Prereq,
    /// Reacts to their changes when everything else is done.
    Listen,
    /// Takes their arguments; of no meaning once compiled.
    Use,
    /// Runs after one of them succeeded.
    RequireAny,
    /// As require_any; reacts to changes.
    WatchAny,
    /// Runs if any of them changed something.
    OnchangesAny,
    /// Runs if any of them failed.
    OnfailAny,
    /// Runs if all of them failed.
    OnfailAll,
}

impl RequisiteKind {
    /// Every kind, in the order in which Salt looks at them.
    pub const ALL: [Self; 12] = [
        Self::Require,
        Self::RequireAny,
        Self::Watch,
        Self::WatchAny,
        Self::Prereq,
        Self::Onfail,
        Self::OnfailAny,
        Self::OnfailAll,
        Self::Onchanges,
        Self::OnchangesAny,
        Self::Listen,
        Self::Use,
    ];

    /// Gives the keyword in an SLS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Watch => "watch",
            Self::Onchanges => "onchanges",
            Self::Onfail => "onfail",
            Self::Prereq => "prereq",
            Self::Listen => "listen",
            Self::Use => "use",
            Self::RequireAny => "require_any",
            Self::WatchAny => "watch_any",
            Self::OnchangesAny => "onchanges_any",
            Self::OnfailAny => "onfail_any",
            Self::OnfailAll => "onfail_all",
        }
    }

    /// Says whether a chunk with this requisite waits for what it names. Listen and use do not.
    pub fn is_awaited(self) -> bool {
        !matches!(self, Self::Listen | Self::Use)
    }
}

/// One resolved requisite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The kind.
    pub kind: RequisiteKind,
    /// The index of the chunk that has the requisite.
    pub from: usize,
    /// The index of the chunk it names.
    pub to: usize,
}

/// What is wrong with the requisites of one chunk. Salt fails this chunk alone, when it comes to
/// run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The index of the chunk.
    pub chunk: usize,
    /// The key of the chunk.
    pub key: String,
    /// The comment Salt gives as the state's result.
    pub comment: String,
}

/// Requisites that cannot be met by any order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct Error {
    /// At least one, by chunk.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("{}: {}", problem.key, problem.comment);
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Edges and problems side by side, for a caller that runs what can be run, as Salt does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The edges, by chunk, then kind, then as written.
    pub edges: Vec<Edge>,
    /// Chunks that name something unknown, or wait for themselves.
    pub problems: Vec<Problem>,
}

/// Resolves the requisites of all chunks; the first unknown or recursive one makes the whole an
/// error.
///
/// # Errors
/// Salt's comments: `The following requisites were not found:` and `Recursive requisite found`.
pub fn graph(chunks: &[LowChunk]) -> Result<Vec<Edge>, Error> {
    let resolved = resolve(chunks, &[]);
    if resolved.problems.is_empty() {
        Ok(resolved.edges)
    } else {
        Err(Error {
            problems: resolved.problems,
        })
    }
}

/// Resolves the requisites of all chunks. `processed_sls` are the SLS that were read: one without a
/// single chunk still satisfies `sls: NAME`.
pub fn resolve(chunks: &[LowChunk], processed_sls: &[String]) -> Resolved {
    let mut resolved = Resolved::default();
    for (from, chunk) in chunks.iter().enumerate() {
        let mut missing = Vec::new();
        for kind in RequisiteKind::ALL {
            for reference in references(chunk, kind) {
                let found = find(kind, &reference, chunks);
                if found.is_empty() && kind.is_awaited() && !reference.is_read(processed_sls) {
                    missing.push((kind, reference));
                    continue;
                }
                let edges = found.into_iter().map(|to| Edge { kind, from, to });
                resolved.edges.extend(edges);
            }
        }
        resolved.edges.extend(listen_in(chunks, from));
        if !missing.is_empty() {
            resolved.problems.push(Problem {
                chunk: from,
                key: chunk.key(),
                comment: not_found(&missing),
            });
        }
    }
    for chunk in recursion::find(chunks.len(), &resolved.edges) {
        resolved.problems.push(Problem {
            chunk,
            key: chunks[chunk].key(),
            comment: "Recursive requisite found".into(),
        });
    }
    resolved.problems.sort_by_key(|problem| problem.chunk);
    resolved
}

/// One entry of a requisite list: `pkg: vim`, or a bare `vim`.
struct Reference {
    state: String,
    target: String,
}

impl Reference {
    fn is_read(&self, processed_sls: &[String]) -> bool {
        let glob = Glob::new(&self.target);
        self.state == "sls" && processed_sls.iter().any(|sls| glob.matches(sls))
    }
}

/// Reads the list of one kind. A null target counts for nothing, as in Salt; a function after the
/// state (`pkg.installed: vim`) is cut off.
fn references(chunk: &LowChunk, kind: RequisiteKind) -> Vec<Reference> {
    references_under(chunk, kind.as_str())
}

fn references_under(chunk: &LowChunk, keyword: &str) -> Vec<Reference> {
    let Some(Value::List(items)) = chunk.args.get(keyword) else {
        return Vec::new();
    };
    let read = |item: &Value| match item {
        Value::Str(target) => Some(Reference {
            state: "id".into(),
            target: target.clone(),
        }),
        Value::Map(map) => reference_of(map),
        _ => None,
    };
    items.iter().filter_map(read).collect()
}

fn reference_of(map: &Map) -> Option<Reference> {
    let (state, target) = map.get_index(0)?;
    if target.is_nil() {
        return None;
    }
    let state = state.to_text();
    let state = state.split('.').next().unwrap_or_default();
    Some(Reference {
        state: state.to_owned(),
        target: target.to_text(),
    })
}

fn find(kind: RequisiteKind, reference: &Reference, chunks: &[LowChunk]) -> Vec<usize> {
    let target = Glob::new(&reference.target);
    // A listen is looked up after the run, letter by letter.
    let is_exact = kind == RequisiteKind::Listen;
    let matches = |text: &str| {
        if is_exact {
            text == reference.target
        } else {
            target.matches(text)
        }
    };
    let is_meant = |chunk: &LowChunk| match reference.state.as_str() {
        "sls" if !is_exact => matches(&chunk.sls),
        state => {
            (state == "id" || chunk.state == state) && (matches(&chunk.name) || matches(&chunk.id))
        }
    };
    let meant = chunks
        .iter()
        .enumerate()
        .filter(|(_, chunk)| is_meant(chunk));
    meant.map(|(index, _)| index).collect()
}

/// Gives the edges of a `listen_in`: what it names listens to its chunk. The compiler rewrites
/// every other `_in`; this one stays in the chunk until the end of the run.
fn listen_in(chunks: &[LowChunk], to: usize) -> Vec<Edge> {
    let listeners = references_under(&chunks[to], "listen_in").into_iter();
    let found = listeners.flat_map(|reference| find(RequisiteKind::Listen, &reference, chunks));
    found
        .map(|from| Edge {
            kind: RequisiteKind::Listen,
            from,
            to,
        })
        .collect()
}

/// Writes the comment of a state whose requisites do not exist, with Salt's indentation.
fn not_found(missing: &[(RequisiteKind, Reference)]) -> String {
    let mut comment = String::from("The following requisites were not found:\n");
    let mut last = None;
    for (kind, reference) in missing {
        if last != Some(*kind) {
            comment.push_str(&format!("{:19}{}:\n", "", kind.as_str()));
            last = Some(*kind);
        }
        let Reference { state, target } = reference;
        comment.push_str(&format!("{:23}{state}: {target}\n", ""));
    }
    comment
}

#[cfg(test)]
mod tests;
