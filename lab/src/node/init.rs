//! Pid 1 of a node: starts the minion and keeps it running, buries orphans, and ends when the power
//! switch says so.
//!
//! When it ends the kernel ends every other process of the node; its exit code tells the supervisor
//! why.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{WaitOptions, wait};

use crate::failure::{Attempt, Failure};

use super::control::{self, Request};
use super::{Node, boot, root};

/// Exit code of pid 1 when the node is to boot again.
pub(super) const REBOOT: u8 = 100;
/// Exit code of pid 1 when the node is to stay off.
pub(super) const POWER_OFF: u8 = 101;
/// How often pid 1 looks for the dead and at the power switch.
const TICK: Duration = Duration::from_millis(100);
/// A minion that ended (a rejected key ends it) is started again after this, as its service would
/// be.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// Runs the node until it is rebooted or switched off.
pub(crate) fn main(dir: &Path) -> ExitCode {
    match run(dir) {
        Ok(Request::Reboot) => ExitCode::from(REBOOT),
        Ok(Request::PowerOff) => ExitCode::from(POWER_OFF),
        Err(failure) => {
            eprintln!("node in {}: {failure}", dir.display());
            ExitCode::from(boot::FAILED)
        }
    }
}

fn run(dir: &Path) -> Result<Request, Failure> {
    let node = Node::read(dir)?;
    enter(&node)?;
    let requests = control::listen(&node.shared_inside().join("control"))?;
    keep_minion_running(&node, &requests)
}

/// Makes the built directory the only one there is.
fn enter(node: &Node) -> Result<(), Failure> {
    let root = node.root();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", root.join("proc"), "proc", flags, None).attempt(|| "mount /proc".to_owned())?;
    root::set_boot_id(node, &root)?;
    let hostname = std::fs::read_to_string(root.join("etc/hostname")).unwrap_or_default();
    let hostname = if hostname.trim().is_empty() {
        &node.hostname
    } else {
        hostname.trim()
    };
    rustix::system::sethostname(hostname.as_bytes()).attempt(|| "set the host name".to_owned())?;
    std::env::set_current_dir(&root).attempt(|| format!("enter {}", root.display()))?;
    // The old root is mounted over the new one and taken away from there: no directory for it is
    // needed.
    rustix::process::pivot_root(".", ".").attempt(|| "change the root directory".to_owned())?;
    unmount(".", UnmountFlags::DETACH)
        .attempt(|| "let go of the host's root directory".to_owned())?;
    std::env::set_current_dir("/").attempt(|| "enter /".to_owned())
}

fn keep_minion_running(node: &Node, requests: &Receiver<Request>) -> Result<Request, Failure> {
    let mut minion = Some(start_minion(node)?);
    let mut ended_at = Instant::now();
    loop {
        while let Ok(Some((pid, _))) = wait(WaitOptions::NOHANG) {
            if minion == Some(pid.as_raw_nonzero().get().unsigned_abs()) {
                minion = None;
                ended_at = Instant::now();
            }
        }
        if minion.is_none() && ended_at.elapsed() >= RESTART_DELAY {
            minion = Some(start_minion(node)?);
        }
        if let Ok(request) = requests.recv_timeout(TICK) {
            return Ok(request);
        }
    }
}

fn start_minion(node: &Node) -> Result<u32, Failure> {
    let console = OpenOptions::new()
        .create(true)
        .append(true)
        .open("/var/log/salt/console");
    let console = console.attempt(|| "open /var/log/salt/console".to_owned())?;
    let errors = console
        .try_clone()
        .attempt(|| "share the console".to_owned())?;
    let minion = Command::new(node.minion_program("salt-minion"))
        .args(["-c", "/etc/salt"])
        .env_clear()
        .envs([
            ("PATH", node.path_variable().as_str()),
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
        ])
        .env("BRINE_LAB_NODE", "/etc/brine-lab/node.conf")
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(errors)
        .spawn()
        .attempt(|| "start salt-minion".to_owned())?;
    Ok(minion.id())
}
