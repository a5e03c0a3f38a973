//! `_file_*`, `_dir_list`, `_symlink_list`, `_serve_file`: what minions fetch.

use std::sync::Arc;

use minion_protocol::Reply;
use minion_protocol::load::file::{ListLoad, PathLoad, RecvLoad, ServeLoad};
use model::{Map, Value};

use crate::fileserver::{FileServer, Found};
use crate::shared::Shared;

/// Which names a list holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listing {
    /// `_file_list`.
    Files,
    /// `_dir_list`.
    Dirs,
    /// `_file_list_emptydirs`.
    EmptyDirs,
    /// `_symlink_list`.
    Symlinks,
}

/// Names the environments.
pub(crate) fn envs(shared: &Arc<Shared>) -> Reply {
    Reply::Value(shared.files.envs().into_iter().map(Value::from).collect())
}

/// Lists names of one kind.
pub(crate) async fn list(shared: &Arc<Shared>, listing: Listing, load: ListLoad) -> Reply {
    on_disk(shared, move |files| {
        let (env, prefix) = (&load.saltenv, &load.prefix);
        let names = match listing {
            Listing::Files => files.list(env, prefix)?,
            Listing::Dirs => files.dir_list(env, prefix)?,
            Listing::EmptyDirs => files.emptydirs(env, prefix)?,
            Listing::Symlinks => return files.symlink_list(env, prefix).map(Value::Map),
        };
        Ok(names.into_iter().map(Value::from).collect())
    })
    .await
}

/// Gives a file's checksum; an empty text if there is no such file.
pub(crate) async fn hash(shared: &Arc<Shared>, load: PathLoad) -> Reply {
    on_disk(shared, move |files| {
        let hash = files.hash(&load.path, &load.saltenv)?;
        Ok(hash.map_or(Value::str(""), |hsum| hash_map(files, hsum)))
    })
    .await
}

/// Gives a file's checksum and what the disk says of it.
pub(crate) async fn hash_and_stat(shared: &Arc<Shared>, load: PathLoad) -> Reply {
    on_disk(shared, move |files| {
        let missing = Value::List(vec![Value::str(""), Value::Nil]);
        let Some(found) = files.find(&load.path, &load.saltenv)? else {
            return Ok(missing);
        };
        let Some(hsum) = files.hash_of(&found)? else {
            return Ok(missing);
        };
        Ok(Value::List(vec![hash_map(files, hsum), stat(&found)]))
    })
    .await
}

/// Finds a file. One that is not there, as each directory SLS asks for first, is answered empty.
pub(crate) async fn find(shared: &Arc<Shared>, load: PathLoad) -> Reply {
    on_disk(shared, move |files| {
        let found = files.find(&load.path, &load.saltenv)?;
        let answer = match found {
            None => Map::from([("path", ""), ("rel", "")]),
            Some(found) => Map::from([
                (
                    "path",
                    Value::Str(found.path.to_string_lossy().into_owned()),
                ),
                ("rel", Value::str(&found.rel)),
                ("stat", stat(&found)),
                ("back", Value::str(found.back)),
            ]),
        };
        Ok(answer.into())
    })
    .await
}

/// Gives a piece of a file. Call it where blocking is allowed.
pub(crate) fn serve(files: &FileServer, load: &ServeLoad) -> Reply {
    let gzip = load.gzip.map_or(0, u32::from);
    match files.piece(&load.path, &load.saltenv, load.loc, gzip) {
        Ok(Some(piece)) => Reply::Piece(piece),
        Ok(None) => Reply::Value(Map::from([("data", ""), ("dest", "")]).into()),
        Err(error) => broken(&error),
    }
}

/// Refuses a file that a minion pushes: the option `file_recv` is off, as it is in Salt unless
/// asked for, and nothing but refusing is supported.
pub(crate) async fn receive(_shared: &Arc<Shared>, load: RecvLoad) -> Reply {
    tracing::info!(id = %load.id, "a file was pushed and refused: file_recv is not supported");
    Reply::Value(false.into())
}

fn hash_map(files: &FileServer, hsum: String) -> Value {
    Map::from([
        ("hsum", Value::Str(hsum)),
        ("hash_type", Value::str(files.hash_type())),
    ])
    .into()
}

/// The ten numbers of Python's `os.stat`.
fn stat(found: &Found) -> Value {
    found.metadata.stat().into_iter().map(Value::from).collect()
}

/// Answers from the disk, where blocking is allowed.
async fn on_disk(
    shared: &Arc<Shared>,
    answer: impl FnOnce(&FileServer) -> Result<Value, storage::Error> + Send + 'static,
) -> Reply {
    let files = Arc::clone(&shared.files);
    match tokio::task::spawn_blocking(move || answer(&files)).await {
        Ok(Ok(value)) => Reply::Value(value),
        Ok(Err(error)) => broken(&error),
        Err(_) => Reply::Broken,
    }
}

fn broken(error: &storage::Error) -> Reply {
    tracing::error!(%error, "a file could not be served");
    Reply::Broken
}
