//! What can go wrong, in the real program's words where it has words, and its exit codes.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;

/// An error of the stand-in; its text is what standard error gets.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command line is wrong; the text says how.
    #[error("{0}")]
    Usage(String),
    /// A value that no cluster would accept.
    #[error("{0}\nTo see the stack trace of this error execute with --v=5 or higher")]
    Validation(String),
    /// The node is not in a state to do this; `[ERROR NAME]: text` each.
    #[error(
        "error execution phase preflight: [preflight] Some fatal errors occurred:\n{}\n\
         [preflight] If you know what you are doing, you can make a check non-fatal with \
         `--ignore-preflight-errors=...`", .0.join("\n")
    )]
    Preflight(Vec<String>),
    /// The other side, or what it said, is not acceptable.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written.
    #[error("open {}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The endpoint could not be reached, or went away.
    #[error("{endpoint}: {source}")]
    Network {
        endpoint: String,
        source: std::io::Error,
    },
    /// The TLS handshake failed.
    #[error("{endpoint}: tls: {reason}")]
    Tls { endpoint: String, reason: String },
    /// A key, certificate or signature could not be made or read.
    #[error("crypto: {0}")]
    Crypto(#[from] ErrorStack),
    /// A file of ours holds something else than we wrote.
    #[error("{}: {reason}", path.display())]
    State { path: PathBuf, reason: String },
}

impl Error {
    /// Gives the real program's exit code for this kind of error.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Preflight(_) => 2,
            Self::Validation(_) => 3,
            _ => 1,
        }
    }

    /// Makes the error of a file.
    pub(super) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Makes the error of a connection.
    pub(super) fn network(endpoint: impl ToString, source: std::io::Error) -> Self {
        Self::Network {
            endpoint: endpoint.to_string(),
            source,
        }
    }
}
