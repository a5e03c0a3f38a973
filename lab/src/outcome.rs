//! What a lab comes to, as data: printed by `--out=json`, and what the last lines for people are
//! made of.

use std::collections::BTreeMap;

use model::api::{RunView, StepPhase};
use serde::Serialize;

use crate::node::Node;
use crate::node::status::{Power, Status};

/// The result of a lab.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// Whether the run succeeded and every node is in the cluster.
    pub(crate) is_success: bool,
    /// Why not.
    pub(crate) problems: Vec<String>,
    /// The minions' release.
    pub(crate) minion: String,
    /// `namespaces` or `plain`.
    pub(crate) place: &'static str,
    /// The value of `--reboot`.
    pub(crate) reboot: &'static str,
    /// The seed of every random choice.
    pub(crate) seed: u64,
    /// The run's jid.
    pub(crate) run: Option<String>,
    /// How often the master came back to the run, as it says itself.
    pub(crate) resumed: Option<u32>,
    /// Seconds from the run's start at which the master was killed.
    pub(crate) kills: Vec<f64>,
    /// Kills that were asked for and did not happen, because the run had ended.
    pub(crate) kills_left: usize,
    /// The run's steps.
    pub(crate) steps: Vec<Step>,
    /// The nodes.
    pub(crate) nodes: Vec<NodeOutcome>,
    /// The nodes' state as the control plane sees it, by host name.
    pub(crate) cluster: BTreeMap<String, String>,
    /// The exit code that the orchestration's viewer ended with.
    pub(crate) viewer_exit_code: Option<i32>,
    /// How long the run took, in seconds.
    pub(crate) run_seconds: f64,
    /// How long everything took, in seconds.
    pub(crate) seconds: f64,
}

/// One step of the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// Its id in the SLS.
    pub(crate) id: String,
    /// The state function.
    pub(crate) fun: String,
    /// How it ended.
    pub(crate) phase: StepPhase,
    /// How often it was started.
    pub(crate) attempts: u32,
    /// The jobs it published.
    pub(crate) jids: Vec<String>,
    /// How long it took, in seconds.
    pub(crate) seconds: Option<f64>,
}

/// One node.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeOutcome {
    /// The minion id.
    pub(crate) id: String,
    /// The host name.
    pub(crate) hostname: String,
    /// How often it was booted.
    pub(crate) boots: u32,
    /// Its boot ids, the newest last.
    pub(crate) boot_ids: Vec<String>,
    /// Whether it runs from its disk.
    pub(crate) is_installed: bool,
    /// `block` or `directory`.
    pub(crate) disk: &'static str,
    /// Whether it was to come back before the wait began.
    pub(crate) is_early: bool,
}

impl NodeOutcome {
    /// Reads how a node stands.
    pub(crate) fn of(node: &Node, is_early: bool) -> Self {
        let status = Status::read(&node.dir);
        Self {
            id: node.id.clone(),
            hostname: node.hostname.clone(),
            boots: status.boots,
            boot_ids: status.boot_ids,
            is_installed: status.power == Power::Disk,
            disk: node.disk.kind(),
            is_early,
        }
    }
}

impl Outcome {
    /// The last line for a person.
    pub(crate) fn summary(&self) -> String {
        let steps = self
            .steps
            .iter()
            .filter(|step| step.phase == StepPhase::Succeeded)
            .count();
        let kills = match self.kills.len() {
            0 => String::new(),
            count => format!(", the master killed {count} times"),
        };
        let verdict = if self.is_success {
            "all is well"
        } else {
            "NOT well"
        };
        format!(
            "{verdict}: {steps} of {} steps, {} of {} nodes in the cluster, {:.0} s{kills} \
             (seed {})",
            self.steps.len(),
            self.cluster
                .values()
                .filter(|state| *state == "Ready")
                .count(),
            self.nodes.len(),
            self.seconds,
            self.seed,
        )
    }
}

/// A run's steps as the result shows them.
pub(crate) fn steps(view: &RunView) -> Vec<Step> {
    view.tree
        .iter()
        .map(|step| Step {
            id: step.id.clone(),
            fun: step.fun.clone(),
            phase: step.phase,
            attempts: step.attempts,
            jids: step.jids.iter().map(ToString::to_string).collect(),
            seconds: step
                .started
                .zip(step.ended)
                .map(|(start, end)| seconds(end.millis_since(start))),
        })
        .collect()
}

/// Milliseconds as seconds.
pub(crate) fn seconds(millis: u64) -> f64 {
    // Far below the 2^53 up to which this is exact.
    std::time::Duration::from_millis(millis).as_secs_f64()
}

/// Reads `kubectl get nodes`: the state of each node, by name.
pub(crate) fn cluster(listing: &str) -> BTreeMap<String, String> {
    let mut lines = listing
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("NAME"))
        .skip(1);
    let mut nodes = BTreeMap::new();
    for line in lines.by_ref() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(state)) = (words.next(), words.next()) {
            nodes.insert(name.to_owned(), state.to_owned());
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::cluster;

    #[test]
    fn a_listing_of_nodes_is_read_below_its_heading() {
        let text = "NAME     STATUS   ROLES\nnode-1   Ready    control-plane\n\
                    node-2   NotReady   <none>\n";
        let nodes = cluster(text);
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes["node-1"], "Ready");
        assert_eq!(nodes["node-2"], "NotReady");
    }

    #[test]
    fn a_complaint_lists_no_nodes() {
        assert!(cluster("error: no cluster here\n").is_empty());
    }
}
