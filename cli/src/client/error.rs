//! What can go wrong between a client and the master.

use std::path::PathBuf;

use hyper::StatusCode;
use model::api::ErrorBody;

/// A question that got no useful answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody listens at the socket.
    #[error("no master answers at {socket}", socket = .socket.display())]
    Away {
        /// The socket.
        socket: PathBuf,
        /// Why it could not be reached.
        #[source]
        cause: std::io::Error,
    },
    /// The connection ended before the answer did.
    #[error("the master went away during {path}: {cause}")]
    Broken {
        /// What was asked.
        path: String,
        /// How it ended.
        cause: String,
    },
    /// The master said no.
    #[error("{}", said.error)]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// Why, and what to do next.
        said: ErrorBody,
    },
    /// A run was asked for without its name, and there is none.
    #[error("the master keeps no run")]
    NoRuns,
    /// The answer is not what this version of the client expects.
    #[error("the answer to {path} cannot be read: {cause}")]
    Unreadable {
        /// What was asked.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Error {
    /// Makes [`Error::Broken`].
    pub(super) fn broken(path: &str, cause: &dyn std::fmt::Display) -> Self {
        // The query says nothing to a person.
        let path = path.split('?').next().unwrap_or_default();
        Self::Broken {
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }

    /// Makes [`Error::Unreadable`].
    pub(super) fn unreadable(path: &str, cause: impl std::fmt::Display) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }

    /// Says whether asking again may help: the master is away or busy, perhaps only for a restart.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Away { .. } | Self::Broken { .. } => true,
            Self::Refused { status, .. } => *status == StatusCode::SERVICE_UNAVAILABLE,
            Self::NoRuns | Self::Unreadable { .. } => false,
        }
    }

    /// Says whether the master knows no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}
