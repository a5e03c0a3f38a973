//! Finds chunks that wait for themselves.
//!
//! Salt notices at run time: it walks from chunk to what the chunk requires, and the one whose
//! requisite is already being walked fails with `Recursive requisite found`. The walk here finds
//! the same chunks.

use super::{Edge, RequisiteKind};

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Fresh,
    Active,
    Done,
}

/// Gives the indices of the chunks that close a circle, ascending.
pub(super) fn find(chunks: usize, edges: &[Edge]) -> Vec<usize> {
    let mut waits_for = vec![Vec::new(); chunks];
    for edge in edges.iter().filter(|edge| edge.kind.is_awaited()) {
        // A prereq turns the arrow round: what it names is what waits.
        let (waiting, awaited) = match edge.kind {
            RequisiteKind::Prereq => (edge.to, edge.from),
            _ => (edge.from, edge.to),
        };
        waits_for[waiting].push(awaited);
    }
    let mut marks = vec![Mark::Fresh; chunks];
    let mut found = Vec::new();
    for start in 0..chunks {
        walk(start, &waits_for, &mut marks, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Walks depth first, with a stack of its own: an SLS may chain more chunks than the thread's stack
/// holds.
fn walk(start: usize, waits_for: &[Vec<usize>], marks: &mut [Mark], found: &mut Vec<usize>) {
    if marks[start] != Mark::Fresh {
        return;
    }
    marks[start] = Mark::Active;
    let mut stack = vec![(start, 0)];
    while let Some((chunk, at)) = stack.pop() {
        let Some(&next) = waits_for[chunk].get(at) else {
            marks[chunk] = Mark::Done;
            continue;
        };
        stack.push((chunk, at + 1));
        match marks[next] {
            Mark::Active => found.push(chunk),
            Mark::Done => {}
            Mark::Fresh => {
                marks[next] = Mark::Active;
                stack.push((next, 0));
            }
        }
    }
}
