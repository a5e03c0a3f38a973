//! A node without namespaces: its minion is a plain process with directories of its own.
//!
//! A reboot still ends every process of the node: they are found by the mark that all inherit, by
//! their command, and by who started them.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Attempt, Failure};

use super::control::{self, Request};
use super::disk::MARKER;
use super::status::{Power, Status};
use super::{Node, image};

/// How often the switch, the minion and the lab are looked at.
const TICK: Duration = Duration::from_millis(100);
/// A minion that ended is started again after this, as its service would be.
const RESTART_DELAY: Duration = Duration::from_secs(5);
/// A process that survives this many rounds of SIGKILL is the kernel's.
const ROUNDS_MAX: usize = 20;
/// The variable by which a node's processes are known.
const MARK: &str = "BRINE_LAB_NODE";

/// Runs the node for one boot; `None` says that the lab has ended.
pub(super) fn run(
    node: &Node,
    status: &mut Status,
    is_lab_gone: &dyn Fn() -> bool,
) -> Result<Option<Request>, Failure> {
    let disk = node.shared().join("disk");
    let from_disk = disk.join(MARKER).exists();
    let root = if from_disk { disk } else { node.live() };
    image::lend(node, &root)?;
    image::describe(node, &root, from_disk)?;
    let conf_dir = root.join("etc/salt/minion.d");
    fs::create_dir_all(&conf_dir).attempt(|| format!("create {}", conf_dir.display()))?;
    // The copied config names the live image's directories; in namespaces both are just `/`.
    let own = conf_dir.join("zz-lab-root.conf");
    fs::write(&own, image::plain_root(&root)?).attempt(|| format!("write {}", own.display()))?;
    (status.power, status.pid) = (if from_disk { Power::Disk } else { Power::Live }, None);
    status.write(&node.dir)?;

    let requests = control::listen(&node.shared().join("control"))?;
    let mut minion = start_minion(node, &root)?;
    let mut ended_at = None;
    let request = loop {
        if let Ok(request) = requests.recv_timeout(TICK) {
            break Some(request);
        }
        if is_lab_gone() {
            break None;
        }
        if ended_at.is_none() && minion.try_wait().is_ok_and(|exit| exit.is_some()) {
            ended_at = Some(Instant::now());
        }
        if ended_at.is_some_and(|at: Instant| at.elapsed() >= RESTART_DELAY) {
            minion = start_minion(node, &root)?;
            ended_at = None;
        }
    };
    end_all(&node.dir);
    let _ = minion.wait();
    image::forget_name(&root);
    Ok(request)
}

fn mark(root: &Path) -> PathBuf {
    root.join("etc/brine-lab/node.conf")
}

fn start_minion(node: &Node, root: &Path) -> Result<Child, Failure> {
    let log = node.dir.join("log/console");
    let console = OpenOptions::new().create(true).append(true).open(&log);
    let console = console.attempt(|| format!("open {}", log.display()))?;
    let errors = console
        .try_clone()
        .attempt(|| "share the console".to_owned())?;
    Command::new(node.minion_program("salt-minion"))
        .arg("-c")
        .arg(root.join("etc/salt"))
        .env("PATH", node.path_variable())
        .env("HOME", root.join("root"))
        .env("KUBEADM_ROOT", root)
        .env(MARK, mark(root))
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .attempt(|| "start salt-minion".to_owned())
}

/// Ends every process of the nodes below a directory, until none is left.
pub(crate) fn end_all(nodes: &Path) {
    for _ in 0..ROUNDS_MAX {
        let found = family(nodes);
        if found.is_empty() {
            return;
        }
        for pid in found {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(TICK);
    }
}

/// Processes that belong to nodes below a directory, and what they started.
fn family(nodes: &Path) -> HashSet<Pid> {
    let below = format!("{}/", nodes.display());
    let all: Vec<(Pid, Option<Pid>)> = processes().map(|pid| (pid, parent(pid))).collect();
    let mut found: HashSet<Pid> = all
        .iter()
        .map(|(pid, _)| *pid)
        .filter(|pid| belongs(*pid, &below))
        .collect();
    loop {
        let before = found.len();
        let children = all
            .iter()
            .filter(|(_, parent)| parent.is_some_and(|p| found.contains(&p)));
        let children: Vec<Pid> = children.map(|(pid, _)| *pid).collect();
        found.extend(children);
        if found.len() == before {
            return found;
        }
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        entry
            .file_name()
            .to_str()?
            .parse()
            .ok()
            .and_then(Pid::from_raw)
    })
}

/// The parent of a process that still runs.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
        .and_then(Pid::from_raw)
}

/// Says whether a process carries a mark below a directory. A minion that gives itself a title
/// overwrites its environment, but keeps its command in the title.
fn belongs(pid: Pid, below: &str) -> bool {
    let read = |name: &str| fs::read(format!("/proc/{}/{name}", pid.as_raw_nonzero()));
    let wanted = format!("{MARK}={below}");
    let environ = read("environ").unwrap_or_default();
    if environ
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(wanted.as_bytes()))
    {
        return true;
    }
    let command = read("cmdline").unwrap_or_default();
    let command = String::from_utf8_lossy(&command);
    command.contains("from salt.scripts import") && command.contains(below)
}
