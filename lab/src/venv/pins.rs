//! The packages of each minion release, to the exact version: the table to edit for a new release.
//!
//! Salt's own list is not used: it asks for the newest of everything (a release of years ago breaks
//! with that) and for much that only a master needs. These were found by trying: the minion starts,
//! answers, and applies states.

use super::VenvError;

/// One release and what it needs.
#[derive(Debug)]
pub(super) struct Release {
    /// As on PyPI.
    pub(super) version: &'static str,
    /// The pythons it runs on with these packages, the preferred one first.
    pub(super) pythons: &'static [&'static str],
    /// Its packages, as pip takes them.
    pub(super) packages: &'static [&'static str],
}

/// What releases since 3006.20 agree on: they follow the newest packages.
const MODERN: &[&str] = &[
    "certifi==2026.10.18",
    "cffi==2.1.1",
    "charset-normalizer==3.5.2",
    "contextvars==2.4",
    "cryptography==50.0.2",
    "distro==1.9.0",
    "idna==3.20",
    "immutables==0.21",
    "jinja2==3.1.6",
    "jmespath==1.1.0",
    "looseversion==1.3.0",
    "markupsafe==3.0.4",
    "msgpack==1.2.4",
    "packaging==26.3",
    "psutil==7.2.2",
    "pycparser==3.12",
    "pycryptodomex==3.24.2",
    "pyyaml==6.0.3",
    "pyzmq==27.3.0",
    "requests==2.34.2",
    "setproctitle==1.3.8",
    "tornado==6.6.1",
    "urllib3==2.8.0",
];

/// Releases with tornado inside, on the python of their age: they ask for msgpack before 1.0.
const PYTHON_37: &[&str] = &[
    "certifi==2023.7.22",
    "charset-normalizer==3.1.0",
    "distro==1.9.0",
    "idna==3.4",
    "jinja2==3.0.3",
    "markupsafe==2.0.1",
    "msgpack==0.6.2",
    "pycryptodomex==3.18.0",
    "pyyaml==6.0.1",
    "pyzmq==23.2.1",
    "requests==2.31.0",
    "setuptools==47.1.0",
    "urllib3==1.26.18",
];

/// The last release before tornado moved inside. Its pyzmq has libzmq 4.3.2, which speaks ZMTP 3.0:
/// the one peer of the matrix that does.
const PYTHON_37_TORNADO: &[&str] = &[
    "certifi==2023.7.22",
    "charset-normalizer==3.1.0",
    "distro==1.9.0",
    "idna==3.4",
    "jinja2==3.0.3",
    "markupsafe==2.0.1",
    "msgpack==0.6.2",
    "pycryptodomex==3.18.0",
    "pyyaml==6.0.1",
    "pyzmq==19.0.2",
    "requests==2.31.0",
    "setuptools==47.1.0",
    "tornado==4.5.3",
    "urllib3==1.26.18",
];

/// The releases, newest first.
pub(super) const RELEASES: &[Release] = &[
    Release {
        version: "3008.5",
        pythons: &["3.11", "3.12"],
        packages: MODERN,
    },
    Release {
        version: "3007.17",
        pythons: &["3.11"],
        packages: MODERN,
    },
    Release {
        version: "3006.30",
        pythons: &["3.11", "3.12"],
        packages: MODERN,
    },
    Release {
        version: "3006.9",
        pythons: &["3.11"],
        packages: MODERN,
    },
    Release {
        version: "3005.5",
        pythons: &["3.7"],
        packages: PYTHON_37,
    },
    Release {
        version: "3004.2",
        pythons: &["3.7"],
        packages: PYTHON_37,
    },
    Release {
        version: "3002.9",
        pythons: &["3.7"],
        packages: PYTHON_37,
    },
    Release {
        version: "3000.9",
        pythons: &["3.7"],
        packages: PYTHON_37,
    },
    Release {
        version: "2019.2.8",
        pythons: &["3.7"],
        packages: PYTHON_37_TORNADO,
    },
];

/// Finds a release by version.
pub(super) fn release(version: &str) -> Result<&'static Release, VenvError> {
    RELEASES
        .iter()
        .find(|release| release.version == version)
        .ok_or_else(|| VenvError::UnknownRelease {
            version: version.to_owned(),
            known: RELEASES
                .iter()
                .map(|release| release.version)
                .collect::<Vec<_>>()
                .join(", "),
        })
}
