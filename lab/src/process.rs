//! Processes of the lab: started with a lifeline, known by pid and start time, ended one by one.
//!
//! A pid alone may belong to somebody else by the time a later lab cleans up; together with the
//! start time it cannot.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process that this lab, or an earlier one, started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// What it is, for a person.
    pub(crate) what: String,
    /// Its pid.
    pub(crate) pid: u32,
    /// When it started, in the kernel's ticks since boot.
    start: u64,
}

impl Process {
    /// Describes a running process; `None` if there is none with this pid.
    pub(crate) fn of(what: impl Into<String>, pid: u32) -> Option<Self> {
        Some(Self {
            what: what.into(),
            pid,
            start: start_time(pid)?,
        })
    }

    /// Says whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.start)
    }

    /// Sends a signal, if it is still this process.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = Pid::from_raw(self.pid.cast_signed())
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends SIGKILL to it and to all it started in its process group.
    pub(crate) fn kill_group(&self) {
        if self.is_alive()
            && let Some(pid) = Pid::from_raw(self.pid.cast_signed())
        {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }

    /// Asks it to end, and ends it if it does not.
    pub(crate) fn end(&self) {
        self.signal(Signal::TERM);
        let start = Instant::now();
        while self.is_alive() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill_group();
    }
}

/// Field 22 of `/proc/PID/stat`; a zombie has ended.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name, in parentheses, may hold spaces and parentheses itself.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    if fields.next() == Some("Z") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_another_start_time_is_not_touched() {
        let own = Process::of("this test", std::process::id()).expect("it runs");
        assert!(own.is_alive());
        let other = Process {
            start: own.start + 1,
            ..own
        };
        assert!(!other.is_alive());
        other.signal(Signal::KILL);
    }
}
