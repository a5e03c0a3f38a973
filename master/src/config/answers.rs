//! What other rooms ask of the options, put together once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::{Map, MinionId, Value};

use super::opts::Opts;

/// Options that a state run on a minion needs, besides those about environments (`_master_opts`).
const FOR_STATE_RUNS: &[&str] = &[
    "renderer",
    "failhard",
    "state_top",
    "state_top_saltenv",
    "nodegroups",
    "state_auto_order",
    "state_events",
    "state_aggregate",
    "jinja_env",
    "jinja_sls_env",
    "jinja_lstrip_blocks",
    "jinja_trim_blocks",
];

impl Opts {
    /// Gives the master's own id: in runs, in events, as the minion of its own pillar.
    pub fn master_minion_id(&self) -> MinionId {
        let default = || "localhost_master".parse().expect("it has no slash");
        self.id.clone().unwrap_or_else(default)
    }

    /// Gives the address for jobs.
    pub fn publish_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip(), self.publish_port)
    }

    /// Gives the address for requests.
    pub fn ret_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip(), self.ret_port)
    }

    fn ip(&self) -> IpAddr {
        // It was checked when it was read.
        self.interface
            .parse()
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// Gives the options that a state run on a minion needs.
    pub fn for_state_runs(&self) -> Map {
        let shown = self.shown().into_iter();
        shown
            .filter(|(option, _)| FOR_STATE_RUNS.contains(option))
            .collect()
    }

    /// Gives the options as templates see them (`opts`), and pillars with `pillar_opts`.
    pub fn for_templates(&self) -> Map {
        let mut opts: Map = self.shown().into_iter().collect();
        opts.insert("__role", Value::str("master"));
        opts
    }
}
