//! The lab's machines: describes them, switches them on, and takes them down, whatever happens to
//! the lab.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Attempt, Failure};
use crate::layout::Layout;
use crate::network;
use crate::node::status::{Power, Status};
use crate::node::{Disk, MasterAddress, Node, Place, Role, command, detach_all};
use crate::process::Process;
use crate::reboot::Part;
use crate::venv::Venv;

/// How long a supervisor may take to end its node.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// A minion says that it started a moment after it connected.
const START_EVENT_DELAY: Duration = Duration::from_secs(1);
/// Where connections of plain processes cannot be told apart, a node counts as back after this.
const PLAIN_BACK_DELAY: Duration = Duration::from_secs(12);
/// The state of an open connection in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// The machines, and the supervisors that hold them up.
#[derive(Debug)]
pub(crate) struct Machines {
    /// In the order of their index.
    pub(crate) nodes: Vec<Node>,
    parts: Vec<Part>,
    supervisors: Vec<Child>,
    all_back_at: Option<Instant>,
    is_kept: bool,
}

/// What all machines have in common.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    /// What separates them from the host.
    pub(crate) place: &'a Place,
    /// The installed minion.
    pub(crate) venv: &'a Venv,
    /// Where the minion finds its master.
    pub(crate) master: &'a MasterAddress,
}

impl Machines {
    /// Makes the machines, switched off.
    pub(crate) fn make(
        layout: &Layout,
        common: &Common<'_>,
        parts: Vec<Part>,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().attempt(|| "find this program".to_owned())?;
        let indices = 1..=u8::try_from(parts.len()).unwrap_or(u8::MAX);
        let hosts: String = indices
            .clone()
            .map(|index| format!("{} node-{index}\n", address(common.place, index)))
            .chain([format!("{} master\n", common.master.host)])
            .collect();
        let mut nodes = Vec::new();
        for (index, part) in indices.zip(&parts) {
            let hostname = format!("node-{index}");
            let dir = layout.nodes().join(&hostname);
            for sub in ["shared", "log", "live"] {
                let sub = dir.join(sub);
                fs::create_dir_all(&sub).attempt(|| format!("create {}", sub.display()))?;
            }
            let node = Node {
                index,
                id: Node::id_of(index),
                hostname,
                address: address(common.place, index),
                uuid: uuid::Uuid::new_v4().to_string(),
                machine_id: uuid::Uuid::new_v4().simple().to_string(),
                disk: Disk::make(&dir, *common.place != Place::Plain)?,
                dir,
                place: common.place.clone(),
                venv: common.venv.clone(),
                program: program.clone(),
                master: common.master.clone(),
                off_ms: part.off_ms,
                hosts: hosts.clone(),
            };
            node.write()?;
            if part.is_held {
                fs::write(node.hold(), "").attempt(|| format!("hold {} back", node.hostname))?;
            }
            nodes.push(node);
        }
        Ok(Self {
            nodes,
            parts,
            supervisors: Vec::new(),
            all_back_at: None,
            is_kept: false,
        })
    }

    /// Switches every machine on.
    pub(crate) fn switch_on(&mut self) -> Result<(), Failure> {
        for node in &self.nodes {
            let log = node.dir.join("log/supervisor");
            let out = fs::File::create(&log).attempt(|| format!("create {}", log.display()))?;
            let errors = out
                .try_clone()
                .attempt(|| "share the supervisor's output".to_owned())?;
            let supervisor = command(Role::Supervisor, &node.dir)?
                .stdin(Stdio::piped())
                .stdout(out)
                .stderr(errors)
                .process_group(0)
                .spawn()
                .attempt(|| format!("start the supervisor of {}", node.hostname))?;
            self.supervisors.push(supervisor);
        }
        Ok(())
    }

    /// Lets held nodes go once every early one is back; says whether it did so now.
    pub(crate) fn release_held(&mut self) -> bool {
        let held = || self.nodes.iter().filter(|node| node.hold().exists());
        if held().next().is_none() {
            return false;
        }
        let is_back = |node: &Node| {
            let status = Status::read(&node.dir);
            status.power == Power::Disk
                && (node.place == Place::Plain || is_connected(&status, node))
        };
        let mut early = self
            .nodes
            .iter()
            .zip(&self.parts)
            .filter(|(_, part)| part.is_early);
        if !early.all(|(node, _)| is_back(node)) {
            self.all_back_at = None;
            return false;
        }
        let delay = if self.nodes.iter().any(|node| node.place == Place::Plain) {
            PLAIN_BACK_DELAY
        } else {
            START_EVENT_DELAY
        };
        if self.all_back_at.get_or_insert_with(Instant::now).elapsed() < delay {
            return false;
        }
        for node in self.nodes.iter().filter(|node| node.hold().exists()) {
            let _ = fs::remove_file(node.hold());
        }
        true
    }

    /// Says whether a node was planned to be back before the wait.
    pub(crate) fn is_early(&self, node: usize) -> bool {
        self.parts.get(node).is_some_and(|part| part.is_early)
    }

    /// The supervisors' processes.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let of = |child: &Child| Process::of("supervisor of a node", child.id());
        self.supervisors.iter().filter_map(of).collect()
    }

    /// Lets the machines run on without the lab.
    pub(crate) fn keep(&mut self) -> Result<(), Failure> {
        for node in &self.nodes {
            fs::write(node.keep(), "").attempt(|| format!("keep {}", node.hostname))?;
        }
        self.supervisors.clear();
        self.is_kept = true;
        Ok(())
    }

    /// Takes every machine down.
    fn switch_off(&mut self) {
        for supervisor in &mut self.supervisors {
            drop(supervisor.stdin.take());
        }
        let start = Instant::now();
        for mut supervisor in self.supervisors.drain(..) {
            while start.elapsed() < END_TIMEOUT
                && supervisor.try_wait().is_ok_and(|exit| exit.is_none())
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = supervisor.kill();
            let _ = supervisor.wait();
        }
        for node in &self.nodes {
            if let Disk::Block { image, .. } = &node.disk {
                detach_all(image);
            }
        }
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        if !self.is_kept {
            self.switch_off();
        }
    }
}

fn address(place: &Place, index: u8) -> String {
    match place {
        Place::Namespaces { .. } => network::node_address(index),
        Place::Plain => format!("127.0.0.{}", 10 + index),
    }
}

/// Says whether the node's minion holds a connection to the port on which jobs are published.
fn is_connected(status: &Status, node: &Node) -> bool {
    let Some(pid) = status.pid else { return false };
    let table = Path::new("/proc").join(pid.to_string()).join("net/tcp");
    let ending = format!(":{:04X}", node.master.publish_port);
    fs::read_to_string(table)
        .unwrap_or_default()
        .lines()
        .any(|line| {
            let mut fields = line.split_whitespace().skip(2);
            fields
                .next()
                .is_some_and(|remote| remote.ends_with(&ending))
                && fields.next() == Some(ESTABLISHED)
        })
}
