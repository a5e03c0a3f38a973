//! Jobs as they come, opened once for all minions that got the same bytes under the same key.
//!
//! One process plays thousands of minions, and each of them gets every job. If each opened it and
//! read its list of ids, the swarm would be what is measured: a list of N ids for N minions.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use minion_protocol::crypt::Crypticle;
use model::target::{Candidate, Target, TargetType};
use model::{Map, MinionId, Value};

use crate::peer::{Broken, Peer};

/// How many are kept: minions that lag get one a little later than others.
const KEPT_MAX: usize = 16;

/// A job that was opened.
#[derive(Debug)]
pub(crate) struct Job {
    /// The load.
    pub(crate) load: Map,
    meant: Meant,
}

/// For whom a job is.
#[derive(Debug)]
enum Meant {
    /// A list, which may be as long as there are minions.
    Ids(HashSet<String>),
    Target(Target),
    /// It cannot be read.
    Nobody,
}

impl Job {
    fn new(load: Map) -> Self {
        let tgt_type = load.get("tgt_type").map(Value::to_text).unwrap_or_default();
        let tgt = load.get("tgt").cloned().unwrap_or_default();
        let target = TargetType::parse(&tgt_type).map(|tgt_type| Target { tgt, tgt_type });
        let meant = match target {
            Ok(target) if target.tgt_type == TargetType::List => {
                Meant::Ids(target.listed_ids().into_iter().collect())
            }
            Ok(target) => Meant::Target(target),
            Err(_) => Meant::Nobody,
        };
        Self { load, meant }
    }

    /// Says whether this minion is meant.
    pub(crate) fn is_for(&self, id: &MinionId) -> bool {
        let candidate = Candidate {
            id,
            grains: None,
            pillar: None,
        };
        match &self.meant {
            Meant::Ids(ids) => ids.contains(id.as_str()),
            Meant::Target(target) => target.matches(candidate).unwrap_or(false),
            Meant::Nobody => false,
        }
    }
}

#[derive(Debug)]
struct Kept {
    body: Bytes,
    key: Arc<Crypticle>,
    job: Arc<Job>,
}

/// The last jobs that came.
#[derive(Debug, Default)]
pub(crate) struct Publications {
    kept: Mutex<VecDeque<Kept>>,
}

impl Publications {
    /// Opens a job; `None` if it is sealed under a key this minion has not got.
    pub(crate) fn open(&self, peer: &Peer, parts: &[Bytes]) -> Result<Option<Arc<Job>>, Broken> {
        let body = parts.last().ok_or(Broken::Check("an empty publication"))?;
        let key = peer.shared_key()?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |one: &&Kept| one.body == body && one.key == *key;
        if let Some(one) = kept.iter().find(is_it) {
            return Ok(Some(Arc::clone(&one.job)));
        }
        // Under the lock: thousands wait for the same one.
        let Some(load) = peer.open_publication(body)? else {
            return Ok(None);
        };
        let job = Arc::new(Job::new(load));
        kept.truncate(KEPT_MAX - 1);
        kept.push_front(Kept {
            body: body.clone(),
            key: Arc::clone(key),
            job: Arc::clone(&job),
        });
        Ok(Some(job))
    }
}

#[cfg(test)]
mod tests {
    use minion_protocol::Version;
    use minion_protocol::crypt::{MasterKey, SigAlgo};
    use minion_protocol::publication::Publication;

    use super::*;

    fn random(bytes: &mut [u8]) {
        openssl::rand::rand_bytes(bytes).unwrap();
    }

    fn body(master: &MasterKey, aes: &Crypticle, serial: u64) -> [Bytes; 1] {
        let publication = Publication {
            fun: Value::str("test.ping"),
            arg: Vec::new(),
            tgt: Value::List(vec![Value::str("one"), Value::str("two")]),
            tgt_type: "list".to_owned(),
            jid: "20260101000000000000".parse().unwrap(),
            ret: String::new(),
            user: "root".to_owned(),
            more: Map::new(),
        };
        let signer = (master, SigAlgo::default());
        let sealed = publication.seal(serial, aes, signer, &mut random);
        [sealed.unwrap().into()]
    }

    #[test]
    fn a_job_is_opened_once_for_all_who_have_its_key_and_for_nobody_else() {
        let master = MasterKey::generate(2048).unwrap();
        let (aes, other) = (
            Crypticle::generate(&mut random),
            Crypticle::generate(&mut random),
        );
        let key = Arc::new(MasterKey::generate(2048).unwrap());
        let peer = |id: &str, aes: &Crypticle| {
            let mut peer = Peer::new(id.to_owned(), Version::V3, Arc::clone(&key), Arc::new([]));
            let aes = Crypticle::from_key_string(aes.key_string()).unwrap();
            peer.set_session(aes, &master);
            peer
        };
        let (one, two, stranger) = (peer("one", &aes), peer("two", &aes), peer("one", &other));
        let publications = Publications::default();
        let parts = body(&master, &aes, 1);
        assert!(publications.open(&stranger, &parts).unwrap().is_none());
        let first = publications.open(&one, &parts).unwrap().unwrap();
        let second = publications.open(&two, &parts).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &second), "opened once");
        assert!(publications.open(&stranger, &parts).unwrap().is_none());
        let is_for = |id: &str| first.is_for(&id.parse().unwrap());
        assert!(is_for("one") && is_for("two") && !is_for("three"));
        for serial in 2..100 {
            let parts = body(&master, &aes, serial);
            publications.open(&one, &parts).unwrap().unwrap();
        }
        assert_eq!(publications.kept.lock().unwrap().len(), KEPT_MAX);
        let forged = body(&key, &aes, 100);
        assert!(publications.open(&one, &forged).is_err());
    }
}
