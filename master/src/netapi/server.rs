//! Serves the API on the local socket.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use serde_json::json;
use storage::disk::DiskRead;
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

/// Who is at the other end of a connection, as the system says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self {
            uid: stream
                .io()
                .peer_cred()
                .ok()
                .map(|credentials| credentials.uid()),
        }
    }
}

/// Who asks, as the request claims it; see [`Peer::user`].
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct By {
    #[serde(default)]
    pub(super) by: String,
}

impl Peer {
    /// Names the user. What the request says counts only from root, for `sudo_NAME`.
    pub(super) fn user(self, claimed: &str, disk: &dyn DiskRead) -> String {
        if self.uid == Some(0) && claimed.starts_with("sudo_") {
            return claimed.to_owned();
        }
        let Some(uid) = self.uid else {
            return "unknown".into();
        };
        let passwd = disk
            .read(Path::new("/etc/passwd"))
            .ok()
            .flatten()
            .unwrap_or_default();
        let passwd = String::from_utf8_lossy(&passwd);
        let name = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let is_user = fields.nth(1)?.parse() == Ok(uid);
            is_user.then(|| name.to_owned())
        });
        name.unwrap_or_else(|| uid.to_string())
    }
}

/// Binds the socket, readable and writable by the master's user alone, and serves until the task is
/// dropped.
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
    let app = router(shared).into_make_service_with_connect_info::<Peer>();
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
        "refused": shared.refusals.counts(),
    }))
}
