//! The contents of small files, kept as long as the file stays the same.
//!
//! Minions ask for the same few files again and again, and a pillar is checked against the files it
//! was made of: that costs a look at each, not a reading. The same means what it means for
//! checksums ([`super::hashes`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use storage::Error;
use storage::disk::{DiskRead, Stamp};

use super::Found;
use super::hashes::may_be_kept;
use crate::world::Clock;

/// A larger file is read each time: reading is then a small part of the work.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Bytes kept in all: a thousand files of an SLS tree. When they are more, all are read anew.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Contents by path.
pub(crate) struct KeptContents {
    clock: Arc<dyn Clock>,
    kept: Mutex<Store>,
}

#[derive(Default)]
struct Store {
    by_path: HashMap<PathBuf, (Stamp, Arc<[u8]>)>,
    bytes: usize,
}

impl KeptContents {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// Says whether a file is small enough to be kept.
    pub(super) fn is_for(found: &Found) -> bool {
        found.metadata.bytes <= FILE_BYTES_MAX
    }

    /// Gives the content of a file that was found; `None` if it is gone.
    pub(super) fn of(
        &self,
        found: &Found,
        disk: &dyn DiskRead,
    ) -> Result<Option<Arc<[u8]>>, Error> {
        let stamp = found.metadata.stamp();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, content)) = kept.by_path.get(&found.path).filter(|it| it.0 == stamp) {
                return Ok(Some(Arc::clone(content)));
            }
        }
        let Some(content) = disk.read(&found.path)?.map(Arc::<[u8]>::from) else {
            return Ok(None);
        };
        if Self::is_for(found) && may_be_kept(found, self.clock.now(), disk)? {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.bytes + content.len() > KEPT_BYTES_MAX {
                *kept = Store::default();
            }
            kept.bytes += content.len();
            let new = (stamp, Arc::clone(&content));
            if let Some((_, old)) = kept.by_path.insert(found.path.clone(), new) {
                kept.bytes -= old.len();
            }
        }
        Ok(Some(content))
    }
}
