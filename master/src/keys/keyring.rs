//! The keys as the sockets need them: parsed, shared by many tasks, looked up without asking the
//! ledger.
//!
//! A projection of the `keys` view that the ledger brings in line with each durable change, before
//! anybody is answered. It also holds what is never written down: the key that all minions share,
//! and their session keys. After a restart these are new; minions notice and sign in again by
//! themselves.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use minion_protocol::KeyLookup;
use minion_protocol::crypt::{Crypticle, PublicKey, normalise};
use model::{MinionId, Timestamp};

use super::{KeyChange, KeyChanged, View};
use crate::world::Entropy;

/// Keys that were parsed a moment ago and are no accepted ones (yet): a stranger's key is parsed
/// once for its sign-in and its acceptance. At about 3 kB each this is 1.5 MB.
const RECENT_MAX: usize = 512;

/// An accepted key, and the lowest protocol that it may speak. It is parsed when it is first
/// needed: a start does not wait for the keys of all.
struct InUse {
    text: String,
    key: OnceLock<Option<Arc<PublicKey>>>,
    floor: u8,
}

impl InUse {
    fn key(&self, id: &MinionId) -> Option<Arc<PublicKey>> {
        let parse = || match PublicKey::from_pem(&self.text) {
            Ok(key) => Some(Arc::new(key)),
            Err(error) => {
                tracing::error!(%id, %error, "an accepted key is unusable: salt-key -d");
                None
            }
        };
        self.key.get_or_init(parse).clone()
    }
}

/// The accepted keys, and how many of them have each floor.
#[derive(Default)]
struct Accepted {
    by_id: HashMap<MinionId, InUse>,
    floors: BTreeMap<u8, usize>,
}

impl Accepted {
    fn remove(&mut self, id: &MinionId) -> Option<InUse> {
        let used = self.by_id.remove(id)?;
        if let Entry::Occupied(mut count) = self.floors.entry(used.floor) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(used)
    }

    fn insert(&mut self, id: &MinionId, used: InUse) {
        *self.floors.entry(used.floor).or_default() += 1;
        self.by_id.insert(id.clone(), used);
    }
}

/// The keys in use.
pub struct Keyring {
    accepted: RwLock<Accepted>,
    recent: Mutex<HashMap<String, Arc<PublicKey>>>,
    sessions: RwLock<HashMap<MinionId, Session>>,
    shared: RwLock<Shared>,
    entropy: Arc<dyn Entropy>,
    minimum_auth_version: u8,
}

/// The key that all minions share, and the one before it while requests under that may be on
/// their way.
struct Shared {
    now: Arc<Crypticle>,
    before: Option<Arc<Crypticle>>,
}

/// A session key, and since when it is used.
struct Session {
    key: Arc<Crypticle>,
    since: Timestamp,
}

fn read<T, R>(lock: &RwLock<T>, work: impl FnOnce(&T) -> R) -> R {
    work(&lock.read().unwrap_or_else(PoisonError::into_inner))
}

fn write<T, R>(lock: &RwLock<T>, work: impl FnOnce(&mut T) -> R) -> R {
    work(&mut lock.write().unwrap_or_else(PoisonError::into_inner))
}

impl Keyring {
    /// Makes the ring of a view, with a new shared key.
    pub fn new(keys: &View, entropy: Arc<dyn Entropy>, minimum_auth_version: u8) -> Self {
        let shared = Arc::new(generate(entropy.as_ref()));
        let ring = Self {
            accepted: RwLock::default(),
            recent: Mutex::default(),
            sessions: RwLock::default(),
            shared: RwLock::new(Shared {
                now: shared,
                before: None,
            }),
            entropy,
            minimum_auth_version,
        };
        for (id, key) in keys.in_phase(super::Phase::Accepted) {
            ring.accept(id, &key.pem);
            ring.set_floor(id, key.version);
        }
        ring
    }

    /// Takes in one durable change.
    pub fn apply(&self, changed: &KeyChanged) {
        match changed.change {
            KeyChange::Accepted => self.accept(&changed.id, &changed.pem),
            KeyChange::Rejected
            | KeyChange::Deleted
            | KeyChange::DeletedKeepingData
            | KeyChange::Pended => {
                write(&self.accepted, |accepted| accepted.remove(&changed.id));
                write(&self.sessions, |sessions| sessions.remove(&changed.id));
            }
            KeyChange::Spoke(version) => self.set_floor(&changed.id, version),
            KeyChange::VersionReset => self.set_floor(&changed.id, 0),
            KeyChange::Denied | KeyChange::DeniedDeleted => {}
        }
    }

    fn accept(&self, id: &MinionId, pem: &str) {
        let text = normalise(pem);
        let parsed = self.lock_recent().remove(&text);
        let is_another = write(&self.accepted, |accepted| {
            let old = accepted.remove(id);
            let is_another = old.as_ref().is_some_and(|old| old.text != text);
            let same = old.filter(|_| !is_another);
            let used = same.unwrap_or_else(|| InUse {
                text,
                key: parsed.map(Some).map_or_else(OnceLock::new, OnceLock::from),
                floor: 0,
            });
            accepted.insert(id, used);
            is_another
        });
        if is_another {
            // The first key's minion knows the session.
            write(&self.sessions, |sessions| sessions.remove(id));
        }
    }

    fn set_floor(&self, id: &MinionId, floor: u8) {
        write(&self.accepted, |accepted| {
            if let Some(used) = accepted.remove(id) {
                accepted.insert(id, InUse { floor, ..used });
            }
        });
    }

    fn lock_recent(&self) -> MutexGuard<'_, HashMap<String, Arc<PublicKey>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the accepted key of an id, if it is the one with this text.
    pub fn accepted_as(&self, id: &MinionId, text: &str) -> Option<Arc<PublicKey>> {
        read(&self.accepted, |accepted| {
            let used = accepted.by_id.get(id)?;
            (used.text == text).then(|| used.key(id)).flatten()
        })
    }

    /// Parses a key that is not accepted, unless that was done a moment ago.
    ///
    /// # Errors
    /// The text is no key.
    pub fn parse(&self, text: &str) -> Result<Arc<PublicKey>, minion_protocol::crypt::Error> {
        if let Some(key) = self.lock_recent().get(text) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(PublicKey::from_pem(text)?);
        let mut recent = self.lock_recent();
        if recent.len() >= RECENT_MAX {
            recent.clear();
        }
        recent.insert(key.text().to_owned(), Arc::clone(&key));
        Ok(key)
    }

    /// Ends the session of a minion: it signs in again and gets another key.
    pub fn end_session(&self, id: &MinionId) {
        write(&self.sessions, |sessions| sessions.remove(id));
    }

    /// Gives the session key of an accepted minion: the same one to each of its processes.
    pub fn session_of(&self, id: &MinionId, now: Timestamp) -> Arc<Crypticle> {
        if let Some(session) = self.session(id) {
            return session;
        }
        let key = Arc::new(generate(self.entropy.as_ref()));
        let new = Session { key, since: now };
        write(&self.sessions, |sessions| {
            Arc::clone(&sessions.entry(id.clone()).or_insert(new).key)
        })
    }

    /// Ends the sessions that began before a moment. Each ends at its own time, so that not all
    /// minions sign in again at once; how many ended.
    pub fn end_sessions(&self, before: Timestamp) -> usize {
        write(&self.sessions, |sessions| {
            let all = sessions.len();
            sessions.retain(|_, session| session.since >= before);
            all - sessions.len()
        })
    }

    /// Replaces the shared key. Each minion signs in again when it cannot read the next message.
    /// The old key is of no use from now on: somebody who knew it was cut off.
    pub fn rotate(&self) {
        let now = Arc::new(generate(self.entropy.as_ref()));
        write(&self.shared, |shared| {
            *shared = Shared { now, before: None }
        });
    }

    /// As [`Keyring::rotate`], because of the key's age: requests under the old key that are on
    /// their way are still read, until [`Keyring::forget_previous`].
    pub fn rotate_with_overlap(&self) {
        let now = Arc::new(generate(self.entropy.as_ref()));
        write(&self.shared, |shared| {
            let before = Some(std::mem::replace(&mut shared.now, now));
            shared.before = before;
        });
    }

    /// Ends the overlap.
    pub fn forget_previous(&self) {
        write(&self.shared, |shared| shared.before = None);
    }
}

fn generate(entropy: &dyn Entropy) -> Crypticle {
    Crypticle::generate(&mut |bytes: &mut [u8]| entropy.fill(bytes))
}

impl KeyLookup for Keyring {
    fn accepted(&self, id: &MinionId) -> Option<Arc<PublicKey>> {
        read(&self.accepted, |accepted| accepted.by_id.get(id)?.key(id))
    }

    fn session(&self, id: &MinionId) -> Option<Arc<Crypticle>> {
        read(&self.sessions, |sessions| {
            sessions.get(id).map(|session| Arc::clone(&session.key))
        })
    }

    fn master_aes(&self) -> Arc<Crypticle> {
        read(&self.shared, |shared| Arc::clone(&shared.now))
    }

    fn previous_aes(&self) -> Option<Arc<Crypticle>> {
        read(&self.shared, |shared| shared.before.clone())
    }

    fn minimum_auth_version(&self) -> u8 {
        self.minimum_auth_version
    }

    fn version_floor(&self, id: Option<&MinionId>) -> u8 {
        read(&self.accepted, |accepted| match id {
            Some(id) => accepted.by_id.get(id).map_or(0, |used| used.floor),
            // Somebody who names no id may be any of them.
            None => accepted.floors.keys().next().copied().unwrap_or(0),
        })
    }
}
