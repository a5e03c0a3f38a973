//! What is true of a machine, whatever any master believes: its disk, its part in the cluster, and
//! how often what must happen once happened.

use std::collections::BTreeMap;

/// What is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nothing of ours.
    Blank,
    /// Wiped, and not complete.
    Half,
    /// A system that boots.
    Installed,
}

/// How far something is that must not be done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Not begun.
    No,
    /// Begun, and perhaps interrupted.
    Half,
    /// Done.
    Yes,
}

/// One machine.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// Its disk.
    pub(crate) disk: Disk,
    /// Whether the running system came from the disk.
    pub(crate) is_installed: bool,
    /// Whether it became the control plane.
    pub(crate) control_plane: Done,
    /// Whether it joined.
    pub(crate) joined: Done,
    /// How often its disk was wiped.
    pub(crate) wipes: u32,
    /// How often that was done to an installed system.
    pub(crate) systems_lost: u32,
    /// How often `kubeadm init` was called.
    pub(crate) inits: u32,
    /// How often `kubeadm join` was called.
    pub(crate) joins: u32,
    /// How often it booted.
    pub(crate) boots: u32,
    /// How often each errand was done that must be done once.
    pub(crate) errands: BTreeMap<String, u32>,
    /// The tokens that are valid: at the control plane.
    pub(crate) tokens: Vec<String>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            disk: Disk::Blank,
            is_installed: false,
            control_plane: Done::No,
            joined: Done::No,
            wipes: 0,
            systems_lost: 0,
            inits: 0,
            joins: 0,
            boots: 1,
            errands: BTreeMap::new(),
            tokens: Vec::new(),
        }
    }

    /// Gives how often an errand was done.
    pub(crate) fn done(&self, errand: &str) -> u32 {
        self.errands.get(errand).copied().unwrap_or(0)
    }

    /// It boots, from the disk if there is a system.
    pub(crate) fn boot(&mut self) {
        self.boots += 1;
        self.is_installed = self.disk == Disk::Installed;
    }
}
