//! What minions ask on behalf of themselves: jobs for peers, runners, giving a key up.

use std::sync::Arc;

use minion_protocol::load::peer::RevokeLoad;
use minion_protocol::{Principal, Reply};

use crate::keys::decide::{Act, Include};
use crate::keys::pattern::Wanted;
use crate::ledger::Input;
use crate::shared::Shared;

/// Refuses peer publishing and peer runners: the options `peer` and `peer_run` are not supported,
/// and without them Salt answers an empty map too.
pub(crate) fn refuse() -> Reply {
    Reply::empty()
}

/// Deletes the asker's own key, if it proved to be the asker.
pub(crate) async fn revoke(shared: &Arc<Shared>, load: RevokeLoad, principal: &Principal) -> Reply {
    let is_proven = matches!(principal, Principal::Proven(id) if *id == load.id);
    if !is_proven || !shared.opts.allow_minion_key_revoke {
        return Reply::Value(load.load.into());
    }
    let input = Input::Keys {
        act: Act::Delete,
        wanted: vec![Wanted::exactly(load.id.as_str(), None)],
        include: Include::default(),
        by: load.id.to_string(),
    };
    match shared.ledger.decide(input).await {
        Ok(_) => Reply::Value(true.into()),
        Err(_) => Reply::Broken,
    }
}
