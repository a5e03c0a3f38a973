//! The secrets of the runs that are under way.

use std::collections::{BTreeMap, BTreeSet};

use model::{Jid, MinionId};
use serde::{Deserialize, Serialize};

use super::{Made, Reason, SecretRecord};

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// It was answered, perhaps; whether it heard the answer is not known.
    Opened,
    /// It has read.
    Delivered,
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// How it was made.
    pub made: Made,
    /// Those who have asked for it.
    pub readings: BTreeMap<MinionId, Reading>,
    /// Who was refused, told once for each reason.
    pub refused: BTreeSet<(MinionId, Reason)>,
}

/// All secrets, by the job that made them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    secrets: BTreeMap<Jid, Secret>,
    #[serde(skip)]
    unneeded: Vec<String>,
}

impl View {
    /// Takes in one record.
    pub fn apply(&mut self, record: &SecretRecord) {
        match record {
            SecretRecord::Made(made) => self.made(made),
            SecretRecord::Opened { jid, reader } => self.note(jid, reader, Reading::Opened),
            SecretRecord::Delivered { jid, reader } => self.note(jid, reader, Reading::Delivered),
            SecretRecord::Refused { jid, id, reason } => {
                if let Some(secret) = self.secrets.get_mut(jid) {
                    secret.refused.insert((id.clone(), *reason));
                }
            }
        }
    }

    /// A step that is tried again makes a new secret in place of its last.
    fn made(&mut self, made: &Made) {
        let is_older = |secret: &Secret| {
            let Made {
                run, name, maker, ..
            } = &secret.made;
            (run, name, maker) == (&made.run, &made.name, &made.maker)
        };
        self.remove(is_older);
        let secret = Secret {
            made: made.clone(),
            readings: BTreeMap::new(),
            refused: BTreeSet::new(),
        };
        self.secrets.insert(made.jid.clone(), secret);
    }

    fn note(&mut self, jid: &Jid, reader: &MinionId, reading: Reading) {
        if let Some(secret) = self.secrets.get_mut(jid) {
            let readings = &mut secret.readings;
            if readings.get(reader) != Some(&Reading::Delivered) {
                readings.insert(reader.clone(), reading);
            }
        }
    }

    /// A run is over: its secrets are gone.
    pub fn run_ended(&mut self, run: &Jid) {
        self.remove(|secret| secret.made.run == *run);
    }

    /// A key is gone: what its minion made goes with it, and whoever comes with another key under
    /// this id is somebody else.
    pub fn key_deleted(&mut self, id: &MinionId) {
        self.remove(|secret| secret.made.maker == *id);
        for secret in self.secrets.values_mut() {
            secret.made.readers.retain(|reader| reader != id);
        }
    }

    fn remove(&mut self, is_meant: impl Fn(&Secret) -> bool) {
        let unneeded = &mut self.unneeded;
        self.secrets.retain(|_, secret| {
            let is_kept = !is_meant(secret);
            if !is_kept {
                unneeded.push(secret.made.blob.clone());
            }
            is_kept
        });
    }

    /// Says that nothing refers to a blob.
    pub fn discard(&mut self, blob: String) {
        self.unneeded.push(blob);
    }

    /// Gives the blobs that nothing refers to any more, once.
    pub fn take_unneeded(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unneeded)
    }

    /// Gives a secret by the job that made it.
    pub fn get(&self, jid: &Jid) -> Option<&Secret> {
        self.secrets.get(jid)
    }

    /// Walks over all secrets.
    pub fn all(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    /// Walks over the blobs that something refers to.
    pub fn blobs(&self) -> impl Iterator<Item = &String> {
        self.secrets.values().map(|secret| &secret.made.blob)
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Gives the secrets of these makers under these names, the youngest first.
    pub fn named(&self, makers: &[MinionId], names: &[String]) -> Vec<Jid> {
        let all = self.secrets.values().rev();
        let named = all.filter(|secret| {
            makers.contains(&secret.made.maker) && names.contains(&secret.made.name)
        });
        named.map(|secret| secret.made.jid.clone()).collect()
    }
}
