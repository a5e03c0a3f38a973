//! `kubeadm reset`: forgets what init or join did on this node. The cluster is not told.

use std::io::BufRead as _;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::arguments::ResetOptions;
use super::error::Error;
use super::{cluster, disk, serve};

/// Ends the endpoint and removes the node's files.
pub(super) fn run(root: &Path, options: &ResetOptions) -> Result<String, Error> {
    if !options.force && !is_confirmed() {
        return Err(Error::Refused(
            "error execution phase preflight: aborted reset operation: answer y, or give -f".into(),
        ));
    }
    stop(root)?;
    for path in [cluster::CONFIG_FOLDER, cluster::STATE_FOLDER] {
        disk::remove(&disk::under(root, path))?;
    }
    Ok("[reset] Deleting contents of directories: [/etc/kubernetes /var/lib/kubeadm-lab]\n".into())
}

fn is_confirmed() -> bool {
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("y")
}

/// Ends the endpoint. A process number alone is not believed: it may be another's by now.
fn stop(root: &Path) -> Result<(), Error> {
    let Some(text) = disk::read_if_there(&serve::pid_file(root))? else {
        return Ok(());
    };
    let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    let command = Path::new("/proc").join(text.trim()).join("cmdline");
    let command = disk::read_if_there(&command)
        .ok()
        .flatten()
        .unwrap_or_default();
    if command.split('\0').any(|word| word == "lab-serve") {
        // If it ended meanwhile there is nothing left to end.
        let _ = kill_process(pid, Signal::TERM);
    }
    Ok(())
}
