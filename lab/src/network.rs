//! The lab's network: a bridge in a network namespace of its own, where the master runs too, and
//! one cable per node.
//!
//! Nothing of it is visible on the host, and it needs no cleaning: it is gone with the last process
//! inside.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use crate::failure::{Attempt, Failure};
use crate::node::{Node, Role, command};
use crate::process::Process;
use crate::programs;

/// The master's address on the bridge.
pub(crate) const MASTER_ADDRESS: &str = "10.77.0.1";
/// The bridge's name.
const BRIDGE: &str = "lab0";

/// A file in the lab's directory that says that the lab is kept.
pub(crate) const KEEP: &str = "keep";
/// How often the holder of a kept network looks whether it still is.
const HOLD_TICK: Duration = Duration::from_secs(1);

/// The address of a node, counted from 1.
pub(crate) fn node_address(index: u8) -> String {
    format!("10.77.0.{}", 10 + index)
}

/// The namespace with the bridge, held open by a process whose lifeline is its standard input.
#[derive(Debug)]
pub(crate) struct Network {
    holder: Child,
}

impl Network {
    /// Makes namespace and bridge.
    pub(crate) fn make(lab: &Path) -> Result<Self, Failure> {
        let hold = command(Role::Network, lab)?;
        let holder = programs::command("unshare")
            .args(["--net", "--"])
            .arg(hold.get_program())
            .args(hold.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .attempt(|| "start unshare".to_owned())?;
        let network = Self { holder };
        network.wait_until_apart()?;
        network.ip("link set lo up")?;
        network.ip(&format!("link add {BRIDGE} type bridge"))?;
        network.ip(&format!("addr add {MASTER_ADDRESS}/24 dev {BRIDGE}"))?;
        network.ip(&format!("link set {BRIDGE} up"))?;
        Ok(network)
    }

    /// The process that holds the namespace.
    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// Until `unshare` has run, its process is still in the host's namespace.
    fn wait_until_apart(&self) -> Result<(), Failure> {
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let (own, pid) = (namespace("self"), self.pid().to_string());
        for _ in 0..200 {
            let theirs = namespace(&pid);
            if theirs.is_some() && theirs != own {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(Failure::new("the lab's network namespace did not come up"))
    }

    fn ip(&self, args: &str) -> Result<(), Failure> {
        let mut command = enter(
            self.pid(),
            &programs::find("ip").unwrap_or_else(|| "ip".into()),
        );
        programs::run(command.args(args.split_whitespace())).map(drop)
    }

    /// The holder's process.
    pub(crate) fn process(&self) -> Option<Process> {
        Process::of("the lab's network", self.pid())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The holder ends with this pipe, unless the lab is kept.
        drop(self.holder.stdin.take());
    }
}

/// Holds a network namespace open until the lab ends; for ever, if the lab is kept.
pub(crate) fn hold(lab: &Path) -> ExitCode {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    while lab.join(KEEP).exists() {
        std::thread::sleep(HOLD_TICK);
    }
    ExitCode::SUCCESS
}

/// Why nodes cannot have namespaces here, with the fix; `None` if they can.
pub(crate) fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root (with sudo every node gets namespaces of its own)".to_owned());
    }
    for (program, package) in [
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
        ("ip", "iproute2"),
    ] {
        if programs::find(program).is_none() {
            return Some(format!("no `{program}` here (apt-get install {package})"));
        }
    }
    let all = [
        "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "true",
    ];
    let refused = programs::run(programs::command("unshare").args(all)).err()?;
    Some(format!("{refused} (in a container, run it privileged)"))
}

/// A command that runs a program inside a process's network namespace.
pub(crate) fn enter(pid: u32, program: &Path) -> Command {
    let mut command = programs::command("nsenter");
    command
        .arg(format!("--net=/proc/{pid}/ns/net"))
        .arg("--")
        .arg(program);
    command
}

/// Lays the node's cable, from inside its new namespace: `eth0` with its MAC here, the other end on
/// the bridge.
pub(crate) fn plug_in(node: &Node, boot: u32, network_pid: u32) -> Result<(), Failure> {
    let here = |args: String| {
        programs::run(programs::command("ip").args(args.split_whitespace())).map(drop)
    };
    let ip = programs::find("ip").unwrap_or_else(|| "ip".into());
    let on_bridge =
        |args: &str| programs::run(enter(network_pid, &ip).args(args.split_whitespace())).map(drop);
    // The kernel takes the old cable away some time after the old namespace, which has this address
    // and MAC until then, and refuses connections that are meant for us. So it is pulled here; that
    // it is gone already is as good. Every boot has a new name for its own.
    if let Some(before) = boot.checked_sub(1) {
        let _ = on_bridge(&format!("link delete n{}b{before}", node.index));
    }
    let port = format!("n{}b{boot}", node.index);
    here("link set lo up".to_owned())?;
    here(format!(
        "link add eth0 address {} type veth peer name {port} netns {network_pid}",
        node.id
    ))?;
    on_bridge(&format!("link set {port} master {BRIDGE} up"))?;
    here(format!("addr add {}/24 dev eth0", node.address))?;
    here("link set eth0 up".to_owned())?;
    here(format!("route add default via {MASTER_ADDRESS}"))
}
