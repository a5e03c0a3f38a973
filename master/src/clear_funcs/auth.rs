//! `_auth`: looks up what the decision needs, asks the ledger, and says what an accepted minion is
//! told.

use std::net::SocketAddr;
use std::sync::Arc;

use minion_protocol::auth::{Accepted, Answer as Told, AuthLoad};
use minion_protocol::crypt::PublicKey;
use minion_protocol::load::LoadError;
use minion_protocol::{KeyLookup, Reply};
use model::{Map, MinionId};

use crate::auth::decide::Claim;
use crate::auth::{Attempt, Outcome, autosign};
use crate::ledger::{Answer, Input};
use crate::shared::Shared;

/// Answers a sign-in.
pub(crate) async fn sign_in(shared: &Arc<Shared>, load: AuthLoad, from: SocketAddr) -> Reply {
    let AuthLoad {
        id,
        public_pem,
        autosign_grains,
    } = load;
    let Ok(key) = PublicKey::from_pem(&public_pem) else {
        tracing::warn!(%id, %from, "sign-in refused: the public key cannot be read");
        return Reply::Auth(Told::Refused);
    };
    let key = Arc::new(key);
    // A key that is accepted as it is needs no look at the autosign files.
    let is_known = shared
        .keyring
        .accepted(&id)
        .is_some_and(|known| known.text() == key.text());
    let claim = if is_known {
        Claim::default()
    } else {
        claim(shared, id.clone(), autosign_grains).await
    };
    let is_over_max = is_over_max(shared, &id).await;
    // Used up only once the acceptance is durable.
    let used_stub = claim.signed_by.as_deref() == Some(STUB_RULE);
    let attempt = Attempt {
        id: id.clone(),
        pem: key.text().to_owned(),
        claim,
        is_over_max,
    };
    let outcome = match shared.ledger.decide(Input::Auth(attempt)).await {
        Ok(Answer::Auth(outcome)) => outcome,
        // Not false: a real minion ends at that. It tries again after this.
        _ => return Reply::Broken,
    };
    tracing::info!(%id, %from, ?outcome, "sign-in");
    Reply::Auth(match outcome {
        Outcome::Pending => Told::Pending,
        Outcome::Refused => Told::Refused,
        Outcome::Full => Told::Full,
        Outcome::Accepted => {
            if used_stub {
                shared.pki_writer.remove_stub(&id).await;
            }
            shared
                .presence
                .saw(&id, from.ip(), shared.world.clock.now());
            Told::Accepted(Box::new(Accepted {
                minion_key: key,
                publish_port: shared.opts.publish_port,
                master_aes: shared.keyring.master_aes(),
                session: shared.keyring.session_of(&id),
                pub_sig: None,
            }))
        }
    })
}

/// Answers a sign-in whose id or key is no id or key.
pub(crate) fn malformed(error: &LoadError, from: SocketAddr) -> Reply {
    tracing::warn!(%from, %error, "sign-in refused");
    Reply::Auth(Told::Refused)
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
async fn claim(shared: &Arc<Shared>, id: MinionId, grains: Map) -> Claim {
    let shared = Arc::clone(shared);
    let read = move || {
        let (opts, world) = (&shared.opts, &shared.world);
        let is_rejected = opts
            .autoreject_file
            .as_ref()
            .and_then(|file| crate::auth::rules::read(world, opts, file))
            .is_some_and(|text| autosign::file_matches(&text, &id));
        let signed_by = signed_by(&shared, &id, &grains);
        Claim {
            is_rejected,
            signed_by,
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// The rule that is named after a stub in `minions_autosign`.
const STUB_RULE: &str = "minions_autosign";

fn signed_by(shared: &Shared, id: &MinionId, grains: &Map) -> Option<String> {
    let (opts, world) = (&shared.opts, &shared.world);
    if opts.auto_accept {
        return Some("auto_accept".into());
    }
    let file = opts.autosign_file.as_ref();
    let text = file.and_then(|file| crate::auth::rules::read(world, opts, file));
    if text.is_some_and(|text| autosign::file_matches(&text, id)) {
        return Some("autosign_file".into());
    }
    if shared
        .pki_writer
        .has_stub(id, world.clock.now(), opts.autosign_timeout)
    {
        return Some(STUB_RULE.into());
    }
    let dir = opts.autosign_grains_dir.as_ref()?;
    let read = |name: &str| crate::auth::rules::read(world, opts, &dir.join(name));
    let grain = autosign::matching_grain(grains, read)?;
    Some(format!("autosign_grains_dir/{grain}"))
}
