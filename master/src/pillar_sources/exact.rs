//! Pillars that follow from the question and from files alone, given again while both are the same.
//!
//! Unlike `pillar_cache` this needs no option and no time to live: every file that was looked for
//! is looked at again, and a pillar that asked anything else (an external pillar, a function that
//! asks the world) is not kept. Kept is what is sent: msgpack.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minion_protocol::msgpack;
use model::Value;
use pillar::{Inputs, are_same};
use sha2::{Digest, Sha256};
use states::file_client::FileClient;
use states::sources::Source;

use super::Asked;

/// Bytes kept in all: 2,000 pillars of 8 kB. The oldest go first.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Stands for a question: who asks, with which grains, environments and overrides.
pub(super) type Question = [u8; 32];

/// The pillars that are kept.
#[derive(Default)]
pub(super) struct Exact(Mutex<Store>);

#[derive(Default)]
struct Store {
    by_question: HashMap<Question, Entry>,
    order: VecDeque<Question>,
    bytes: usize,
}

struct Entry {
    sources: Arc<[Source]>,
    pillar: Arc<[u8]>,
}

impl Exact {
    /// Gives what stands for a question. The options are the same for all.
    pub(super) fn question(asked: &Asked) -> Question {
        let optional = |text: &Option<String>| Value::from(text.as_deref());
        let mut all = Vec::new();
        msgpack::encode_onto(&Value::str(asked.id.as_str()), &mut all);
        msgpack::encode_map_onto(&asked.grains.0, &mut all);
        msgpack::encode_onto(&optional(&asked.saltenv), &mut all);
        msgpack::encode_onto(&optional(&asked.pillarenv), &mut all);
        msgpack::encode_map_onto(&asked.overrides, &mut all);
        Sha256::digest(&all).into()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Whoever panicked while holding it had at most a count wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the pillar for a question, if it would come out the same now.
    pub(super) fn get(&self, question: &Question, files: &dyn FileClient) -> Option<Arc<[u8]>> {
        let (sources, pillar) = {
            let store = self.lock();
            let entry = store.by_question.get(question)?;
            (Arc::clone(&entry.sources), Arc::clone(&entry.pillar))
        };
        // A file that cannot be read is told by the render that follows.
        are_same(&sources, files).unwrap_or(false).then_some(pillar)
    }

    /// Keeps a pillar, if it was made of nothing else.
    pub(super) fn put(&self, question: Question, inputs: &Inputs, pillar: &Arc<[u8]>) {
        if !inputs.is_closed() || pillar.len() > KEPT_BYTES_MAX {
            return;
        }
        let mut store = self.lock();
        // Most minions' pillars are made of the same files.
        let last = store
            .order
            .back()
            .and_then(|last| store.by_question.get(last));
        let shared = last.map(|entry| Arc::clone(&entry.sources));
        let sources = shared
            .filter(|sources| sources[..] == inputs.sources[..])
            .unwrap_or_else(|| inputs.sources.clone().into());
        let pillar = Arc::clone(pillar);
        store.bytes += pillar.len();
        match store
            .by_question
            .insert(question, Entry { sources, pillar })
        {
            Some(old) => store.bytes -= old.pillar.len(),
            None => store.order.push_back(question),
        }
        while store.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = store.order.pop_front()
            && let Some(old) = store.by_question.remove(&oldest)
        {
            store.bytes -= old.pillar.len();
        }
    }
}
