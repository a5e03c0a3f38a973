//! Other programs: where they are, and running one to its end with an error that says what it said.
//!
//! For everything the lab does with `ip`, `losetup`, `unshare` and the master's own programs.
//! Nothing is run through a shell.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::{Attempt, Failure};

/// Where Debian keeps administration programs; a normal user's PATH often lacks them.
const SYSTEM_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Finds a program on PATH or among the system's administration programs.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_DIRS.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &std::path::Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A command for a program that is known to exist, or is looked for on PATH by the system.
pub(crate) fn command(name: &str) -> Command {
    Command::new(find(name).unwrap_or_else(|| PathBuf::from(name)))
}

/// Runs a command to its end and gives what it printed; a failure quotes the last line of its
/// complaint.
pub(crate) fn run(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .attempt(|| format!("start {name}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    let args: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_string_lossy())
        .collect();
    Err(Failure::new(format!(
        "`{name} {}` failed ({}): {last}",
        args.join(" "),
        output.status
    )))
}
