//! Opens and seals: bytes to [`Request`](minion_protocol::Request) and [`Reply`] to bytes, with the
//! right key.
//!
//! The costly part of a message happens here, in whatever task handles it, never in the ledger.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use minion_protocol::auth::PubSig;
use minion_protocol::crypt::{Crypticle, MasterKey, SigAlgo};
use minion_protocol::publication::{BROADCAST, Publication, topic};
use minion_protocol::{KeyLookup, Opened, Refusal, Reply, Seal, open};
use model::MinionId;
use model::target::TargetType;
use tokio::sync::broadcast;

use crate::jobs::JobPublished;
use crate::keys::keyring::Keyring;
use crate::marks::{Mark, Memory};
use crate::transport::{PublishServer, SubscriberChange};
use crate::world::Entropy;

/// What the channel is built of.
pub struct Parts {
    /// The master's own key pair.
    pub master_key: MasterKey,
    /// The signature of its public half (`master_sign_pubkey`).
    pub pub_sig: Option<Arc<PubSig>>,
    /// Everybody else's keys.
    pub keyring: Arc<Keyring>,
    /// Where nonces and one-time keys come from.
    pub entropy: Arc<dyn Entropy>,
    /// The publish socket.
    pub publisher: PublishServer,
    /// Option `zmq_filtering`.
    pub is_filtering: bool,
    /// Option `publish_signing_algorithm`.
    pub sig_algo: SigAlgo,
}

/// Opens and seals messages.
pub struct Channel {
    parts: Parts,
    // Serials rise in wire order, and start again with each shared key: one owner for both.
    serial: Mutex<Serial>,
    done: Memory,
}

struct Serial {
    aes: Arc<Crypticle>,
    last: u64,
}

impl Channel {
    /// Builds the channel.
    pub fn new(parts: Parts) -> Self {
        let serial = Mutex::new(Serial {
            aes: parts.keyring.master_aes(),
            last: 0,
        });
        Self {
            parts,
            serial,
            done: Memory::default(),
        }
    }

    /// Gives the signature of the master's public key, where `master_sign_pubkey` is set.
    pub fn pub_sig(&self) -> Option<Arc<PubSig>> {
        self.parts.pub_sig.clone()
    }

    /// Says whether what a request of an older protocol asked for is done already.
    pub fn is_done(&self, mark: Mark) -> bool {
        self.done.knows(mark)
    }

    /// Notes that it is.
    pub fn note_done(&self, mark: Mark) {
        self.done.note(mark);
    }

    /// Opens a request. Costs one public RSA operation at most.
    pub fn open(&self, body: &[u8]) -> Result<Opened, Refusal> {
        open(body, self.parts.keyring.as_ref())
    }

    /// Seals a reply. Costs up to three private RSA operations for a sign-in.
    pub fn seal(&self, seal: &Seal, reply: &Reply) -> Vec<u8> {
        let entropy = &self.parts.entropy;
        let mut random = |bytes: &mut [u8]| entropy.fill(bytes);
        match seal.seal(reply, &self.parts.master_key, &mut random) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "a reply could not be sealed");
                seal.seal(&Reply::Broken, &self.parts.master_key, &mut random)
                    .unwrap_or_default()
            }
        }
    }

    /// Publishes a job: sealed once, sent to everyone or, under `zmq_filtering`, to the topics of
    /// `ids`.
    pub fn publish(&self, job: &JobPublished, ids: &[MinionId]) {
        let publication = Publication {
            fun: job.fun.clone(),
            arg: job.arg.clone(),
            tgt: job.tgt.clone(),
            tgt_type: job.tgt_type.as_str().to_owned(),
            jid: job.jid.clone(),
            ret: job.ret.clone(),
            user: job.user.clone(),
            more: job.extra.clone(),
        };
        let entropy = &self.parts.entropy;
        let mut random = |bytes: &mut [u8]| entropy.fill(bytes);
        // Held until the bytes are queued: a publication that overtakes another makes that one
        // vanish at minions.
        let mut serial = self.serial.lock().unwrap_or_else(PoisonError::into_inner);
        let aes = self.parts.keyring.master_aes();
        if serial.aes.key_string() != aes.key_string() {
            *serial = Serial {
                aes: Arc::clone(&aes),
                last: 0,
            };
        }
        serial.last += 1;
        let signer = (&self.parts.master_key, self.parts.sig_algo);
        match publication.seal(serial.last, &aes, signer, &mut random) {
            Ok(body) => self.queue(job.tgt_type, ids, &body.into()),
            Err(error) => tracing::error!(%error, jid = %job.jid, "a job could not be sealed"),
        }
    }

    fn queue(&self, tgt_type: TargetType, ids: &[MinionId], body: &Bytes) {
        let topics = match tgt_type {
            _ if !self.parts.is_filtering => Vec::new(),
            TargetType::Glob | TargetType::Pcre | TargetType::List => {
                ids.iter().map(topic).collect()
            }
            _ => vec![BROADCAST.to_owned()],
        };
        let told = self.parts.publisher.publish(&topics, body);
        if told.dropped > 0 {
            tracing::warn!(
                dropped = told.dropped,
                "subscribers that are too slow missed a publication"
            );
        }
    }

    /// Gives the publish connections that open and close from now on.
    pub fn subscriber_changes(&self) -> broadcast::Receiver<SubscriberChange> {
        self.parts.publisher.changes()
    }

    /// Gives the addresses of the open publish connections.
    pub fn subscribers(&self) -> HashSet<IpAddr> {
        self.parts
            .publisher
            .subscribers()
            .iter()
            .map(|address| address.ip())
            .collect()
    }

    /// Gives the fingerprint of the master's public key, as `salt-key -F master` shows it.
    pub fn master_fingerprint(&self) -> String {
        self.parts.master_key.fingerprint()
    }
}
