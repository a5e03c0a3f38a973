//! Firmware and mains switch of one node: boots it, waits for its end, and boots it again with a
//! new boot id.
//!
//! Its standard input is its lifeline: a pipe that the lab holds. When the lab ends, however it
//! ends, the pipe closes and the node is taken down, unless the file `keep` says otherwise.

use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::failure::{Attempt, Failure};
use crate::programs;

use super::status::{Power, Status};
use super::{Disk, Node, Place, Role, command, control, detach_all, image, init, lent, plain};

/// How often the supervisor looks at its node and its lifeline.
const TICK: Duration = Duration::from_millis(50);
/// A node whose pid 1 died without a request is started again after this.
const CRASH_DELAY: Duration = Duration::from_secs(2);
/// What pid 1 dies of when a program uses the kernel's own reboot call inside the namespace.
const KERNEL_REBOOT: i32 = 1;
/// As above, for halt and power-off.
const KERNEL_HALT: i32 = 2;

/// Why a node is not running any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Reboot,
    PowerOff,
    Crash,
    /// The lab has ended.
    Lab,
}

/// Keeps a node running until the lab ends.
pub(crate) fn main(dir: &Path) -> ExitCode {
    match Node::read(dir).and_then(|node| supervise(&node)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("node in {}: {failure}", dir.display());
            ExitCode::FAILURE
        }
    }
}

fn supervise(node: &Node) -> Result<(), Failure> {
    image::make(node)?;
    control::install(node)?;
    lent::install(node)?;
    let lifeline = Lifeline::watch(node);
    let mut status = Status::read(&node.dir);
    loop {
        let end = boot_once(node, &mut status, &lifeline)?;
        (status.power, status.pid) = (Power::Off, None);
        status.write(&node.dir)?;
        match end {
            End::Reboot => lifeline.sleep(Duration::from_millis(node.off_ms)),
            End::Crash => lifeline.sleep(CRASH_DELAY),
            End::PowerOff => lifeline.sleep(Duration::MAX),
            End::Lab => {}
        }
        if lifeline.is_cut() {
            if let Disk::Block { image, .. } = &node.disk {
                detach_all(image);
            }
            return Ok(());
        }
    }
}

fn boot_once(node: &Node, status: &mut Status, lifeline: &Lifeline) -> Result<End, Failure> {
    let boot_id = uuid::Uuid::new_v4().to_string();
    fs::write(node.dir.join("boot_id"), format!("{boot_id}\n"))
        .attempt(|| "write the boot id".to_owned())?;
    status.boots += 1;
    status.boot_ids.push(boot_id);
    status.write(&node.dir)?;
    if node.place == Place::Plain {
        let request = plain::run(node, status, &|| lifeline.is_cut())?;
        return Ok(request.map_or(End::Lab, End::from));
    }
    let boot = command(Role::Boot, &node.dir)?;
    let mut child = programs::command("unshare")
        .args([
            "--net",
            "--mount",
            "--uts",
            "--ipc",
            "--propagation",
            "private",
            "--",
        ])
        .arg(boot.get_program())
        .args(boot.get_args())
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .attempt(|| "start unshare".to_owned())?;
    let end = wait_for_end(&mut child, lifeline)?;
    // The boot stage has written what the node was booted from.
    *status = Status::read(&node.dir);
    Ok(end)
}

fn wait_for_end(child: &mut Child, lifeline: &Lifeline) -> Result<End, Failure> {
    loop {
        if let Some(exit) = child
            .try_wait()
            .attempt(|| "wait for the node".to_owned())?
        {
            return Ok(reason(exit));
        }
        if lifeline.is_cut() {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(End::Lab);
        }
        std::thread::sleep(TICK);
    }
}

fn reason(exit: ExitStatus) -> End {
    match (exit.code(), exit.signal()) {
        (Some(code), _) if code == i32::from(init::REBOOT) => End::Reboot,
        (Some(code), _) if code == i32::from(init::POWER_OFF) => End::PowerOff,
        (_, Some(KERNEL_REBOOT)) => End::Reboot,
        (_, Some(KERNEL_HALT)) => End::PowerOff,
        _ => End::Crash,
    }
}

impl From<control::Request> for End {
    fn from(request: control::Request) -> Self {
        match request {
            control::Request::Reboot => Self::Reboot,
            control::Request::PowerOff => Self::PowerOff,
        }
    }
}

/// The pipe from the lab.
struct Lifeline(Arc<AtomicBool>);

impl Lifeline {
    fn watch(node: &Node) -> Self {
        let cut = Arc::new(AtomicBool::new(false));
        let (seen, keep) = (Arc::clone(&cut), node.keep());
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            if !keep.exists() {
                seen.store(true, Ordering::SeqCst);
            }
        });
        Self(cut)
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Sleeps, but not past the lab's end.
    fn sleep(&self, time: Duration) {
        let start = Instant::now();
        while !self.is_cut() && start.elapsed() < time {
            std::thread::sleep(TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_of_pid_1_says_what_happens_next() {
        let exit = |code: i32| reason(ExitStatus::from_raw(code << 8));
        assert_eq!(exit(100), End::Reboot);
        assert_eq!(exit(101), End::PowerOff);
        assert_eq!(exit(102), End::Crash);
        assert_eq!(reason(ExitStatus::from_raw(KERNEL_REBOOT)), End::Reboot);
        assert_eq!(reason(ExitStatus::from_raw(9)), End::Crash);
    }
}
