//! What each minion said of itself.

use std::collections::{BTreeMap, BTreeSet};

use model::{Boot, Cursor, Grains, Jid, MinionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::record::BootTold;

/// One minion.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Minion {
    /// Its last grains.
    pub grains: Option<Grains>,
    /// Its last start: where it stands in the log, when, and what the minion said.
    pub start: Option<Start>,
    /// Where its last request for its pillar stands in the log.
    #[serde(default)]
    pub refreshed: Option<Cursor>,
    /// Where its last sign-in stands in the log.
    #[serde(default)]
    pub signed_in_last: Option<Cursor>,
    /// Its first sign-in since the master came up.
    #[serde(default)]
    pub came_back: Option<Back>,
    /// The last of those that another sign-in followed, without a request for its pillar in
    /// between: of a process that had begun before the master came up, and may be gone since.
    #[serde(default)]
    pub came_back_only: Option<Back>,
    /// The boot of its machine, as it was last told.
    #[serde(default)]
    pub boot: Option<Told>,
    /// The first sign-in since then: whoever signed in may have restarted.
    #[serde(default)]
    pub signed_in: Option<Cursor>,
    /// The question after its boot that is under way.
    #[serde(default)]
    pub asked: Option<Asked>,
}

impl Minion {
    /// Gives the place in the log behind which no process of it began. A process signs in, and then
    /// asks for its pillar, before it takes any job: without both since a moment, it is the process
    /// of that moment. A request for the pillar alone may be one that was lost and is told again.
    pub fn began(&self) -> Option<Cursor> {
        let refreshed = self.refreshed?;
        Some(
            self.signed_in_last
                .map_or(refreshed, |at| at.min(refreshed)),
        )
    }
}

/// A minion's first sign-in since the master came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Where the master came up.
    pub since: Cursor,
    /// Where the sign-in stands.
    pub at: Cursor,
}

/// One start of a minion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Where it stands in the log.
    pub cursor: Cursor,
    /// When the master took it.
    pub at: Timestamp,
    /// The text of the event, such as `Minion web01 started at Sat Nov 21 08:27:48 2026`.
    pub said: String,
    /// Whether it is one that the master made up for one that was lost.
    #[serde(default)]
    pub is_synthesized: bool,
    /// Whether the minion signed in after it.
    #[serde(default)]
    pub is_before_sign_in: bool,
}

/// A boot that a minion told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which; `None` if the minion cannot tell.
    pub boot: Option<Boot>,
    /// Where the answer stands in the log.
    pub cursor: Cursor,
    /// When it came.
    pub at: Timestamp,
    /// When this boot was told for the first time.
    pub since: Timestamp,
}

/// A question after a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its job.
    pub jid: Jid,
    /// When.
    pub at: Timestamp,
    /// How often it was asked since the minion last gave a reason to.
    pub times: u32,
}

/// All minions that ever said something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct View {
    minions: BTreeMap<MinionId, Minion>,
    /// Those whose boot is to be asked for.
    #[serde(default)]
    due: BTreeSet<MinionId>,
    /// Those who were asked and have not answered.
    #[serde(default)]
    asking: BTreeSet<MinionId>,
    /// Where the master came up: nobody signed in before that.
    #[serde(default)]
    master_start: Cursor,
}

impl View {
    /// Gives what is known of a minion.
    pub fn get(&self, id: &MinionId) -> Option<&Minion> {
        self.minions.get(id)
    }

    /// Gives its grains.
    pub fn grains(&self, id: &MinionId) -> Option<&Grains> {
        self.minions.get(id)?.grains.as_ref()
    }

    /// Gives the boot that a minion is known to run in now: told since it last signed in, and since
    /// the master came up.
    pub fn present_boot(&self, id: &MinionId) -> Option<&Told> {
        let minion = self.minions.get(id)?;
        let is_sure = minion.signed_in.is_none() && !self.due.contains(id);
        let told = minion.boot.as_ref()?;
        (is_sure && self.is_since_start(told.cursor)).then_some(told)
    }

    /// Says whether a place in the log is of this life of the master.
    pub fn is_since_start(&self, cursor: Cursor) -> bool {
        cursor > self.master_start
    }

    /// Walks over the minions whose boot is to be asked for, or was and is not answered yet.
    pub fn to_ask(&self) -> impl Iterator<Item = (&MinionId, &Minion)> {
        let ids = self.due.union(&self.asking);
        ids.filter_map(|id| self.minions.get_key_value(id))
    }

    /// Says whether a minion's boot is to be asked for.
    pub fn is_due(&self, id: &MinionId) -> bool {
        self.due.contains(id)
    }

    /// Takes in new grains.
    pub fn grains_changed(&mut self, id: &MinionId, grains: &Grains) {
        self.minions.entry(id.clone()).or_default().grains = Some(grains.clone());
    }

    /// Takes in a request for its pillar.
    pub fn refreshed(&mut self, id: &MinionId, cursor: Cursor) {
        self.minions.entry(id.clone()).or_default().refreshed = Some(cursor);
    }

    /// Takes in a start. One that is no sign-in's follows a loop that began again: what is known of
    /// the boot is asked for once more.
    pub fn started(&mut self, id: &MinionId, start: Start) {
        let minion = self.minions.entry(id.clone()).or_default();
        let is_asked_for = minion.signed_in.is_some() || minion.asked.is_some();
        if !start.is_synthesized && !is_asked_for {
            self.due.insert(id.clone());
        }
        minion.start = Some(start);
    }

    /// Takes in a sign-in.
    pub fn signed_in(&mut self, id: &MinionId, cursor: Cursor) {
        let since = self.master_start;
        let minion = self.minions.entry(id.clone()).or_default();
        minion.signed_in.get_or_insert(cursor);
        let is_only = |back: &Back| {
            let back = Some(back.at);
            back == minion.signed_in_last && back > minion.refreshed
        };
        minion.came_back_only = minion.came_back.filter(is_only).or(minion.came_back_only);
        if minion.signed_in_last <= Some(since) {
            minion.came_back = Some(Back { since, at: cursor });
        }
        minion.signed_in_last = Some(cursor);
        minion.asked = None;
        self.asking.remove(id);
        if let Some(start) = &mut minion.start {
            start.is_before_sign_in = true;
        }
        self.due.insert(id.clone());
    }

    /// Takes in that minions are asked for the boots of their machines.
    pub fn asked(&mut self, ids: &[MinionId], jid: &Jid, at: Timestamp) {
        for id in ids {
            self.due.remove(id);
            self.asking.insert(id.clone());
            let minion = self.minions.entry(id.clone()).or_default();
            let before = minion.asked.as_ref().map_or(0, |asked| asked.times);
            minion.asked = Some(Asked {
                jid: jid.clone(),
                at,
                times: before.saturating_add(1),
            });
        }
    }

    /// Takes in what a minion answered. An answer from before its last sign-in says nothing.
    pub fn boot_told(&mut self, told: &BootTold, cursor: Cursor, at: Timestamp) {
        let Some(minion) = self.minions.get_mut(&told.id) else {
            return;
        };
        if minion
            .asked
            .as_ref()
            .is_none_or(|asked| asked.jid != told.jid)
        {
            return;
        }
        let is_same = |before: &&Told| before.boot.is_some() && told.news == super::News::Same;
        let since = minion.boot.as_ref().filter(is_same);
        minion.boot = Some(Told {
            boot: told.boot.clone(),
            cursor,
            at,
            since: since.map_or(at, |before| before.since),
        });
        minion.asked = None;
        minion.signed_in = None;
        self.asking.remove(&told.id);
    }

    /// Takes in that the master came up: nobody whom it asked before can be trusted to have heard.
    pub fn master_started(&mut self, cursor: Cursor) {
        self.master_start = cursor;
        self.due.clear();
        for id in std::mem::take(&mut self.asking) {
            if let Some(minion) = self.minions.get_mut(&id) {
                minion.asked = None;
            }
        }
    }

    /// Moves with a wall clock that jumped what is known by the time only.
    pub fn clock_jumped(&mut self, by_ms: i64) {
        for minion in self.minions.values_mut() {
            if let Some(told) = &mut minion.boot {
                told.boot = told.boot.take().map(|boot| boot.moved(by_ms));
            }
            if let Some(asked) = &mut minion.asked {
                asked.at = asked.at.moved(by_ms);
            }
        }
    }

    /// Forgets a minion whose key was deleted.
    pub fn forget(&mut self, id: &MinionId) {
        self.minions.remove(id);
        self.due.remove(id);
        self.asking.remove(id);
    }
}
