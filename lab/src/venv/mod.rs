//! Unmodified minions from PyPI in cached virtualenvs, for the lab and for every test with a real
//! minion.
//!
//! One directory per release and python, `<cache>/<version>-py<X.Y>`, is built once: beside its
//! place, under a file lock, and renamed when it is whole, so neither a crash nor two builders
//! leave a half one. A release is installed with exactly the packages of `pins`, so that the same
//! minion runs tomorrow.

mod build;
mod pins;
mod python;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use build::{PROGRAMS, launcher};
pub use python::Python;

/// A release of the minion that is known to install and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minion {
    version: &'static str,
}

/// An installed minion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Venv {
    /// The directory of the virtualenv.
    pub dir: PathBuf,
    /// Where `salt-minion` and `salt-call` are.
    pub bin: PathBuf,
    /// The virtualenv's python.
    pub python: PathBuf,
    /// The installation of python the virtualenv was made from; it has to be there for the
    /// virtualenv to run.
    pub base: PathBuf,
}

/// Why a minion cannot be installed. Each is one line that names the fix.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// Nobody has found the packages for this release.
    #[error(
        "minion {version} is not one of the known releases ({known}); \
         add its packages to lab/src/venv/pins.rs"
    )]
    UnknownRelease {
        /// The release asked for.
        version: String,
        /// The known ones.
        known: String,
    },
    /// No python that the release runs on is there. Tests turn this into a named skip.
    #[error(
        "minion {version} needs {wanted}, and none is on PATH or in ~/.pyenv/versions; \
             install one (Debian 12: apt-get install python3 python3-venv) or name it with --python"
    )]
    NoPython {
        /// The release asked for.
        version: String,
        /// The pythons it runs on.
        wanted: String,
    },
    /// The python is there, but cannot make virtualenvs.
    #[error("{python} cannot make a virtualenv: {reason}; apt-get install python3-venv")]
    NoVenv {
        /// The python.
        python: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The packages did not arrive.
    #[error(
        "cannot download minion {version} from PyPI: {reason}; \
             check the network, or set PIP_INDEX_URL or HTTPS_PROXY"
    )]
    NoNetwork {
        /// The release asked for.
        version: String,
        /// pip's last complaint.
        reason: String,
    },
    /// pip failed for another reason.
    #[error("cannot install minion {version}: {reason}; the whole of it is in {log}")]
    Install {
        /// The release asked for.
        version: String,
        /// pip's last complaint.
        reason: String,
        /// Where pip's output is.
        log: PathBuf,
    },
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Minion {
    /// The releases that can be installed, newest first.
    pub fn known() -> impl Iterator<Item = Minion> {
        pins::RELEASES.iter().map(|release| Minion {
            version: release.version,
        })
    }

    /// Finds a release by its version.
    ///
    /// # Errors
    /// [`VenvError::UnknownRelease`].
    pub fn release(version: &str) -> Result<Minion, VenvError> {
        pins::release(version).map(|release| Minion {
            version: release.version,
        })
    }

    /// The release's version.
    pub fn version(self) -> &'static str {
        self.version
    }

    /// Installs a release into the cache, or finds it there.
    ///
    /// # Errors Every [`VenvError`]; [`VenvError::NoPython`] where the machine has no python for
    /// the release.
    pub fn install(version: &str, cache: &Path) -> Result<Venv, VenvError> {
        Self::install_with(version, cache, &[])
    }

    /// As [`Minion::install`], with pythons to try before those found on the machine.
    ///
    /// # Errors
    /// As [`Minion::install`].
    pub fn install_with(
        version: &str,
        cache: &Path,
        pythons: &[PathBuf],
    ) -> Result<Venv, VenvError> {
        let release = pins::release(version)?;
        let python = python::find(release, pythons)?;
        build::install(release, &python, cache)
    }

    /// Finds the python an install would use.
    ///
    /// # Errors
    /// [`VenvError::UnknownRelease`] and [`VenvError::NoPython`].
    pub fn python(version: &str) -> Result<Python, VenvError> {
        python::find(pins::release(version)?, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_release_is_named_with_the_known_ones() {
        let error =
            Minion::install("1.2.3", Path::new("/nonexistent")).expect_err("no such release");
        let text = error.to_string();
        assert!(text.contains("1.2.3") && text.contains("3006.30"), "{text}");
    }

    #[test]
    fn every_known_release_is_found_by_its_version() {
        for minion in Minion::known() {
            assert_eq!(Minion::release(minion.version()).expect("known"), minion);
        }
    }
}
