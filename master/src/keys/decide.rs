//! Decides what an operator's act, or a file moved by hand, changes.

use model::MinionId;

use super::pattern::{Section, Wanted};
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
    /// Delete keys and keep what their minions said of themselves.
    DeleteKeepingData,
    /// Let accepted keys speak an older protocol again.
    ResetVersion,
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

impl Act {
    /// Says whether an act touches keys of a section.
    fn is_about(self, section: Section, include: Include) -> bool {
        match (self, section) {
            (Self::ResetVersion, _) => section == Section::Accepted,
            (Self::Delete | Self::DeleteKeepingData, _) | (_, Section::Pending) => true,
            (Self::Accept, Section::Rejected) => include.rejected,
            (Self::Reject, Section::Accepted) => include.accepted,
            (Self::Accept, Section::Accepted) | (Self::Reject, Section::Rejected) => false,
            (_, Section::Denied) => include.denied,
        }
    }

    fn change(self) -> KeyChange {
        match self {
            Self::Accept => KeyChange::Accepted,
            Self::Reject => KeyChange::Rejected,
            Self::Delete => KeyChange::Deleted,
            Self::DeleteKeepingData => KeyChange::DeletedKeepingData,
            Self::ResetVersion => KeyChange::VersionReset,
        }
    }
}

/// Decides on an operator's act for every key that is wanted.
pub fn on_act(
    keys: &View,
    act: Act,
    wanted: &[Wanted],
    include: Include,
    by: &str,
) -> Vec<KeyChanged> {
    let mut changes = Vec::new();
    for section in Section::ALL {
        if !act.is_about(section, include) {
            continue;
        }
        for (id, pem) in keys.in_section(section) {
            if wanted.iter().any(|it| it.matches(section, id, pem)) {
                changes.extend(on_key(keys, act, section, (id, pem), by));
            }
        }
    }
    changes
}

fn on_key(
    keys: &View,
    act: Act,
    section: Section,
    (id, pem): (&MinionId, &str),
    by: &str,
) -> Vec<KeyChanged> {
    let changed = |change, pem: &str| KeyChanged {
        id: id.clone(),
        change,
        pem: pem.to_owned(),
        by: by.to_owned(),
    };
    match (act, section) {
        (Act::ResetVersion, _) => {
            let has_one = keys.get(id).is_some_and(|key| key.version > 0);
            has_one
                .then(|| changed(act.change(), pem))
                .into_iter()
                .collect()
        }
        (Act::Delete | Act::DeleteKeepingData, Section::Denied) => {
            vec![changed(KeyChange::DeniedDeleted, "")]
        }
        (Act::Delete | Act::DeleteKeepingData, _) => vec![changed(act.change(), "")],
        // A denied key that is accepted takes the place of the live one; what that one knew ends.
        (Act::Accept | Act::Reject, Section::Denied) => {
            let is_another = keys.get(id).is_some_and(|live| live.pem != pem);
            let deleted = is_another.then(|| changed(KeyChange::Deleted, ""));
            let mut changes: Vec<_> = deleted.into_iter().collect();
            changes.push(changed(act.change(), pem));
            changes.push(changed(KeyChange::DeniedDeleted, ""));
            changes
        }
        (Act::Accept | Act::Reject, _) => vec![changed(act.change(), pem)],
    }
}

/// Decides on a key that has proven to speak a protocol.
pub fn on_spoken(keys: &View, id: &MinionId, version: u8) -> Option<KeyChanged> {
    let key = keys.get(id)?;
    let is_news = key.phase == Phase::Accepted && key.version < version;
    is_news.then(|| KeyChanged {
        id: id.clone(),
        change: KeyChange::Spoke(version),
        pem: key.pem.clone(),
        by: "minion".to_owned(),
    })
}

/// Decides on a key that the operator made for a minion that was never here (`gen_accept`). A
/// live key is replaced only where that is asked for.
pub fn on_given(
    keys: &View,
    id: &MinionId,
    pem: &str,
    is_forced: bool,
    by: &str,
) -> Vec<KeyChanged> {
    let changed = |change, pem: &str| KeyChanged {
        id: id.clone(),
        change,
        pem: pem.to_owned(),
        by: by.to_owned(),
    };
    let accepted = changed(KeyChange::Accepted, pem);
    match keys.get(id) {
        Some(key) if key.phase == Phase::Accepted && !is_forced => Vec::new(),
        Some(_) => vec![changed(KeyChange::Deleted, ""), accepted],
        None => vec![accepted],
    }
}

/// Decides on a key file that was found where the view has none or another: someone put it there by
/// hand. Another accepted key is another minion: what the first knew ends.
pub fn on_found(keys: &View, id: &MinionId, phase: Phase, pem: &str) -> Vec<KeyChanged> {
    let live = keys.get(id);
    if live.is_some_and(|key| key.phase == phase && key.pem == pem) {
        return Vec::new();
    }
    let change = match phase {
        Phase::Accepted => KeyChange::Accepted,
        Phase::Pending => KeyChange::Pended,
        Phase::Rejected => KeyChange::Rejected,
    };
    let found = by_hand(id, change, pem);
    let is_another = live.is_some_and(|key| key.phase == Phase::Accepted && key.pem != pem);
    if is_another {
        return vec![by_hand(id, KeyChange::Deleted, ""), found];
    }
    vec![found]
}

/// Decides on a key whose file is gone: someone removed it by hand.
pub fn on_gone(keys: &View, id: &MinionId) -> Option<KeyChanged> {
    keys.get(id)?;
    Some(by_hand(id, KeyChange::Deleted, ""))
}

/// Decides on a denied key whose file was put or removed by hand.
pub fn on_denied_file(keys: &View, id: &MinionId, pem: Option<&str>) -> Option<KeyChanged> {
    match (keys.denied(id), pem) {
        (Some(known), Some(found)) if known == found => None,
        (None, None) => None,
        (_, Some(found)) => Some(by_hand(id, KeyChange::Denied, found)),
        (Some(_), None) => Some(by_hand(id, KeyChange::DeniedDeleted, "")),
    }
}

fn by_hand(id: &MinionId, change: KeyChange, pem: &str) -> KeyChanged {
    KeyChanged {
        id: id.clone(),
        change,
        pem: pem.to_owned(),
        by: "pki_dir".to_owned(),
    }
}
