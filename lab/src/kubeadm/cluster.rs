//! What a control plane knows: where it listens, its tokens, its nodes.
//!
//! Every change is made under one lock and is on the disk before it is answered. Files:
//! `/etc/kubernetes/…` where the real ones are, and `/var/lib/kubeadm-lab/…` for what the real
//! program keeps in etcd.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{self, Readers};
use super::error::Error;
use super::token::Token;

pub(super) const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
pub(super) const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
pub(super) const AUTHORITY_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
pub(super) const AUTHORITY_KEY: &str = "/etc/kubernetes/pki/ca.key";
pub(super) const SERVER_CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver.crt";
pub(super) const SERVER_KEY: &str = "/etc/kubernetes/pki/apiserver.key";
pub(super) const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
pub(super) const CONFIG_FOLDER: &str = "/etc/kubernetes";
pub(super) const STATE_FOLDER: &str = "/var/lib/kubeadm-lab";
const STATE: &str = "/var/lib/kubeadm-lab/cluster.json";
const LOCK: &str = "/var/lib/kubeadm-lab/lock";

/// What a control plane knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// `HOST:PORT` the endpoint listens on.
    pub(super) endpoint: String,
    pub(super) tokens: Vec<Token>,
    pub(super) nodes: Vec<Node>,
}

/// A node of the cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) role: Role,
    /// Whether the node has shown the certificate it was given.
    pub(super) is_ready: bool,
    /// Seconds since the epoch.
    pub(super) created: u64,
    pub(super) version: String,
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    ControlPlane,
    Worker,
}

impl Cluster {
    /// Reads what is known; none on a node that is no control plane.
    pub(super) fn load(root: &Path) -> Result<Option<Self>, Error> {
        let path = disk::under(root, STATE);
        let Some(text) = disk::read_if_there(&path)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| damaged(path, &error))
    }

    /// Reads what is known, where the real program would need its admin kubeconfig.
    pub(super) fn load_as_admin(root: &Path) -> Result<Self, Error> {
        Self::load(root)?.ok_or_else(|| no_admin(root))
    }

    /// Writes everything, for the first time or again.
    pub(super) fn save(&self, root: &Path) -> Result<(), Error> {
        let path = disk::under(root, STATE);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| damaged(path.clone(), &error))?;
        disk::replace(&path, &text, Readers::Owner)
    }

    /// Changes what is known. Nothing is written if the change is refused.
    pub(super) fn change<T>(
        root: &Path,
        now: u64,
        change: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // Before the lock: a node that is no control plane must not get files of one.
        Self::load_as_admin(root)?;
        let _lock = disk::lock(&disk::under(root, LOCK))?;
        let mut cluster = Self::load_as_admin(root)?;
        cluster.tokens.retain(|token| token.is_alive(now));
        let answer = change(&mut cluster)?;
        cluster.save(root)?;
        Ok(answer)
    }

    /// Gives the token whose full text is `text` if it may be used for `usage` now.
    pub(super) fn token(&mut self, text: &str, usage: &str, now: u64) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| {
            token.is_good_for(usage, now)
                && text.len() == token.text().len()
                && openssl::memcmp::eq(text.as_bytes(), token.text().as_bytes())
        })
    }

    /// Puts a node in its place; a second one of the name replaces the first.
    pub(super) fn put_node(&mut self, node: Node) {
        self.nodes.retain(|known| known.name != node.name);
        self.nodes.push(node);
    }
}

fn no_admin(root: &Path) -> Error {
    let path = disk::under(root, ADMIN_CONF);
    let path = path.display();
    Error::Refused(format!(
        "failed to load admin kubeconfig: open {path}: no such file or directory"
    ))
}

fn damaged(path: PathBuf, error: &serde_json::Error) -> Error {
    Error::State {
        path,
        reason: error.to_string(),
    }
}
