//! One boot of a node, before its pid 1: runs in the node's new network, mount and uts namespaces,
//! and still sees the host's processes.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;

use crate::failure::{Attempt, Failure};
use crate::{network, programs};

use super::status::{Power, Status};
use super::{Node, Place, Role, command, root};

/// Exit code of a boot that failed before the node had a pid 1.
pub(super) const FAILED: u8 = 102;

/// Builds the node's network and root directory, and becomes the parent of its pid 1.
pub(crate) fn main(dir: &Path) -> ExitCode {
    match prepare(dir) {
        Ok(never) => match never {},
        Err(failure) => {
            eprintln!("node in {}: {failure}", dir.display());
            ExitCode::from(FAILED)
        }
    }
}

fn prepare(dir: &Path) -> Result<std::convert::Infallible, Failure> {
    let node = Node::read(dir)?;
    let Place::Namespaces { network_pid } = node.place else {
        return Err(Failure::new("a plain node has no boot stage"));
    };
    // The node does not outlive its supervisor, whatever ends that; `unshare` inherits this.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .attempt(|| "tie the node to its supervisor".to_owned())?;
    let mut status = Status::read(dir);
    status.pid = Some(std::process::id());
    network::plug_in(&node, status.boots, network_pid)?;
    let from_disk = root::build(&node)?;
    status.power = if from_disk { Power::Disk } else { Power::Live };
    status.write(dir)?;
    let init = command(Role::Init, dir)?;
    // --kill-child: pid 1, and with it the node, ends when this process is ended.
    let error = programs::command("unshare")
        .args(["--pid", "--fork", "--kill-child=KILL", "--"])
        .arg(init.get_program())
        .args(init.get_args())
        .exec();
    Err::<std::convert::Infallible, _>(error).attempt(|| "start unshare".to_owned())
}
