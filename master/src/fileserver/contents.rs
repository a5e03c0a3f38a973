//! The contents of small files, kept as long as the file stays the same.
//!
//! Minions ask for the same few files again and again, and a pillar is checked against the files it
//! was made of: that costs a look at each, not a reading. The same means what it means for
//! checksums ([`super::hashes`]). A file of some pieces is kept beside them, so that the pieces
//! of one fetch are those of one reading.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use storage::Error;
use storage::disk::{DiskRead, Stamp};

use super::Found;
use super::hashes::{is_settled, may_be_kept};
use crate::world::Clock;

/// Bytes of a small file.
const SMALL_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of small files kept in all: a thousand of an SLS tree. When they are more, all are read
/// anew.
const SMALL_KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of a file of some pieces. Of a larger one each piece is read when it is asked for.
const LARGE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Bytes of such files kept in all: what a crowd fetches at the same time.
const LARGE_KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Contents by path.
pub(crate) struct KeptContents {
    clock: Arc<dyn Clock>,
    file_bytes_max: u64,
    kept_bytes_max: usize,
    kept: Mutex<Store>,
}

#[derive(Default)]
struct Store {
    by_path: HashMap<PathBuf, (Stamp, Arc<[u8]>)>,
    bytes: usize,
}

impl KeptContents {
    /// Keeps small files.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            file_bytes_max: SMALL_BYTES_MAX,
            kept_bytes_max: SMALL_KEPT_BYTES_MAX,
            kept: Mutex::default(),
        }
    }

    /// Keeps files of some pieces.
    pub(super) fn large(clock: Arc<dyn Clock>) -> Self {
        Self {
            file_bytes_max: LARGE_BYTES_MAX,
            kept_bytes_max: LARGE_KEPT_BYTES_MAX,
            ..Self::new(clock)
        }
    }

    /// Says whether a file is small enough to be kept.
    pub(super) fn is_for(&self, found: &Found) -> bool {
        found.metadata.bytes <= self.file_bytes_max
    }

    /// Says whether a file that nobody changes just now would be kept.
    pub(super) fn would_keep(&self, found: &Found) -> bool {
        self.is_for(found) && is_settled(found, self.clock.now())
    }

    /// Gives what is kept of a file that was found.
    pub(super) fn kept(&self, found: &Found) -> Option<Arc<[u8]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (stamp, content) = kept.by_path.get(&found.path)?;
        (*stamp == found.metadata.stamp()).then(|| Arc::clone(content))
    }

    /// Gives the content of a file that was found; `None` if it is gone.
    pub(super) fn of(
        &self,
        found: &Found,
        disk: &dyn DiskRead,
    ) -> Result<Option<Arc<[u8]>>, Error> {
        if let Some(content) = self.kept(found) {
            return Ok(Some(content));
        }
        let Some(content) = disk.read(&found.path)?.map(Arc::<[u8]>::from) else {
            return Ok(None);
        };
        if self.is_for(found) && may_be_kept(found, self.clock.now(), disk)? {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.bytes + content.len() > self.kept_bytes_max {
                *kept = Store::default();
            }
            kept.bytes += content.len();
            let new = (found.metadata.stamp(), Arc::clone(&content));
            if let Some((_, old)) = kept.by_path.insert(found.path.clone(), new) {
                kept.bytes -= old.len();
            }
        }
        Ok(Some(content))
    }
}
