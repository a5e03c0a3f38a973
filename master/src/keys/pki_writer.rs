//! Brings Salt's pki directory in line with the view, and tells what others changed in it.
//!
//! The log is the truth and the directory follows. What an operator moves there by hand is noticed
//! and becomes a record like any other.

use std::sync::Arc;

use minion_protocol::auth::PubSig;
use minion_protocol::crypt::MasterKey;
use model::{MinionId, Timestamp};

use super::pki_dir::{KeyFiles, PkiDir, Place};
use super::{Key, KeyChange, KeyChanged, Phase, View};
use crate::config::Opts;
use crate::master::StartError;
use crate::world::World;

/// What a key file says that the view does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Where the live key is now; `None` if it is gone.
    Live(MinionId, Option<(Phase, String)>),
    /// The denied key that is there now; `None` if it is gone.
    Denied(MinionId, Option<String>),
}

/// Writes key files. Cheap to clone.
#[derive(Clone)]
pub struct PkiWriter {
    dir: Arc<PkiDir>,
}

impl PkiWriter {
    /// Opens the directory `pki_dir`.
    pub fn open(opts: &Opts, world: &World) -> Result<Self, StartError> {
        let disk = Arc::clone(&world.disk);
        let dir = PkiDir::open(&opts.pki_dir, opts.permissive_pki_access, disk)?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// Gives the master's own key pair; makes it at the first start.
    pub fn master_key(&self, bits: u64) -> Result<MasterKey, StartError> {
        self.key_pair("master", bits)
    }

    fn key_pair(&self, name: &str, bits: u64) -> Result<MasterKey, StartError> {
        let unusable = |problem: String| StartError::Key {
            path: format!("{name}.pem"),
            problem,
        };
        let bits = u32::try_from(bits).unwrap_or(2048);
        let generate = || {
            MasterKey::generate(bits)
                .and_then(|key| key.to_pem())
                .map_err(|error| unusable(error.to_string()))
        };
        let pem = self.dir.private_key(name, generate)?;
        let key = MasterKey::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        self.dir.public_key(name, key.public_pem())?;
        Ok(key)
    }

    /// Gives the text of `sealing.key`; makes it with `generate` at the first start.
    pub fn sealing_key(&self, generate: impl FnOnce() -> String) -> Result<String, StartError> {
        let made = || Ok::<_, storage::Error>(generate());
        Ok(self.dir.private_file("sealing.key", made)?)
    }

    /// Gives the master's key with the signature of its public half, if there is to be one.
    pub fn signed(
        &self,
        opts: &Opts,
        master: MasterKey,
    ) -> Result<(MasterKey, Option<Arc<PubSig>>), StartError> {
        let pub_sig = self.pub_sig(opts, &master)?;
        Ok((master, pub_sig))
    }

    /// Gives the signature of the master's public key, where `master_sign_pubkey` asks for it: made
    /// with a second key pair, which is made at the first start, or read from a file.
    fn pub_sig(&self, opts: &Opts, master: &MasterKey) -> Result<Option<Arc<PubSig>>, StartError> {
        if !opts.master_sign_pubkey {
            return Ok(None);
        }
        let unusable = |path: &str, problem: String| StartError::Key {
            path: path.to_owned(),
            problem,
        };
        if opts.master_use_pubkey_signature {
            let name = opts.master_pubkey_signature.as_str();
            let text = self.dir.text(name)?;
            let missing = "there is no such file in pki_dir; make it, or turn \
                           master_use_pubkey_signature off";
            let text = text.ok_or_else(|| unusable(name, missing.to_owned()))?;
            return Ok(Some(Arc::new(PubSig::ready_made(&text))));
        }
        let name = opts.master_sign_key_name.as_str();
        let signer = self.key_pair(name, opts.keysize)?;
        let signed = PubSig::sign(master.public_pem(), &signer);
        let signed = signed.map_err(|error| unusable(name, error.to_string()))?;
        Ok(Some(Arc::new(signed)))
    }

    /// Looks at the files again; says whether others changed any since the last look. If the
    /// directory cannot be read, what was found then counts.
    pub fn look(&self) -> bool {
        match self.dir.changes() {
            Ok(changes) => !changes.is_empty(),
            Err(error) => {
                tracing::warn!(%error, "the pki directory cannot be read");
                false
            }
        }
    }

    /// Gives the difference between the files, as the last look found them, and the view: what was
    /// done by hand, also while the master was down. At a start the last look is that of
    /// [`PkiWriter::open`], with the files that [`PkiWriter::restore`] wrote since.
    pub fn differences(&self, keys: &View) -> Vec<Difference> {
        let files = self.dir.keys();
        let mut differences = Vec::new();
        for ((place, id), pem) in &files {
            let Some(phase) = phase(*place) else {
                if keys.denied(id) != Some(pem) {
                    differences.push(Difference::Denied(id.clone(), Some(pem.to_string())));
                }
                continue;
            };
            let is_known = keys
                .get(id)
                .is_some_and(|key| key.phase == phase && key.pem == **pem);
            if !is_known {
                let live = Some((phase, pem.to_string()));
                differences.push(Difference::Live(id.clone(), live));
            }
        }
        let known = [Phase::Accepted, Phase::Pending, Phase::Rejected];
        for (id, _) in known.into_iter().flat_map(|phase| keys.in_phase(phase)) {
            if !has_live_file(&files, id) {
                differences.push(Difference::Live(id.clone(), None));
            }
        }
        for (id, _) in keys.all_denied() {
            if !files.contains_key(&(Place::Denied, id.clone())) {
                differences.push(Difference::Denied(id.clone(), None));
            }
        }
        differences
    }

    /// Writes the files of keys that the view has and the directory lacks, or has elsewhere since
    /// before the record, and removes those of keys that were deleted later than they were put
    /// there: a crash came between record and file. What was put there later is somebody's word.
    pub fn restore(&self, keys: &View) {
        let files = self.dir.keys();
        for (id, at) in keys.deleted() {
            let live = self.dir.live(id);
            if !live.is_empty() && live.iter().all(|(_, _, put)| *put < at) {
                tell(id, self.dir.remove_live(id));
            }
        }
        for phase in [Phase::Accepted, Phase::Pending, Phase::Rejected] {
            for (id, key) in keys.in_phase(phase) {
                if self.is_behind(id, key) {
                    tell(id, self.dir.put(place(phase), id, &key.pem));
                }
            }
        }
        for (id, pem) in keys.all_denied() {
            if !files.contains_key(&(Place::Denied, id.clone())) {
                tell(id, self.dir.deny(id, pem));
            }
        }
    }

    /// Says whether the directory is behind the record of a live key.
    fn is_behind(&self, id: &MinionId, key: &Key) -> bool {
        let files = self.dir.live(id);
        let (right, others): (Vec<_>, Vec<_>) = files
            .iter()
            .partition(|(at, pem, _)| *at == place(key.phase) && **pem == *key.pem);
        let is_older = others.iter().all(|(_, _, put)| *put < key.since);
        is_older && (right.is_empty() || !others.is_empty())
    }

    /// Says whether an operator accepted the id in advance, at most `timeout_minutes` ago (0:
    /// ever).
    pub fn has_stub(&self, id: &MinionId, now: Timestamp, timeout_minutes: u64) -> bool {
        self.dir
            .has_autosign_stub(id, now, timeout_minutes)
            .unwrap_or_else(|error| {
                tracing::warn!(%id, %error, "the stub in minions_autosign cannot be read");
                false
            })
    }

    /// Removes stubs that are too old to count, as Salt does at each sign-in of a stranger.
    pub fn sweep_stubs(&self, now: Timestamp, timeout_minutes: u64) {
        match self.dir.sweep_autosign_stubs(now, timeout_minutes) {
            Ok(ids) => {
                for id in ids {
                    tracing::warn!(%id, "the stub in minions_autosign is too old, removed");
                }
            }
            Err(error) => tracing::warn!(%error, "minions_autosign cannot be read"),
        }
    }

    /// Gives the names of the master's own key files, as `salt-key -L` lists them under `local`.
    pub fn local_names(&self) -> Vec<String> {
        self.dir.local_names().unwrap_or_else(|error| {
            tracing::warn!(%error, "the pki directory cannot be listed");
            Vec::new()
        })
    }

    /// Gives the text of one of the master's own key files, for its fingerprint.
    pub fn local_text(&self, name: &str) -> Option<String> {
        self.dir.local_text(name).unwrap_or_default()
    }

    /// Removes a stub that has been used. Blocks on the disk.
    pub fn remove_stub(&self, id: &MinionId) {
        tell(id, self.dir.remove_autosign_stub(id).map(|_| ()));
    }

    /// Brings the files of some keys in line, in order.
    pub async fn write(&self, changes: Vec<KeyChanged>) {
        let dir = Arc::clone(&self.dir);
        let write = move || {
            for changed in &changes {
                tell(&changed.id, write(&dir, changed));
            }
        };
        // A panic in there is told by the runtime; the next start writes the file.
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

fn write(dir: &PkiDir, changed: &KeyChanged) -> Result<(), storage::Error> {
    let KeyChanged {
        id, change, pem, ..
    } = changed;
    match change {
        KeyChange::Accepted => dir.put(Place::Accepted, id, pem),
        KeyChange::Pended => dir.put(Place::Pending, id, pem),
        KeyChange::Rejected => dir.put(Place::Rejected, id, pem),
        KeyChange::Denied => dir.deny(id, pem),
        KeyChange::Deleted | KeyChange::DeletedKeepingData => dir.remove_live(id),
        KeyChange::DeniedDeleted => dir.remove_denied(id),
        KeyChange::Spoke(_) | KeyChange::VersionReset => Ok(()),
    }
}

fn tell(id: &MinionId, written: Result<(), storage::Error>) {
    if let Err(error) = written {
        tracing::error!(%id, %error, "the key file is not in line with the log");
    }
}

fn has_live_file(files: &KeyFiles, id: &MinionId) -> bool {
    Place::LIVE
        .iter()
        .any(|place| files.contains_key(&(*place, id.clone())))
}

fn phase(place: Place) -> Option<Phase> {
    match place {
        Place::Accepted => Some(Phase::Accepted),
        Place::Pending => Some(Phase::Pending),
        Place::Rejected => Some(Phase::Rejected),
        Place::Denied => None,
    }
}

fn place(phase: Phase) -> Place {
    match phase {
        Phase::Accepted => Place::Accepted,
        Phase::Pending => Place::Pending,
        Phase::Rejected => Place::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use model::Cursor;
    use storage::disk::RealDisk;

    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";

    fn deleted(id: &MinionId, at: Timestamp) -> View {
        let mut view = View::default();
        for change in [KeyChange::Accepted, KeyChange::Deleted] {
            let changed = KeyChanged {
                id: id.clone(),
                change,
                pem: PEM.to_owned(),
                by: "test".to_owned(),
            };
            view.apply(&changed);
            view.date(&changed, Cursor(1), at);
        }
        view
    }

    /// Says whether a key whose deletion is on record since `at` is back after a start.
    fn is_back_after_a_start(at: Timestamp) -> bool {
        let pki = tempfile::tempdir().expect("a directory");
        let open = || PkiDir::open(pki.path(), false, Arc::new(RealDisk)).expect("opens");
        let id: MinionId = "web01".parse().expect("an id");
        open().put(Place::Accepted, &id, PEM).expect("written");
        let writer = PkiWriter {
            dir: Arc::new(open()),
        };
        let view = deleted(&id, at);
        writer.restore(&view);
        let is_there = !open().live(&id).is_empty();
        assert_eq!(!writer.differences(&view).is_empty(), is_there);
        is_there
    }

    // The master was killed between the record of the deletion and the removal of the file.
    #[test]
    fn a_deleted_key_does_not_come_back_with_its_file() {
        let in_a_hundred_years = Timestamp::from_secs(4_900_000_000);
        assert!(!is_back_after_a_start(in_a_hundred_years));
    }

    #[test]
    fn a_key_that_was_put_there_after_its_deletion_counts() {
        assert!(is_back_after_a_start(Timestamp::from_secs(1)));
    }
}
