//! `fileserver.*`: what minions may fetch.

use std::sync::Arc;

use model::Value;

use super::{Arguments, RunnerError};
use crate::shared::Shared;

pub(super) async fn call(
    shared: &Arc<Shared>,
    function: &str,
    arguments: Arguments,
) -> Result<Value, RunnerError> {
    let saltenv = arguments
        .text(0, "saltenv")
        .unwrap_or_else(|| "base".into());
    let files = Arc::clone(&shared.files);
    let function = function.to_owned();
    let names = tokio::task::spawn_blocking(move || match function.as_str() {
        "envs" => Some(Ok(files.envs())),
        "file_list" => Some(files.list(&saltenv, "")),
        "dir_list" => Some(files.dir_list(&saltenv, "")),
        // Files are read where they are: there is nothing to bring up to date.
        "update" => Some(Ok(Vec::new())),
        _ => None,
    });
    match names
        .await
        .map_err(|error| RunnerError::Failed(error.to_string()))?
    {
        None => Err(arguments.unknown()),
        Some(Ok(names)) => Ok(names.into_iter().map(Value::from).collect()),
        Some(Err(error)) => Err(RunnerError::Failed(error.to_string())),
    }
}
