//! Ends a child when the guard is dropped, and also when the test itself is killed, by Ctrl-C or by
//! whoever runs it.
//!
//! A small shell holds the other end of a pipe: when the test is gone the pipe closes, and the
//! shell kills. It is in a process group of its own, so that Ctrl-C does not reach it first.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Watches one child, from its start until the guard is dropped, which kills. Drop it before the
/// child is waited for, while the number is still the child's.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Watches a process.
    ///
    /// # Panics
    /// There is no shell.
    pub fn process(child: &Child) -> Self {
        Self::watch(child.id().to_string())
    }

    /// Watches a process that leads a process group, with the whole group.
    ///
    /// # Panics
    /// There is no shell.
    pub fn group(leader: &Child) -> Self {
        Self::watch(format!("-{}", leader.id()))
    }

    fn watch(whom: String) -> Self {
        let shell = Command::new("sh")
            .args([
                "-c",
                "read -r end || kill -KILL \"$1\" 2>/dev/null",
                "sh",
                &whom,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(shell.expect("a shell"))
    }
}

impl Guard {
    /// Gives the child up without a kill: it has ended, or somebody else sees to that.
    pub fn release(mut self) {
        use std::io::Write;
        if let Some(pipe) = &mut self.0.stdin {
            let _ = pipe.write_all(b"\n");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
