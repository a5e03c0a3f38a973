//! What follows from the options: addresses, the master's own minion id, what templates and state
//! runs see.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::{Map, MinionId, Value};

use crate::config::Opts;

impl Opts {
    /// Gives where minions listen for jobs.
    pub fn publish_address(&self) -> SocketAddr {
        SocketAddr::new(self.interface_address(), self.publish_port)
    }

    /// Gives where minions ask and answer.
    pub fn ret_address(&self) -> SocketAddr {
        SocketAddr::new(self.interface_address(), self.ret_port)
    }

    fn interface_address(&self) -> IpAddr {
        // Checked when the options were read.
        self.interface
            .parse()
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// Gives the name under which the master itself renders and shows results: `<host>_master`, as
    /// in Salt.
    pub fn master_minion_id(&self) -> MinionId {
        let id = self
            .id
            .clone()
            .unwrap_or_else(|| format!("{}_master", host_name()));
        id.parse().unwrap_or_else(|_| {
            "master_master"
                .parse()
                .expect("a plain word is a valid minion id")
        })
    }

    /// Gives `opts` as templates on the master see it.
    pub fn for_templates(&self) -> Map {
        let mut opts: Map = self.custom.clone();
        opts.extend(self.shown());
        opts.insert("id", self.master_minion_id().as_str());
        opts.insert("__role", "master");
        opts
    }

    /// Gives the options that a state run on a minion asks for, besides those about environments.
    pub fn for_state_runs(&self) -> Map {
        Map::from([
            ("renderer", Value::str(&self.renderer)),
            ("failhard", Value::Bool(self.failhard)),
            (
                "state_top",
                Value::Str(format!("salt://{}", self.state_top)),
            ),
            ("state_top_saltenv", self.state_top_saltenv.clone().into()),
            ("nodegroups", Value::Map(self.nodegroups.clone())),
            ("state_auto_order", Value::Bool(self.state_auto_order)),
            ("state_events", Value::Bool(self.state_events)),
            ("state_aggregate", self.state_aggregate.clone()),
            ("jinja_env", Value::Map(self.jinja_env.clone())),
            ("jinja_sls_env", Value::Map(self.jinja_sls_env.clone())),
            ("jinja_lstrip_blocks", Value::Bool(self.jinja_lstrip_blocks)),
            ("jinja_trim_blocks", Value::Bool(self.jinja_trim_blocks)),
        ])
    }
}

/// Gives the machine's host name.
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
