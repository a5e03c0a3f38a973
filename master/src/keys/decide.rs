//! Decides what an operator's act, or a file moved by hand, changes.

use model::{Glob, MinionId};

use super::{KeyChange, KeyChanged, Phase, View};

/// What an operator wants done with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Accept pending keys, and rejected or denied ones where asked.
    Accept,
    /// Reject pending keys, and accepted or denied ones where asked.
    Reject,
    /// Delete keys wherever they are.
    Delete,
}

/// Which keys an act may touch besides the usual ones, as the options of `salt-key` say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    /// Also accepted keys (`reject` only).
    pub accepted: bool,
    /// Also rejected keys (`accept` only).
    pub rejected: bool,
    /// Also denied keys.
    pub denied: bool,
}

/// Decides on an operator's act for every id that the glob matches.
pub fn on_act(keys: &View, act: Act, glob: &str, include: Include, by: &str) -> Vec<KeyChanged> {
    let glob = Glob::new(glob);
    let change = match act {
        Act::Accept => KeyChange::Accepted,
        Act::Reject => KeyChange::Rejected,
        Act::Delete => KeyChange::Deleted,
    };
    let phases = |phase| match (act, phase) {
        (Act::Delete, _) | (_, Phase::Pending) => true,
        (Act::Accept, Phase::Rejected) => include.rejected,
        (Act::Reject, Phase::Accepted) => include.accepted,
        (Act::Accept, Phase::Accepted) | (Act::Reject, Phase::Rejected) => false,
    };
    let mut changes = Vec::new();
    for phase in [Phase::Accepted, Phase::Pending, Phase::Rejected] {
        if !phases(phase) {
            continue;
        }
        for (id, key) in keys
            .in_phase(phase)
            .filter(|(id, _)| glob.matches(id.as_str()))
        {
            let pem = if act == Act::Delete {
                String::new()
            } else {
                key.pem.clone()
            };
            changes.push(KeyChanged {
                id: id.clone(),
                change,
                pem,
                by: by.to_owned(),
            });
        }
    }
    if act == Act::Delete || include.denied {
        changes.extend(on_denied(keys, change, &glob, by));
    }
    changes
}

/// A denied key that is accepted takes the place of the live one.
fn on_denied(keys: &View, change: KeyChange, glob: &Glob, by: &str) -> Vec<KeyChanged> {
    let mut changes = Vec::new();
    for (id, pem) in keys
        .all_denied()
        .filter(|(id, _)| glob.matches(id.as_str()))
    {
        let changed = |change, pem: &str| KeyChanged {
            id: id.clone(),
            change,
            pem: pem.to_owned(),
            by: by.to_owned(),
        };
        if change != KeyChange::Deleted {
            changes.push(changed(change, pem));
        }
        changes.push(changed(KeyChange::DeniedDeleted, ""));
    }
    changes
}

/// Decides on a key file that was found where the view has none or another: someone put it there by
/// hand.
pub fn on_found(keys: &View, id: &MinionId, phase: Phase, pem: &str) -> Option<KeyChanged> {
    let is_known = keys
        .get(id)
        .is_some_and(|key| key.phase == phase && key.pem == pem);
    let change = match phase {
        Phase::Accepted => KeyChange::Accepted,
        Phase::Pending => KeyChange::Pended,
        Phase::Rejected => KeyChange::Rejected,
    };
    (!is_known).then(|| KeyChanged {
        id: id.clone(),
        change,
        pem: pem.to_owned(),
        by: "pki_dir".to_owned(),
    })
}

/// Decides on a key whose file is gone: someone removed it by hand.
pub fn on_gone(keys: &View, id: &MinionId) -> Option<KeyChanged> {
    keys.get(id)?;
    Some(KeyChanged {
        id: id.clone(),
        change: KeyChange::Deleted,
        pem: String::new(),
        by: "pki_dir".to_owned(),
    })
}
