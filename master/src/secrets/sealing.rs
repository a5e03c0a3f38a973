//! Seals values for their blobs, and opens them again.
//!
//! The key is a file of its own beside the master's private key, out of the store: who has a copy
//! of the log and the blobs, but not of `pki_dir`, has nothing. The seal is the Crypticle that
//! minions and master speak, with chance of its own for each value.

use std::sync::Arc;

use minion_protocol::crypt::Crypticle;
use model::Value;
use storage::{BlobId, Blobs};

use super::View;
use crate::keys::pki_writer::PkiWriter;
use crate::master::StartError;
use crate::world::Entropy;

/// Seals and opens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealer {
    key: Arc<Crypticle>,
    entropy: Arc<dyn Entropy>,
}

impl Sealer {
    /// Opens the key `sealing.key` of the pki directory; makes it at the first start.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no key.
    pub fn open(pki: &PkiWriter, entropy: Arc<dyn Entropy>) -> Result<Self, StartError> {
        let mut random = |bytes: &mut [u8]| entropy.fill(bytes);
        let written =
            pki.sealing_key(|| Crypticle::generate(&mut random).key_string().to_owned())?;
        let key = Crypticle::from_key_string(written.trim());
        let key = key.map_err(|error| StartError::Key {
            path: "sealing.key".into(),
            problem: format!(
                "{error}; remove the file to have a new one made (secrets of runs that are under \
                 way are lost with it)"
            ),
        })?;
        let key = Arc::new(key);
        Ok(Self { key, entropy })
    }

    /// Makes one that no file knows, for tests and the simulator.
    pub fn of_chance(entropy: Arc<dyn Entropy>) -> Self {
        let mut random = |bytes: &mut [u8]| entropy.fill(bytes);
        let key = Arc::new(Crypticle::generate(&mut random));
        Self { key, entropy }
    }

    /// Seals a value into a blob and gives the blob's id. Blocks on the disk.
    ///
    /// # Errors
    /// The blob cannot be written.
    pub fn put(&self, blobs: &dyn Blobs, value: &Value) -> Result<String, storage::Error> {
        let encoded = rmp_serde::to_vec_named(value);
        let encoded = encoded.expect("a value is made of what msgpack can write");
        let mut random = |bytes: &mut [u8]| self.entropy.fill(bytes);
        let sealed = self.key.seal(&encoded, None, &mut random);
        blobs.put(&sealed).map(|id| id.to_string())
    }

    /// Opens a blob. Blocks on the disk.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn get(&self, blobs: &dyn Blobs, id: &str) -> Result<Value, String> {
        let id: BlobId = id.parse().map_err(|_| "its id is no blob id".to_owned())?;
        let sealed = blobs.get(&id).map_err(|error| error.to_string())?;
        let sealed = sealed.ok_or("it is not there")?;
        let encoded = self.key.open(&sealed);
        let encoded = encoded.map_err(|_| "it was sealed under another key (sealing.key)")?;
        rmp_serde::from_slice(&encoded).map_err(|error| error.to_string())
    }

    /// Gives the values of all secrets, with their runs and plain keys. One that cannot be opened
    /// is told: its readers will get nothing.
    pub fn all(&self, view: &View, blobs: &dyn Blobs) -> Vec<(super::Made, Value)> {
        let opened = view.all().filter_map(|secret| {
            let made = secret.made.clone();
            match self.get(blobs, &made.blob) {
                Ok(value) => Some((made, value)),
                Err(problem) => {
                    tracing::error!(
                        run = %made.run, secret = %made.name, %problem,
                        "a secret cannot be opened; retry the run from the step that makes it"
                    );
                    None
                }
            }
        });
        opened.collect()
    }
}
