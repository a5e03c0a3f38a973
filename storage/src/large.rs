//! Large parts of records: on the disk, in files of their own, before their records are.
//!
//! The log has one writer, and whoever waits for it waits for every byte before his own. What is
//! large is therefore written beside it, by whoever has it, while others append; its record says
//! only where the part belongs. A reader gets the record whole.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::Disk;
use crate::{Entry, Error};

/// Where large parts are put before the records that have them are appended.
pub trait LargeParts: Send + Sync {
    /// Writes bytes to the disk; they are durable when it returns. Never waits for the log.
    fn put(&self, bytes: &[u8]) -> Result<LargePart, Error>;
}

/// By what the bytes of a part are recognised: how many they are, and their CRC-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub bytes: usize,
    /// The checksum.
    pub crc: u32,
}

impl Sum {
    /// Takes it of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len(),
            crc: crc32fast::hash(bytes),
        }
    }
}

/// A part that was put. If no record has got it, it goes when this is dropped.
pub struct LargePart {
    pub(crate) place: Place,
    bytes: usize,
    /// Of these bytes alone, to be combined with that of what stands before them.
    pub(crate) crc: crc32fast::Hasher,
    is_kept: AtomicBool,
}

/// Where a part is.
pub(crate) enum Place {
    /// In a file of this number.
    File {
        number: i64,
        path: PathBuf,
        disk: Arc<dyn Disk>,
    },
    /// In memory.
    Memory(Vec<u8>),
}

impl LargePart {
    pub(crate) fn new(place: Place, bytes: &[u8]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(bytes);
        Self {
            place,
            bytes: bytes.len(),
            crc,
            is_kept: AtomicBool::new(false),
        }
    }

    /// Gives by what its bytes are recognised.
    pub fn sum(&self) -> Sum {
        Sum {
            bytes: self.bytes,
            crc: self.crc.clone().finalize(),
        }
    }

    /// Leaves it where it is: a record has it, or may have it.
    pub(crate) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for LargePart {
    fn drop(&mut self) {
        if let Place::File { path, disk, .. } = &self.place
            && !*self.is_kept.get_mut()
        {
            // What cannot be removed now is at the next opening.
            let _ = disk.remove_lazily(path);
        }
    }
}

impl fmt::Debug for LargePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, .. } = self;
        write!(formatter, "LargePart({bytes} bytes)")
    }
}

/// Equal if they are the same file, or the same bytes in memory.
impl PartialEq for LargePart {
    fn eq(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::File { path, .. }, Place::File { path: other, .. }) => path == other,
            (Place::Memory(bytes), Place::Memory(other)) => bytes == other,
            _ => false,
        }
    }
}
impl Eq for LargePart {}

/// A large part at its place in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inset {
    /// How many bytes of the body stand before it; parts at the same place follow each other.
    pub at: usize,
    /// The part.
    pub part: Arc<LargePart>,
}

/// A stretch of a record.
pub(crate) enum Stretch<'a> {
    /// Of the body.
    Here(&'a [u8]),
    /// A large part.
    Large(&'a LargePart),
}

impl Entry {
    /// Makes an entry without large parts.
    pub fn new(at: model::Timestamp, body: Vec<u8>) -> Self {
        Self {
            at,
            body,
            insets: Vec::new(),
        }
    }

    /// Gives how many bytes the whole record has.
    pub(crate) fn bytes(&self) -> usize {
        let large = self.insets.iter().map(|inset| inset.part.bytes);
        large.fold(self.body.len(), usize::saturating_add)
    }

    /// Gives the whole record, stretch by stretch.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let (mut from, end) = (0, self.body.len());
        let insets = self.insets.iter().map(Some).chain([None]);
        let pairs = insets.flat_map(move |inset| {
            let upto = inset.map_or(end, |inset| inset.at.clamp(from, end));
            let here = &self.body[from..upto];
            from = upto;
            let large = inset.map(|inset| Stretch::Large(&inset.part));
            [Some(Stretch::Here(here)), large]
        });
        pairs.flatten()
    }
}
