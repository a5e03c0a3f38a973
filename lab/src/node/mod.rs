//! A node: a machine of the lab with a name, an address, a disk and a minion of its own.
//!
//! Three processes make one, each with a file of its own: the [`supervisor`] plays firmware and
//! mains switch and lives as long as the lab, [`boot`] builds the machine's network and root
//! directory for one boot, and [`init`] is its pid 1. All three read the node's description from
//! `node.json` in the node's directory. Without namespaces [`plain`] takes the place of the last
//! two.

pub(crate) mod boot;
mod control;
mod disk;
mod image;
pub(crate) mod init;
mod lent;
pub(crate) mod plain;
mod root;
pub(crate) mod status;
pub(crate) mod supervisor;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::failure::{Attempt, Failure};
use crate::venv::Venv;

pub(crate) use disk::{Disk, detach_all};

/// The processes of a lab that are this program again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Boots the node, again after every reboot.
    Supervisor,
    /// Builds the node's network and root directory, then becomes the parent of its pid 1.
    Boot,
    /// Pid 1 of the node.
    Init,
    /// Holds the lab's network open; its directory is the lab's.
    Network,
}

/// The first argument of each role; no person types them.
const ROLES: [(Role, &str); 4] = [
    (Role::Supervisor, "--as-node-supervisor"),
    (Role::Boot, "--as-node-boot"),
    (Role::Init, "--as-node-init"),
    (Role::Network, "--as-network"),
];

/// Tells a node's process, and the directory of its node, from a person's command.
pub(crate) fn role(args: &[OsString]) -> Option<(Role, &OsStr)> {
    let [flag, dir] = args else { return None };
    let (role, _) = ROLES.iter().find(|(_, name)| flag == name)?;
    Some((*role, dir.as_os_str()))
}

/// The command that starts this program again in a role.
pub(crate) fn command(role: Role, dir: &Path) -> Result<Command, Failure> {
    let program = std::env::current_exe().attempt(|| "find this program".to_owned())?;
    let mut command = Command::new(program);
    let flag = ROLES
        .iter()
        .find(|(known, _)| *known == role)
        .map_or("", |(_, flag)| flag);
    command.arg("lab").arg(flag).arg(dir);
    Ok(command)
}

/// Where programs are on every system, and on a node.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What separates a node from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Place {
    /// Namespaces of its own.
    Namespaces {
        /// A process in the network namespace with the lab's bridge.
        network_pid: u32,
    },
    /// Nothing but directories.
    Plain,
}

/// Where the minion finds its master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MasterAddress {
    /// IPv4 address.
    pub(crate) host: String,
    /// Jobs are published here.
    pub(crate) publish_port: u16,
    /// Requests are sent here.
    pub(crate) ret_port: u16,
}

/// A node's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Counted from 1.
    pub(crate) index: u8,
    /// The minion id: the MAC address.
    pub(crate) id: String,
    /// The host name.
    pub(crate) hostname: String,
    /// IPv4 address in the lab.
    pub(crate) address: String,
    /// The machine's UUID, by which it is autosigned.
    pub(crate) uuid: String,
    /// The live image's machine id.
    pub(crate) machine_id: String,
    /// The node's directory on the host, absolute.
    pub(crate) dir: PathBuf,
    /// What separates it from the host.
    pub(crate) place: Place,
    /// Its disk.
    pub(crate) disk: Disk,
    /// The installed minion.
    pub(crate) venv: Venv,
    /// This program, which plays `kubeadm` where there is no real one.
    pub(crate) program: PathBuf,
    /// Where the minion finds its master.
    pub(crate) master: MasterAddress,
    /// How long the machine is off during a reboot.
    pub(crate) off_ms: u64,
    /// Every name of the lab's network, as lines for `/etc/hosts`.
    pub(crate) hosts: String,
}

impl Node {
    /// The minion id of a node: as in the orchestration that Yomi ships, `00:00:00:11:11:11` is the
    /// first.
    pub(crate) fn id_of(index: u8) -> String {
        let pair = format!("{index:x}{index:x}");
        format!("00:00:00:{pair}:{pair}:{pair}")
    }

    /// Says whether this node becomes the control plane: the first one.
    pub(crate) fn is_control_plane(&self) -> bool {
        self.index == 1
    }

    /// Reads the description in a node's directory.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        let file = dir.join("node.json");
        let text = std::fs::read(&file).attempt(|| format!("read {}", file.display()))?;
        serde_json::from_slice(&text).attempt(|| format!("understand {}", file.display()))
    }

    /// Writes the description into the node's directory.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let file = self.dir.join("node.json");
        let text = serde_json::to_vec_pretty(self).attempt(|| "describe the node".to_owned())?;
        std::fs::write(&file, text).attempt(|| format!("write {}", file.display()))
    }

    /// The live image's root directory.
    pub(crate) fn live(&self) -> PathBuf {
        self.dir.join("live")
    }

    /// Where the node's root directory is built.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// The directory that node and host share: control, programs, the hold.
    pub(crate) fn shared(&self) -> PathBuf {
        self.dir.join("shared")
    }

    /// What the node sees as its shared directory.
    pub(crate) fn shared_inside(&self) -> PathBuf {
        match self.place {
            Place::Namespaces { .. } => PathBuf::from("/run/brine-lab"),
            Place::Plain => self.shared(),
        }
    }

    /// While this file exists, the install does not return.
    pub(crate) fn hold(&self) -> PathBuf {
        self.shared().join("hold")
    }

    /// Tells the supervisor to outlive the lab.
    pub(crate) fn keep(&self) -> PathBuf {
        self.dir.join("keep")
    }

    /// Where the node finds a program of its minion.
    pub(crate) fn minion_program(&self, name: &str) -> PathBuf {
        self.shared_inside().join("bin").join(name)
    }

    /// The PATH of the node's processes: the power switch first; the stand-ins before the host's
    /// `kubectl`, unless the real `kubeadm` is there too.
    pub(crate) fn path_variable(&self) -> String {
        let shared = self.shared_inside();
        let has_kubeadm = SYSTEM_PATH
            .split(':')
            .any(|dir| Path::new(dir).join("kubeadm").is_file());
        let mut dirs = vec![shared.join("power").display().to_string()];
        if !has_kubeadm {
            dirs.push(shared.join("stand-in").display().to_string());
        }
        dirs.extend([
            SYSTEM_PATH.to_owned(),
            shared.join("bin").display().to_string(),
        ]);
        dirs.join(":")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ids_are_those_of_yomis_orchestration() {
        assert_eq!(Node::id_of(1), "00:00:00:11:11:11");
        assert_eq!(Node::id_of(2), "00:00:00:22:22:22");
        assert_eq!(Node::id_of(15), "00:00:00:ff:ff:ff");
    }

    #[test]
    fn a_persons_arguments_are_no_role() {
        assert_eq!(role(&["--nodes".into(), "2".into()]), None);
        assert_eq!(role(&[]), None);
    }
}
