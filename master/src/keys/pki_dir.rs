//! Salt's layout of keys on disk: `master.pem`, `minions/ID`, `minions_pre/ID` and their
//! neighbours.
//!
//! The log is the truth and this directory follows it; but operators and their tools put, move and
//! remove files by hand, and that counts: [`PkiDir::changes`] tells what others did since the last
//! look. What this master wrote itself is never among it. Keys are text here; nobody looks inside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{MinionId, Timestamp};
use storage::Error;
use storage::disk::{Disk, Kind, Metadata, Stamp};

/// Private keys: readable by the master's user alone, as Salt leaves them.
const PRIVATE_MODE: u32 = 0o400;
/// Public keys are public.
const PUBLIC_MODE: u32 = 0o644;
/// Directories of keys, and with `permissive_pki_access`.
const DIRECTORY_MODES: (u32, u32) = (0o700, 0o750);
/// A larger file is no key: a public key of 16,384 bits has 3 kB.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// Stubs by which an operator accepts an id in advance.
const AUTOSIGN: &str = "minions_autosign";

/// Where a key file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `minions`.
    Accepted,
    /// `minions_pre`.
    Pending,
    /// `minions_rejected`.
    Rejected,
    /// `minions_denied`: beside the live key of the same id.
    Denied,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Pending, Self::Rejected, Self::Denied];
    /// The places of live keys: an id is in one of them.
    pub const LIVE: [Self; 3] = [Self::Accepted, Self::Pending, Self::Rejected];

    /// Names the directory.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Accepted => "minions",
            Self::Pending => "minions_pre",
            Self::Rejected => "minions_rejected",
            Self::Denied => "minions_denied",
        }
    }
}

/// Key files by place and id; the text has LF line ends and no white space around it.
pub type KeyFiles = BTreeMap<(Place, MinionId), Arc<str>>;

/// What somebody else did to a key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub place: Place,
    /// Whose key.
    pub id: MinionId,
    /// The key that is there now; `None` if it is gone.
    pub pem: Option<String>,
}

/// A key file as it was at the last look.
#[derive(Debug, Clone)]
struct File {
    stamp: Stamp,
    /// When it was put there.
    put: Timestamp,
    pem: Arc<str>,
}

impl File {
    fn new(metadata: &Metadata, pem: String) -> Self {
        Self {
            stamp: metadata.stamp(),
            put: Timestamp(metadata.changed_micros()),
            pem: pem.into(),
        }
    }
}

type Seen = BTreeMap<(Place, MinionId), File>;

/// The directory `pki_dir`.
#[derive(Debug)]
pub struct PkiDir {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    seen: Mutex<Seen>,
}

impl PkiDir {
    /// Opens the directory, made if need be, and looks at every key file once.
    pub fn open(path: &Path, is_permissive: bool, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let (strict, permissive) = DIRECTORY_MODES;
        let mode = if is_permissive { permissive } else { strict };
        disk.make_directory(path, mode)?;
        for name in Place::ALL
            .map(Place::directory)
            .into_iter()
            .chain([AUTOSIGN])
        {
            disk.make_directory(&path.join(name), mode)?;
        }
        disk.check_writable(path)?;
        let dir = Self {
            path: path.to_owned(),
            disk,
            seen: Mutex::default(),
        };
        let found = dir.look(&Seen::new())?;
        *dir.seen() = found;
        Ok(dir)
    }

    /// Gives every key file as it was at the last look.
    pub fn keys(&self) -> KeyFiles {
        self.seen()
            .iter()
            .map(|(key, file)| (key.clone(), Arc::clone(&file.pem)))
            .collect()
    }

    /// Gives the live key files of an id as the last look found them, and when each was put there.
    pub fn live(&self, id: &MinionId) -> Vec<(Place, Arc<str>, Timestamp)> {
        let seen = self.seen();
        let of = |place| {
            let file = seen.get(&(place, id.clone()))?;
            Some((place, Arc::clone(&file.pem), file.put))
        };
        Place::LIVE.into_iter().filter_map(of).collect()
    }

    /// Tells what others did since the last look. A file that is not a whole key yet is told when
    /// it is.
    pub fn changes(&self) -> Result<Vec<Change>, Error> {
        let mut seen = self.seen();
        let now = self.look(&seen)?;
        let gone = seen
            .keys()
            .filter(|key| !now.contains_key(*key))
            .map(|key| (key, None));
        let put = now.iter().filter_map(|(key, file)| {
            let is_known = seen.get(key).is_some_and(|known| known.pem == file.pem);
            (!is_known).then(|| (key, Some(file.pem.to_string())))
        });
        let change = |((place, id), pem): (&(Place, MinionId), Option<String>)| Change {
            place: *place,
            id: id.clone(),
            pem,
        };
        let changes = gone.chain(put).map(change).collect();
        *seen = now;
        Ok(changes)
    }

    /// Writes a live key into its place and removes the id from the other places of live keys. One
    /// that the last look found there is not written again.
    pub fn put(&self, place: Place, id: &MinionId, pem: &str) -> Result<(), Error> {
        let mut seen = self.seen();
        let there = seen.get(&(place, id.clone()));
        if there.is_none_or(|there| *there.pem != *normalised(pem.as_bytes())) {
            self.write(&mut seen, place, id, pem)?;
        }
        // Written first: a crash in between leaves the id in two places, not in none.
        for other in Place::LIVE.into_iter().filter(|other| *other != place) {
            // What somebody puts there meanwhile is their word, and is noticed at the next look.
            if seen.contains_key(&(other, id.clone())) {
                self.erase(&mut seen, other, id)?;
            }
        }
        Ok(())
    }

    /// Writes a denied key beside the live one.
    pub fn deny(&self, id: &MinionId, pem: &str) -> Result<(), Error> {
        self.write(&mut self.seen(), Place::Denied, id, pem)
    }

    /// Removes a live key from wherever it is.
    pub fn remove_live(&self, id: &MinionId) -> Result<(), Error> {
        let mut seen = self.seen();
        Place::LIVE
            .into_iter()
            .try_for_each(|place| self.erase(&mut seen, place, id))
    }

    /// Removes a denied key.
    pub fn remove_denied(&self, id: &MinionId) -> Result<(), Error> {
        self.erase(&mut self.seen(), Place::Denied, id)
    }

    /// Gives the private key `NAME.pem`; makes it with `generate` (PEM text, PKCS #1) if there is
    /// none.
    pub fn private_key<E: From<Error>>(
        &self,
        name: &str,
        generate: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, E> {
        self.private_file(&format!("{name}.pem"), generate)
    }

    /// Gives the text of a file that only the master reads; makes it with `generate` if there is
    /// none.
    pub fn private_file<E: From<Error>>(
        &self,
        name: &str,
        generate: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, E> {
        let path = self.path.join(name);
        if let Some(bytes) = self.disk.read(&path)? {
            // Text that is no PEM is refused by whoever parses it.
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        let text = generate()?;
        self.disk.write(&path, text.as_bytes(), PRIVATE_MODE)?;
        Ok(text)
    }

    /// Reads a file of the directory as text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let bytes = self.disk.read(&self.path.join(name))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Writes `NAME.pub` unless it says the same already.
    pub fn public_key(&self, name: &str, pem: &str) -> Result<(), Error> {
        let path = self.path.join(format!("{name}.pub"));
        let existing = self.disk.read(&path)?;
        if existing.is_some_and(|bytes| normalised(&bytes) == normalised(pem.as_bytes())) {
            return Ok(());
        }
        self.disk.write(&path, pem.as_bytes(), PUBLIC_MODE)
    }

    /// Says whether an operator accepted the id in advance, at most `timeout_minutes` ago (0:
    /// ever).
    pub fn has_autosign_stub(
        &self,
        id: &MinionId,
        now: Timestamp,
        timeout_minutes: u64,
    ) -> Result<bool, Error> {
        let Some(stub) = self.disk.metadata(&self.stub(id))? else {
            return Ok(false);
        };
        let made = Timestamp::from_secs(u64::try_from(stub.modified_secs).unwrap_or(0));
        let timeout_millis = timeout_minutes.saturating_mul(60_000);
        Ok(stub.kind == Kind::File
            && (timeout_minutes == 0 || now.millis_since(made) <= timeout_millis))
    }

    /// Removes stubs that were made more than `timeout_minutes` ago (0: none); gives their names.
    pub fn sweep_autosign_stubs(
        &self,
        now: Timestamp,
        timeout_minutes: u64,
    ) -> Result<Vec<String>, Error> {
        let directory = self.path.join(AUTOSIGN);
        let mut removed = Vec::new();
        if timeout_minutes == 0 {
            return Ok(removed);
        }
        for entry in self.disk.list(&directory)?.unwrap_or_default() {
            let path = directory.join(&entry.name);
            let Some(stub) = self.disk.metadata(&path)? else {
                continue;
            };
            let made = Timestamp::from_secs(u64::try_from(stub.modified_secs).unwrap_or(0));
            let age_millis = now.millis_since(made);
            let is_old = age_millis > timeout_minutes.saturating_mul(60_000);
            if stub.kind == Kind::File && is_old && self.disk.remove(&path)? {
                removed.push(entry.name);
            }
        }
        Ok(removed)
    }

    /// Names the key files of the master itself, in order.
    pub fn local_names(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in self.disk.list(&self.path)?.unwrap_or_default() {
            let is_key = entry.name.ends_with(".pub") || entry.name.ends_with(".pem");
            let metadata = self.disk.metadata(&self.path.join(&entry.name))?;
            if is_key && metadata.is_some_and(|it| it.kind == Kind::File) {
                names.push(entry.name);
            }
        }
        names.sort_by_key(|name| name.to_lowercase());
        Ok(names)
    }

    /// Reads one of the master's own key files, named as [`PkiDir::local_names`] does.
    pub fn local_text(&self, name: &str) -> Result<Option<String>, Error> {
        if name.contains('/') {
            return Ok(None);
        }
        let bytes = self.disk.read(&self.path.join(name))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Removes the stub of an id: it has been used, or is too old.
    pub fn remove_autosign_stub(&self, id: &MinionId) -> Result<bool, Error> {
        self.disk.remove(&self.stub(id))
    }

    fn stub(&self, id: &MinionId) -> PathBuf {
        self.path.join(AUTOSIGN).join(id.as_str())
    }

    fn file(&self, place: Place, id: &MinionId) -> PathBuf {
        self.path.join(place.directory()).join(id.as_str())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, seen: &mut Seen, place: Place, id: &MinionId, pem: &str) -> Result<(), Error> {
        let path = self.file(place, id);
        let pem = normalised(pem.as_bytes());
        let content = format!("{pem}\n");
        // Its record is durable; a file that is missing or not whole at a start is written again.
        let written = self
            .disk
            .write_lazily(&path, content.as_bytes(), PUBLIC_MODE)?;
        if let Some(metadata) = written {
            seen.insert((place, id.clone()), File::new(&metadata, pem));
        }
        Ok(())
    }

    fn erase(&self, seen: &mut Seen, place: Place, id: &MinionId) -> Result<(), Error> {
        self.disk.remove(&self.file(place, id))?;
        seen.remove(&(place, id.clone()));
        Ok(())
    }

    /// Looks at every key file; reads those that are not as they were.
    fn look(&self, before: &Seen) -> Result<Seen, Error> {
        let mut found = Seen::new();
        for place in Place::ALL {
            let directory = self.path.join(place.directory());
            for entry in self.disk.list(&directory)?.unwrap_or_default() {
                // Hidden files are half-written ones and Salt's caches. A name that is no id never
                // was a key.
                let Some(id) = entry
                    .name
                    .parse()
                    .ok()
                    .filter(|_| !entry.name.starts_with('.'))
                else {
                    continue;
                };
                let key = (place, id);
                if let Some(file) = self.look_at(&directory.join(&entry.name), before.get(&key))? {
                    found.insert(key, file);
                }
            }
        }
        Ok(found)
    }

    fn look_at(&self, path: &Path, before: Option<&File>) -> Result<Option<File>, Error> {
        let metadata = self.disk.metadata(path)?;
        let is_key = |it: &Metadata| it.kind == Kind::File && it.bytes <= KEY_BYTES_MAX;
        let Some(metadata) = metadata.filter(is_key) else {
            return Ok(None);
        };
        let stamp = metadata.stamp();
        if let Some(unchanged) = before.filter(|known| known.stamp == stamp) {
            return Ok(Some(unchanged.clone()));
        }
        let pem = self
            .disk
            .read(path)?
            .map(|bytes| normalised(&bytes))
            .unwrap_or_default();
        let is_whole = pem.starts_with("-----BEGIN ") && pem.ends_with("-----");
        let is_more_than_a_head = pem.contains("-----END ");
        // While it is being copied into place the key of before counts.
        Ok(if is_whole && is_more_than_a_head {
            Some(File::new(&metadata, pem))
        } else {
            before.cloned()
        })
    }
}

/// Brings a key's text into one form: LF line ends, nothing around it.
fn normalised(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .trim()
        .to_owned()
}

#[cfg(test)]
#[path = "pki_dir_tests.rs"]
mod tests;
