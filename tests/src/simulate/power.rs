//! Machines that go down and come up, and what that excuses: of some jobs nobody can know any more
//! whether they ran.

use model::Jid;

use super::functions::Kind;
use super::machine::Disk;
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
    fn excuse_unheard(&mut self, node: usize) {
        let minion = &mut self.minions[node];
        let id = minion.id.clone();
        for jid in std::mem::take(&mut minion.void) {
            self.excuse(format!(
                "{jid} was lost on its way to {id}, and then {id} started"
            ));
        }
    }

    /// Of what the master may or may not have sent when it died, a machine that starts cannot say.
    fn excuse_unsent(&mut self, node: usize) {
        let id = self.minions[node].id.clone();
        for jid in self.unsent.clone() {
            if !self.history.begun.contains_key(&(node, jid.clone())) {
                self.excuse(format!(
                    "nobody knows whether {id} had {jid} when it restarted"
                ));
            }
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
