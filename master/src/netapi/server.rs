//! Serves the API on the local socket.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::json;
use tokio::net::UnixListener;

use super::router;
use crate::shared::Shared;

/// The API cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve the API on {path}: {source}; is the directory (option sock_dir) writable?")]
pub struct ServeError {
    path: String,
    source: std::io::Error,
}

/// Binds the socket, readable and writable by the master's user alone, and serves until the task is dropped.
pub fn serve(shared: Arc<Shared>, path: &Path) -> Result<tokio::task::JoinHandle<()>, ServeError> {
    let failed = |source| ServeError {
        path: path.display().to_string(),
        source,
    };
    // The store's lock says that no other master runs: a socket file here is a dead one's.
    match rustix::fs::unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    rustix::fs::chmod(path, rustix::fs::Mode::from_raw_mode(0o600))
        .map_err(|error| failed(error.into()))?;
    let app = router(shared);
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the API stopped");
        }
    }))
}

/// `GET /health`: which master this is.
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Json<serde_json::Value> {
    let head = *shared.ledger.head().borrow();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "head": head,
        "config_dir": shared.config_dir,
    }))
}
