//! Who was told that its return arrived, said as soon as it happens.
//!
//! Whoever kills a master in the middle of its work asks afterwards whether all of it is there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where the ids go, if anywhere.
#[derive(Debug)]
pub(crate) struct Receipts(Option<Mutex<File>>);

impl Receipts {
    /// Opens the file or pipe; a pipe waits for its reader.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let open = |path| options.append(true).create(true).open(path);
        Ok(Self(path.map(open).transpose()?.map(Mutex::new)))
    }

    /// Says that a return of this minion was acknowledged.
    pub(crate) fn note(&self, id: &str) {
        let Some(file) = &self.0 else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that no line is torn. A reader that has left wants no more of them.
        let _ = file.write_all(format!("{id}\n").as_bytes());
    }
}
