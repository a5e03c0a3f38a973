//! Checksums of files, kept as long as the file stays the same.
//!
//! A thousand minions that ask for one file cost one reading. The same means: size, inode, and the
//! times of its content and its metadata. A file changed a moment ago is not kept: it may change
//! again within the clock's tick.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;
use openssl::hash::{Hasher, MessageDigest};
use storage::Error;
use storage::disk::{DiskRead, Stamp};

use super::Found;
use crate::world::Clock;

/// Bytes read at once while hashing.
const PIECE_BYTES: usize = 1024 * 1024;

/// Checksums kept; at about 200 bytes each this is 13 MB.
const HASHES_KEPT_MAX: usize = 65_536;

/// A file younger than this is read again: file systems' times tick in steps of up to 2 s.
const SETTLED_MILLIS: u64 = 2_000;

/// The option `hash_type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HashType {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256, the default.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashType {
    const ALL: [Self; 6] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// Reads the option's value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|hash_type| hash_type.name() == name)
    }

    /// Gives the option's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// Checksums by path.
pub(super) struct KeptHashes {
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<PathBuf, (Stamp, String)>>,
}

impl KeptHashes {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// Gives the checksum of a file that was found, in hexadecimal; `None` if it is gone.
    pub(super) fn of(
        &self,
        found: &Found,
        hash_type: HashType,
        disk: &dyn DiskRead,
    ) -> Result<Option<String>, Error> {
        let stamp = found.metadata.stamp();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, hash)) = kept.get(&found.path).filter(|(kept, _)| *kept == stamp) {
                return Ok(Some(hash.clone()));
            }
        }
        let Some(hash) = read_and_hash(found, hash_type, disk)? else {
            return Ok(None);
        };
        if may_be_kept(found, self.clock.now(), disk)? {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= HASHES_KEPT_MAX {
                kept.clear();
            }
            kept.insert(found.path.clone(), (stamp, hash.clone()));
        }
        Ok(Some(hash))
    }
}

/// Says whether what was just read of a file may be kept: the file is as it was found, and was not
/// changed a moment ago.
pub(super) fn may_be_kept(
    found: &Found,
    now: Timestamp,
    disk: &dyn DiskRead,
) -> Result<bool, Error> {
    if !is_settled(found, now) {
        return Ok(false);
    }
    let after = disk.metadata(&found.path)?;
    Ok(after.is_some_and(|after| after.stamp() == found.metadata.stamp()))
}

/// Says whether the last change of a file is long enough ago for the next to have another time.
pub(super) fn is_settled(found: &Found, now: Timestamp) -> bool {
    let metadata = &found.metadata;
    let changed_secs = metadata.modified_secs.max(metadata.changed_secs);
    let changed = Timestamp::from_secs(u64::try_from(changed_secs).unwrap_or(0));
    now.millis_since(changed) > SETTLED_MILLIS
}

fn read_and_hash(
    found: &Found,
    hash_type: HashType,
    disk: &dyn DiskRead,
) -> Result<Option<String>, Error> {
    let broken = |source: openssl::error::ErrorStack| {
        Error::from_io("hash", &found.path, std::io::Error::other(source))
    };
    let mut hasher = Hasher::new(hash_type.digest()).map_err(broken)?;
    let mut offset = 0_u64;
    loop {
        let Some(piece) = disk.read_range(&found.path, offset, PIECE_BYTES)? else {
            return Ok(None);
        };
        hasher.update(&piece).map_err(broken)?;
        if piece.len() < PIECE_BYTES {
            break;
        }
        offset = offset.saturating_add(piece.len() as u64);
    }
    let digest = hasher.finish().map_err(broken)?;
    Ok(Some(
        digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}
