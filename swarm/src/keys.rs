//! The minions' key pairs: real RSA keys, kept from one run to the next because making one costs a
//! tenth of a second.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minion_protocol::crypt::MasterKey;

/// A key pair and its token.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The pair.
    pub(crate) key: Arc<MasterKey>,
    /// X9.31 of "salt", which minions show with their requests.
    pub(crate) token: Arc<[u8]>,
}

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// A file or directory.
    #[error("{}: {source}; name another place with --keys", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that holds no key.
    #[error("{}: {source}; remove the file and it is made anew", path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        source: minion_protocol::crypt::Error,
    },
    /// OpenSSL made no key.
    #[error("no key could be made: {0}")]
    Crypt(#[from] minion_protocol::crypt::Error),
}

/// Opens or makes `count` key pairs below `directory`.
pub(crate) fn open(directory: &Path, count: usize, bits: u32) -> Result<Vec<Identity>, KeyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| KeyError::Io { path, source }
    };
    fs::create_dir_all(directory).map_err(failed(directory))?;
    let mut identities = Vec::with_capacity(count);
    for index in 0..count {
        let path = directory.join(format!("{bits}-{index:05}.pem"));
        let key = match fs::read_to_string(&path) {
            Ok(text) => MasterKey::from_pem(&text).map_err(|source| KeyError::NoKey {
                path: path.clone(),
                source,
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = MasterKey::generate(bits)?;
                fs::write(&path, key.to_pem()?).map_err(failed(&path))?;
                key
            }
            Err(error) => return Err(failed(&path)(error)),
        };
        let token = key.x931_sign(b"salt")?.into();
        identities.push(Identity {
            key: Arc::new(key),
            token,
        });
    }
    Ok(identities)
}

/// Writes public keys where a master keeps accepted ones, as an operator who knows the keys
/// beforehand does.
pub(crate) fn accept<'a>(
    pki_dir: &Path,
    keys: impl Iterator<Item = (&'a str, &'a Identity)>,
) -> Result<(), KeyError> {
    let directory = pki_dir.join("minions");
    fs::create_dir_all(&directory).map_err(|source| KeyError::Io {
        path: directory.clone(),
        source,
    })?;
    for (id, identity) in keys {
        let path = directory.join(id);
        fs::write(&path, identity.key.public_pem())
            .map_err(|source| KeyError::Io { path, source })?;
    }
    Ok(())
}
