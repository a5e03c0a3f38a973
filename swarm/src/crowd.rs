//! Makes the minions and gets them in.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock;
use crate::flags::Flags;
use crate::keys::{self, Identity, KeyError};
use crate::minion::{Master, Minion};
use crate::peer::{Peer, SignIn};

/// Between two sign-ins of a minion that is not accepted yet; real ones wait ten seconds.
const RETRY: Duration = Duration::from_millis(500);

/// Sign-ins before a minion gives up.
const SIGN_INS_MAX: u32 = 20;

/// Why the crowd cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrowdError {
    /// The keys cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody to play.
    #[error("--minions, --at-once and --distinct-keys have to be at least 1")]
    Nobody,
    /// A minion is not let in.
    #[error(
        "{id} is not let in ({last}): accept the keys (salt-key -A), or name the master's pki_dir \
         with --accept-in"
    )]
    KeptOut {
        /// Who.
        id: String,
        /// What the last attempt gave.
        last: String,
    },
}

/// Makes the minions; puts their keys among the accepted ones if that was asked for.
pub(crate) fn make(flags: &Flags) -> Result<VecDeque<Minion>, CrowdError> {
    if flags.minions == 0 || flags.at_once == 0 || flags.distinct_keys == 0 {
        return Err(CrowdError::Nobody);
    }
    members(flags, &flags.prefix, flags.minions)
}

/// Makes so many minions whose ids begin with this.
pub(crate) fn members(
    flags: &Flags,
    prefix: &str,
    count: usize,
) -> Result<VecDeque<Minion>, CrowdError> {
    let distinct = flags.distinct_keys.min(count);
    let identities = keys::open(&flags.keys, distinct, flags.key_bits)?;
    let members: Vec<(String, &Identity)> = (0..count)
        .zip(identities.iter().cycle())
        .map(|(index, identity)| (format!("{prefix}{index:05}"), identity))
        .collect();
    if let Some(pki_dir) = &flags.accept_in {
        let named = members
            .iter()
            .map(|(id, identity)| (id.as_str(), *identity));
        keys::accept(pki_dir, named)?;
    }
    let master = Master {
        requests: SocketAddr::new(flags.master, flags.ret_port),
        publications: SocketAddr::new(flags.master, flags.publish_port),
        patience: flags.patience(),
    };
    let minion = |(id, identity): (String, &Identity)| {
        let (key, token) = (identity.key.clone(), identity.token.clone());
        Minion::new(Peer::new(id, flags.protocol.into(), key, token), master)
    };
    Ok(members.into_iter().map(minion).collect())
}

/// Deals the minions out to as many hands as work at once.
pub(crate) fn deal(minions: VecDeque<Minion>, hands: usize) -> Vec<Vec<Minion>> {
    let hands = hands.min(minions.len()).max(1);
    let mut dealt: Vec<Vec<Minion>> = (0..hands).map(|_| Vec::new()).collect();
    for (index, minion) in minions.into_iter().enumerate() {
        dealt[index % hands].push(minion);
    }
    dealt
}

/// Signs all minions in, as many at once as work at once; not measured.
pub(crate) async fn let_in(
    minions: VecDeque<Minion>,
    at_once: usize,
) -> Result<VecDeque<Minion>, CrowdError> {
    let mut tasks = JoinSet::new();
    for mut hand in deal(minions, at_once) {
        tasks.spawn(async move {
            for minion in &mut hand {
                get_in(minion).await?;
            }
            Ok::<_, CrowdError>(hand)
        });
    }
    let mut all = VecDeque::new();
    for hand in tasks.join_all().await {
        all.extend(hand?);
    }
    Ok(all)
}

/// Signs one minion in, however often it takes.
async fn get_in(minion: &mut Minion) -> Result<(), CrowdError> {
    let mut last = String::new();
    for _ in 0..SIGN_INS_MAX {
        last = match minion.sign_in().await {
            Ok(SignIn::Accepted) => return Ok(()),
            Ok(other) => format!("{other:?}").to_lowercase(),
            Err(failure) => failure.to_string(),
        };
        clock::pause(RETRY).await;
    }
    let id = minion.peer.id.clone();
    Err(CrowdError::KeptOut { id, last })
}
