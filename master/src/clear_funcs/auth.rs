//! `_auth`: looks up what the decision needs, asks the ledger, and says what an accepted minion is
//! told.

use std::net::SocketAddr;
use std::sync::Arc;

use minion_protocol::auth::{Accepted, Answer as Told, AuthLoad};
use minion_protocol::crypt::PublicKey;
use minion_protocol::load::LoadError;
use minion_protocol::{KeyLookup, Reply, Version};
use model::{Map, MinionId};

use super::evidence;
use crate::auth::counters::Counter;
use crate::auth::decide::Claim;
use crate::auth::{Attempt, Outcome, autosign};
use crate::enrolment::settings;
use crate::ledger::{Answer, Input, LedgerError};
use crate::marks::Mark;
use crate::shared::Shared;

/// A minion that showed no sign of life for so long, and has no connection open, is gone: a rebuilt
/// one may take its place. Twice the time between two signs of an idle connection would be shorter
/// than a busy minion's silence; half a minute is longer than any restart of the minion alone.
const GONE_AFTER_MILLIS: u64 = 30_000;

/// Who comes, from where, and with which protocol.
pub(crate) struct Visitor {
    /// The address.
    pub(crate) from: SocketAddr,
    /// The protocol.
    pub(crate) version: Version,
    /// What a sealed request is known by when it comes again.
    pub(crate) mark: Option<Mark>,
}

/// A sign-in whose evidence is gathered: it goes to the ledger, and what the ledger says comes back
/// to it.
pub(crate) struct SignIn {
    id: MinionId,
    key: Arc<PublicKey>,
    from: SocketAddr,
    /// Whether an operator's stub let it in, which is used up once the acceptance is durable.
    has_used_stub: bool,
}

/// Gathers what the decision on a sign-in needs; the answer, if there is nothing to decide.
pub(crate) async fn gather(
    shared: &Arc<Shared>,
    load: AuthLoad,
    visitor: &Visitor,
) -> Result<(Input, SignIn), Reply> {
    let AuthLoad {
        id,
        public_pem,
        autosign_grains,
    } = load;
    let from = visitor.from;
    // A key that is accepted as it is needs no parsing, and no look at the autosign files.
    let known = shared.keyring.accepted_as(&id, &public_pem);
    let is_known = known.is_some();
    let Ok(key) = known.map_or_else(|| shared.keyring.parse(&public_pem), Ok) else {
        tracing::warn!(%id, %from, "sign-in refused: the public key cannot be read");
        shared.counters.add(Counter::Malformed);
        return Err(Reply::Auth(Told::Refused));
    };
    let claim = if is_known {
        Claim::default()
    } else {
        claim(shared, id.clone(), autosign_grains, from).await
    };
    let has_other_key = shared.keyring.accepted(&id).is_some();
    let has_used_stub = claim.signed_by.as_deref() == Some(STUB_RULE);
    let attempt = Attempt {
        is_over_max: is_over_max(shared, &id).await,
        is_old_gone: !is_known && has_other_key && is_gone(shared, &id).await,
        id: id.clone(),
        pem: key.text().to_owned(),
        version: visitor.version.number(),
        from: from.ip().to_canonical().to_string(),
        claim,
    };
    let sign_in = SignIn {
        id,
        key,
        from,
        has_used_stub,
    };
    Ok((Input::Auth(Box::new(attempt)), sign_in))
}

impl SignIn {
    /// Says what the minion is told, now that the decision is durable; `None` if it is to be
    /// answered as what is below the floor is. May block on the disk.
    pub(crate) fn told(
        self,
        shared: &Shared,
        decided: Result<Answer, LedgerError>,
    ) -> Option<Reply> {
        let Ok(Answer::Auth(outcome)) = decided else {
            // Not false: a real minion ends at that. It tries again after this.
            return Some(Reply::Broken);
        };
        let now = shared.world.clock.now();
        shared.counters.signed_in(outcome, &self.id, self.from, now);
        Some(Reply::Auth(match outcome {
            Outcome::Pending | Outcome::Crowded => Told::Pending,
            Outcome::Refused | Outcome::Denied => Told::Refused,
            Outcome::Full => Told::Full,
            Outcome::Downgraded => return None,
            Outcome::Accepted => {
                if self.has_used_stub {
                    shared.pki_writer.remove_stub(&self.id);
                }
                Told::Accepted(Box::new(accepted(shared, &self.id, self.key, self.from)))
            }
        }))
    }
}

fn accepted(shared: &Shared, id: &MinionId, key: Arc<PublicKey>, from: SocketAddr) -> Accepted {
    shared.presence.saw(id, from.ip(), shared.world.clock.now());
    Accepted {
        minion_key: key,
        publish_port: shared.opts.publish_port,
        master_aes: shared.keyring.master_aes(),
        session: shared.keyring.session_of(id, shared.world.clock.now()),
        pub_sig: shared.channel.pub_sig(),
    }
}

/// Answers a sign-in whose id or key is no id or key.
pub(crate) fn malformed(shared: &Shared, error: &LoadError, from: SocketAddr) -> Reply {
    shared.counters.add(Counter::Malformed);
    tracing::warn!(%from, %error, "sign-in refused");
    Reply::Auth(Told::Refused)
}

/// Says whether the minion of the accepted key has no connection and was silent for a while. Just
/// after a start nobody is known to be gone.
async fn is_gone(shared: &Shared, id: &MinionId) -> bool {
    let Ok(start) = shared.ledger.ask(|views| views.master_start).await else {
        return false;
    };
    let now = shared.world.clock.now();
    let signs = shared.signs(std::iter::once(id));
    let sign = signs.get(id);
    let last = sign.and_then(|sign| sign.last_seen).unwrap_or_default();
    let silent_millis = now.millis_since(last.max(start));
    !sign.is_some_and(|sign| sign.is_connected) && silent_millis >= GONE_AFTER_MILLIS
}

async fn is_over_max(shared: &Shared, id: &MinionId) -> bool {
    let max = shared.opts.max_minions;
    if max == 0 {
        return false;
    }
    let Ok(ids) = shared
        .ledger
        .ask(|views| views.keys.accepted().cloned().collect())
        .await
    else {
        return false;
    };
    let ids: Vec<MinionId> = ids;
    let signs = shared.signs(ids.iter());
    let connected = signs.values().filter(|sign| sign.is_connected).count() as u64;
    connected > max && !signs.get(id).is_some_and(|sign| sign.is_connected)
}

/// Reads what the operator's files say about a stranger.
async fn claim(shared: &Arc<Shared>, id: MinionId, grains: Map, from: SocketAddr) -> Claim {
    if shared.opts.auto_accept && shared.opts.autoreject_file.is_none() {
        // There is no file to read.
        return Claim {
            signed_by: signed_by(shared, &id, &grains),
            ..Claim::default()
        };
    }
    let shared = Arc::clone(shared);
    let read = move || {
        let (opts, world) = (&shared.opts, &shared.world);
        let is_rejected = opts
            .autoreject_file
            .as_ref()
            .and_then(|file| crate::auth::rules::read(world, opts, file))
            .is_some_and(|text| autosign::file_matches(&text, &id));
        let signed_by = signed_by(&shared, &id, &grains);
        let is_asked = settings::is_policy(opts) && signed_by.is_none() && !is_rejected;
        Claim {
            is_rejected,
            signed_by,
            evidence: is_asked.then(|| evidence::gather(&shared, &id, &grains, from.ip())),
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// The rule that is named after a stub in `minions_autosign`.
const STUB_RULE: &str = "minions_autosign";

/// Names the rule that accepts a stranger without asking. `auto_accept` and a stub for the id are
/// an operator's own word and count always; lists count alone under `enrolment: legacy` only.
fn signed_by(shared: &Shared, id: &MinionId, grains: &Map) -> Option<String> {
    let (opts, world) = (&shared.opts, &shared.world);
    if opts.auto_accept {
        return Some("auto_accept".into());
    }
    let is_legacy = !settings::is_policy(opts);
    if is_legacy {
        let file = opts.autosign_file.as_ref();
        let text = file.and_then(|file| crate::auth::rules::read(world, opts, file));
        if text.is_some_and(|text| autosign::file_matches(&text, id)) {
            return Some("autosign_file".into());
        }
    }
    let now = world.clock.now();
    shared.pki_writer.sweep_stubs(now, opts.autosign_timeout);
    if shared.pki_writer.has_stub(id, now, opts.autosign_timeout) {
        return Some(STUB_RULE.into());
    }
    let dir = opts.autosign_grains_dir.as_ref().filter(|_| is_legacy)?;
    let read = |name: &str| crate::auth::rules::read(world, opts, &dir.join(name));
    let grain = autosign::matching_grain(grains, opts.enrolment_lab, read)?;
    Some(format!("autosign_grains_dir/{grain}"))
}
