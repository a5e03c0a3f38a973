//! What a step waits for that restarts machines: `salt.reboot`, and `reboot_expected: True`.
//!
//! A return says that the command was given, a start event that a minion's process began. Only a
//! new boot says that the machine restarted, so that is what counts; the master asks for it. Where
//! a minion cannot tell, its start event is taken, and the step says so.

use std::sync::LazyLock;

use model::api::MinionPhase;
use model::{Event, MinionId, Tag, TagGlob, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::{Attempt, MinionState};

/// How long nothing may be heard of a machine that restarts, in milliseconds: 20 minutes. Hardware
/// was seen to need 12.
const TIMEOUT_MS: u64 = 20 * 60 * 1000;

/// How many times that it may take in all, unless the step says otherwise: machines that restart
/// twice for their firmware, and then check their disks.
const TIMEOUTS_MAX: u64 = 3;

/// The tags that tell of a minion's start.
pub(crate) static STARTS: LazyLock<TagGlob> = LazyLock::new(|| TagGlob::new("salt/minion/*/start"));

/// What a step waits for that restarts machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebooting {
    /// What counts as a restart.
    #[serde(default)]
    pub proof: Proof,
    /// How long nothing may be heard of them, in milliseconds.
    pub timeout_ms: u64,
    /// How long it may take in all, in milliseconds.
    pub timeout_max_ms: u64,
}

impl Default for Rebooting {
    fn default() -> Self {
        Self {
            proof: Proof::default(),
            timeout_ms: TIMEOUT_MS,
            timeout_max_ms: TIMEOUT_MS * TIMEOUTS_MAX,
        }
    }
}

/// What counts as a restart of a machine (`boot_proof`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A new boot id, or a later boot by the time a machine is up.
    #[default]
    Boot,
    /// A start event: for minions in containers, which share the boot of their host.
    Start,
}

/// How a minion stands that is to restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    /// It did not, as far as is known.
    No,
    /// It did.
    Yes,
    /// It said that it started, and it is not known in which boot.
    Perhaps,
}

impl Rebooting {
    /// Reads `timeout` and its kin, under the names that the step has for them.
    pub(crate) fn parse<'a>(arguments: &mut Arguments<'a>, names: [&'a str; 2]) -> Self {
        let [timeout, timeout_max] = names;
        let timeout_ms = arguments.seconds(timeout).unwrap_or(TIMEOUT_MS);
        let timeout_max_ms = limit(arguments, timeout_max, timeout_ms);
        let proof = match arguments.text("boot_proof").as_deref() {
            None | Some("boot") => Proof::Boot,
            Some("start") => Proof::Start,
            Some(other) => {
                arguments.refuse(format!("'boot_proof' is 'boot' or 'start', not '{other}'"));
                Proof::Boot
            }
        };
        Self {
            proof,
            timeout_ms,
            timeout_max_ms: timeout_max_ms
                .unwrap_or_else(|| timeout_ms.saturating_mul(TIMEOUTS_MAX)),
        }
    }

    /// Says whether a minion's machine restarted since the job went out.
    pub(crate) fn restart(self, attempt: &Attempt, id: &MinionId) -> Restart {
        let boot = attempt.boots.get(id);
        if boot.is_some_and(|boot| boot.proof.is_some()) {
            return Restart::Yes;
        }
        let is_rebooted = |minion: &MinionState| minion.phase == MinionPhase::Rebooted;
        let has_started = attempt.seen.iter().any(|seen| seen.id == id.as_str())
            || attempt.minions.get(id).is_some_and(is_rebooted);
        let is_unknown = boot.is_none_or(|boot| boot.before.is_none() || boot.is_mute);
        match self.proof {
            _ if !has_started => Restart::No,
            Proof::Start => Restart::Yes,
            Proof::Boot if is_unknown => Restart::Perhaps,
            Proof::Boot => Restart::No,
        }
    }

    /// Says whether a minion did what it was asked for, and its machine is yet to restart.
    pub(crate) fn awaits(self, attempt: &Attempt, id: &MinionId) -> bool {
        !attempt.is_timed_out && self.lacks(attempt, id)
    }

    /// Says whether the time is over in which a machine should have restarted, and nothing says
    /// that it did.
    pub(crate) fn is_late(self, attempt: &Attempt, id: &MinionId) -> bool {
        attempt.is_timed_out && self.lacks(attempt, id)
    }

    fn lacks(self, attempt: &Attempt, id: &MinionId) -> bool {
        let is_through =
            |minion: &MinionState| matches!(minion.phase, MinionPhase::Ok | MinionPhase::Rebooted);
        let is_through = attempt.minions.get(id).is_some_and(is_through);
        is_through && self.restart(attempt, id) == Restart::No
    }

    /// Says whether any machine is yet to restart.
    pub(crate) fn awaits_any(self, attempt: &Attempt) -> bool {
        let mut ids = attempt.minions.keys();
        ids.any(|id| self.awaits(attempt, id))
    }

    /// Says why a machine does not count as restarted.
    pub(crate) fn why_not(attempt: &Attempt, id: &MinionId) -> String {
        let started = attempt.seen.iter().any(|seen| seen.id == id.as_str());
        let boot = attempt.boots.get(id);
        let before = boot.and_then(|boot| boot.before.as_ref());
        match (started, before) {
            (true, Some(boot)) => format!(
                "Minion {id}: its process started again, its machine did not ({boot} as before). \
                 In a container that is all there is: boot_proof: start"
            ),
            (false, Some(boot)) => {
                format!("Minion {id}: its machine did not restart in time (last known: {boot}).")
            }
            (_, None) => format!("Minion {id}: it did not start again in time."),
        }
    }

    /// Names the minions whose restart is believed and not proven.
    pub(crate) fn doubts(self, attempt: &Attempt) -> Option<String> {
        let perhaps = |id: &&MinionId| self.restart(attempt, id) == Restart::Perhaps;
        let ids: Vec<&str> = attempt
            .minions
            .keys()
            .filter(perhaps)
            .map(MinionId::as_str)
            .collect();
        (!ids.is_empty()).then(|| {
            format!(
                "Taken for restarted by their start events alone, as their boots before or after \
                 it are not known: {}.",
                ids.join(", ")
            )
        })
    }
}

/// Reads the longest time that a time-out which follows progress may take in all.
pub(crate) fn limit<'a>(
    arguments: &mut Arguments<'a>,
    name: &'a str,
    timeout_ms: u64,
) -> Option<u64> {
    let limit = arguments.seconds(name)?;
    if limit < timeout_ms {
        arguments.refuse(format!(
            "'{name}' is the longest time in all and cannot be shorter than the time without any \
             progress"
        ));
    }
    Some(limit)
}

/// Gives the minion that an event says has started, if it was asked to restart and this is news.
pub(crate) fn started(attempt: &Attempt, event: &Event) -> Vec<String> {
    let id = event.data.get("id").and_then(Value::as_str);
    let id: Option<MinionId> = id.and_then(|id| id.parse().ok());
    let after = attempt.after.unwrap_or(attempt.cursor);
    let is_seen = |id: &MinionId| attempt.seen.iter().any(|seen| seen.id == id.as_str());
    match id {
        Some(id)
            if event.cursor > after
                && event.tag == Tag::minion_start(&id)
                && attempt.minions.contains_key(&id)
                && !is_seen(&id) =>
        {
            vec![id.to_string()]
        }
        _ => Vec::new(),
    }
}
