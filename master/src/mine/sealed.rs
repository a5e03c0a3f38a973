//! Mine values as blobs, so that what was deleted is nowhere.
//!
//! The log and the snapshots hold only a blob's id; the value goes with the blob's file. Each blob
//! begins with chance: two minions never share one, and nobody can try out values against an id
//! that stays in the log.

use std::collections::HashSet;

use model::{Map, Value};
use storage::{BlobId, Blobs};

use super::View;
use crate::world::Entropy;

/// Chance before the value: 128 bits cannot be tried out.
const CHANCE_BYTES: usize = 16;

/// One value of the mine, durable in a blob that nothing refers to yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The function, or its alias.
    pub fun: String,
    /// The value.
    pub value: Value,
    /// The blob's id.
    pub blob: String,
}

/// Writes values into blobs. Blocks on the disk. If one cannot be written, none is left.
pub fn put(
    blobs: &dyn Blobs,
    chance: &dyn Entropy,
    data: Map,
) -> Result<Vec<Kept>, storage::Error> {
    let mut kept = Vec::with_capacity(data.len());
    for (fun, value) in data {
        let mut bytes = vec![0; CHANCE_BYTES];
        chance.fill(&mut bytes);
        let encoded = rmp_serde::to_vec_named(&value);
        bytes.extend(encoded.expect("a value is made of what msgpack can write"));
        match blobs.put(&bytes) {
            Ok(blob) => kept.push(Kept {
                fun: fun.to_text(),
                value,
                blob: blob.to_string(),
            }),
            Err(error) => {
                remove(blobs, kept.into_iter().map(|kept| kept.blob));
                return Err(error);
            }
        }
    }
    Ok(kept)
}

/// Removes blobs. One that cannot be removed is told, and removed at the next start.
pub fn remove(blobs: &dyn Blobs, ids: impl IntoIterator<Item = String>) {
    for id in ids {
        let removed = id.parse::<BlobId>().map(|id| blobs.remove(&id));
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "a deleted mine value goes from the disk at the next start");
        }
    }
}

/// Gives the view the values of its blobs. One that is gone or damaged is told; its minion sends it
/// again.
pub(crate) fn load(view: &mut View, blobs: &dyn Blobs) {
    let ids: Vec<String> = view.blobs().cloned().collect();
    for id in ids {
        match read(blobs, &id) {
            Ok(value) => view.hold(id, value),
            Err(problem) => {
                tracing::error!(
                    blob = %id, %problem,
                    "a mine value cannot be read; its minion sends it again"
                );
            }
        }
    }
    // What earlier records dropped was removed when they were new, or is by `sweep`.
    view.take_unneeded();
}

fn read(blobs: &dyn Blobs, id: &str) -> Result<Value, String> {
    let id: BlobId = id.parse().map_err(|_| "its id is no blob id".to_owned())?;
    let bytes = blobs.get(&id).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("it is not there")?;
    let encoded = bytes.get(CHANCE_BYTES..).ok_or("it is too short")?;
    rmp_serde::from_slice(encoded).map_err(|error| error.to_string())
}

/// Removes the blobs that neither the mine nor one of `others` refers to: what a crash left between
/// a record and what follows from it. Only for the start, when nobody writes blobs.
pub fn sweep<'a>(
    view: &'a View,
    others: impl Iterator<Item = &'a String>,
    blobs: &dyn Blobs,
) -> Result<(), storage::Error> {
    let needed: HashSet<&String> = view.blobs().chain(others).collect();
    let all = blobs.list()?.into_iter().map(|id| id.to_string());
    remove(blobs, all.filter(|id| !needed.contains(id)));
    Ok(())
}
