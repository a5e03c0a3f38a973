//! Machines that go down and come up, and what that excuses: of some jobs nobody can know any more
//! whether they ran.

use std::collections::{BTreeSet, HashMap};

use master::jobs::JobPublished;
use master::ledger::Record;
use model::{Jid, MinionId};
use storage::LogReader;

use super::functions::Kind;
use super::machine::Disk;
use super::oracle::whole_log;
use super::world::{Happening, World};

impl World {
    /// The machine is on and its minion starts.
    pub(crate) fn power_on(&mut self, node: usize) {
        self.note(|world| format!("{} starts", world.minions[node].id));
        self.minions[node].is_up = true;
        self.excuse_unheard(node);
        self.excuse_unsent(node);
        self.sign_in(node);
    }

    /// The machine goes down: what its minion knew and did is gone.
    pub(crate) fn power_off(&mut self, node: usize, off: u64, is_told: bool) {
        if !self.minions[node].is_up {
            return;
        }
        self.note(|world| format!("{} goes down, told {is_told}", world.minions[node].id));
        if !is_told {
            self.excuse_reboot(node);
        }
        self.excuse_coming(node);
        let minion = &mut self.minions[node];
        minion.boot += 1;
        minion.is_up = false;
        minion.key = None;
        minion.jobs.clear();
        minion.pending.clear();
        minion.seen.clear();
        minion.unread.clear();
        (minion.is_ready, minion.has_asked) = (false, false);
        if let Some(link) = minion.link.take() {
            // A machine that loses its power closes nothing: the master finds out later.
            let lingers = match is_told {
                true => 0,
                false => self.chance.within(0..2) * self.chance.within(0..90_000_000),
            };
            self.after(lingers + 1_000, Happening::LinkClosed(link));
        }
        let boot = self.minions[node].boot;
        self.after(off, Happening::PowerOn { node, boot });
    }

    /// What was lost on its way to a machine that starts: nobody can know that it was not heard by
    /// the process that is gone.
    pub(super) fn excuse_unheard(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let id = minion.id.clone();
        for jid in std::mem::take(&mut minion.void) {
            self.excuse(format!(
                "{jid} was lost on its way to {id}, and then {id} started"
            ));
        }
    }

    /// A job of a step does not reach a minion. One whose process is starting will look to the
    /// master as if it had begun after that: the same as if its machine starts later.
    pub(super) fn miss(&mut self, node: usize, job: &JobPublished) {
        if job.step.is_none() {
            return;
        }
        self.minions[node].void.push(job.jid.clone());
        if self.minions[node].is_starting() {
            self.excuse_unheard(node);
        }
    }

    /// What is on its way when a machine goes down: nobody can know whether it was heard.
    fn excuse_coming(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let mut coming = std::mem::take(&mut minion.coming);
        let unread = minion.unread.iter().filter(|(job, _)| job.step.is_some());
        coming.extend(unread.map(|(job, _)| job.jid.clone()));
        coming.retain(|jid| !minion.seen.contains(jid));
        let id = minion.id.clone();
        for jid in coming {
            self.excuse(format!("{jid} was on its way to {id} when that went down"));
        }
    }

    /// Notes what died between its record and the record of its sending: nobody knows whether it
    /// went out, and a machine that starts then may have had it.
    pub(super) fn note_unsent(&mut self, reader: &dyn LogReader) {
        let ids = self.minions.iter().enumerate();
        let nodes: HashMap<MinionId, usize> = ids
            .map(|(node, minion)| (minion.id.clone(), node))
            .collect();
        for (jid, id) in unsent(reader) {
            self.unsent.extend(nodes.get(&id).map(|node| (*node, jid)));
        }
        for node in 0..self.minions.len() {
            if self.minions[node].is_starting() {
                self.excuse_unsent(node);
            }
        }
    }

    /// Of what the master may or may not have sent when it died, a machine that starts cannot say.
    pub(super) fn excuse_unsent(&mut self, node: usize) {
        let id = self.minions[node].id.clone();
        let unsent = self.unsent.iter().filter(|(of, _)| *of == node);
        let begun = &self.history.begun;
        let unknown = unsent.filter(|unsent| !begun.contains_key(unsent));
        let unknown: Vec<Jid> = unknown.map(|(_, jid)| jid.clone()).collect();
        for jid in unknown {
            self.excuse(format!(
                "nobody knows whether {id} had {jid} when it started"
            ));
        }
    }

    /// A restart that nobody asked for is a reason to fail, if it took a job's answer away.
    fn excuse_reboot(&mut self, node: usize) {
        let minion = &self.minions[node];
        let id = minion.id.clone();
        let is_installed = minion.machine.disk == Disk::Installed;
        let lost = minion.jobs.values().filter(|job| {
            let expects = job.kind == Kind::Install && is_installed;
            job.published.step.is_some() && !expects
        });
        let lost: Vec<Jid> = lost.map(|job| job.published.jid.clone()).collect();
        self.excuse_unsent(node);
        for jid in lost {
            self.excuse(format!("{id} restarted while it had {jid}"));
        }
    }
}

/// Finds to whom jobs of steps were to go of which the log does not say that they went.
fn unsent(reader: &dyn LogReader) -> BTreeSet<(Jid, MinionId)> {
    let mut steps = BTreeSet::new();
    let mut unsent = BTreeSet::new();
    let entries = whole_log(reader).into_iter();
    for record in entries.filter_map(|(_, entry)| Record::decode(&entry.body).ok()) {
        match record {
            Record::JobPublished(job) if job.step.is_some() => {
                steps.insert(job.jid.clone());
                unsent.extend(job.minions.into_iter().map(|id| (job.jid.clone(), id)));
            }
            Record::JobSending { jid, again } if steps.contains(&jid) => {
                unsent.extend(again.into_iter().map(|id| (jid.clone(), id)));
            }
            Record::JobSent { jid, again, .. } => {
                unsent.retain(|(of, id)| *of != jid || !(again.is_empty() || again.contains(id)));
            }
            _ => {}
        }
    }
    unsent
}
