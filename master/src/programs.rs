//! Runs other programs for templates and external pillars: with a limit on their time and on what
//! they say.
//!
//! Every program that the daemon starts is started here. It gets a process group of its own, so
//! that what it started ends with it, and it inherits nothing to read from. Whoever calls waits:
//! call it where blocking is allowed.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long it may run.
    pub(crate) time: Duration,
    /// How much it may write to either output.
    pub(crate) output_bytes: usize,
}

/// How a program ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finished {
    /// Its exit code; as a shell would say it (128 and more), if a signal ended it.
    pub(crate) code: i32,
    /// Its process id.
    pub(crate) pid: u32,
    /// What it wrote to standard output.
    pub(crate) stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub(crate) stderr: Vec<u8>,
}

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was stopped because it took too long.
    #[error("{program} ran longer than {seconds} seconds and was stopped")]
    TooLong {
        /// Its name.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// It was stopped because it wrote too much.
    #[error("{program} wrote more than {bytes} bytes and was stopped")]
    TooMuch {
        /// Its name.
        program: String,
        /// The limit.
        bytes: usize,
    },
    /// Its output could not be read.
    #[error("cannot read what {program} says: {source}")]
    Read {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes a shell that runs a line, as Salt does for `cmd.run` and `cmd_yaml`: messages in English,
/// numbers with a point.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    for variable in ["LC_ALL", "LANG", "LANGUAGE"] {
        command.env(variable, "C");
    }
    command
}

/// Runs a program to its end, with `input` as its standard input.
pub(crate) fn run(
    mut command: Command,
    input: Vec<u8>,
    limits: Limits,
) -> Result<Finished, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let child = started.map_err(|source| Failure::Start {
        program: program.clone(),
        source,
    })?;
    let group = Group(child.id());
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more once the time is over.
        let _ = ended.send(attend(child, input, limits.output_bytes));
    });
    match end.recv_timeout(limits.time) {
        Ok(Ok(Some(finished))) => Ok(finished),
        Ok(Ok(None)) => {
            group.kill();
            Err(Failure::TooMuch {
                program,
                bytes: limits.output_bytes,
            })
        }
        Ok(Err(source)) => {
            group.kill();
            Err(Failure::Read { program, source })
        }
        Err(_) => {
            group.kill();
            Err(Failure::TooLong {
                program,
                seconds: limits.time.as_secs(),
            })
        }
    }
}

/// A program and all that it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group(pub(crate) u32);

impl Group {
    /// Ends them. What has ended by itself is no error.
    pub(crate) fn kill(self) {
        if let Some(pid) = i32::try_from(self.0).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Feeds a program and reads it; `None` if it says too much.
fn attend(mut child: Child, input: Vec<u8>, bytes: usize) -> io::Result<Option<Finished>> {
    let pid = child.id();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is free not to.
            let _ = stdin.write_all(&input);
        }
    });
    let errors = thread::spawn(move || read(stderr, bytes));
    let stdout = read(stdout, bytes);
    if matches!(stdout, Ok(None)) {
        Group(pid).kill();
    }
    let stderr = errors.join().unwrap_or(Ok(None));
    if matches!(stderr, Ok(None)) {
        Group(pid).kill();
    }
    let status = child.wait()?;
    let (Some(stdout), Some(stderr)) = (stdout?, stderr?) else {
        return Ok(None);
    };
    let code = status.code().unwrap_or_else(|| {
        use std::os::unix::process::ExitStatusExt;
        128 + status.signal().unwrap_or_default()
    });
    Ok(Some(Finished {
        code,
        pid,
        stdout,
        stderr,
    }))
}

/// Reads to the end; `None` if that is further away than `bytes`.
fn read(pipe: Option<impl Read>, bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    if let Some(pipe) = pipe {
        let most = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(1);
        pipe.take(most).read_to_end(&mut all)?;
    }
    Ok((all.len() <= bytes).then_some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(30),
        output_bytes: 1000,
    };

    #[test]
    fn a_program_is_fed_and_heard() {
        let line = "tr a-z A-Z; echo oops >&2; exit 3";
        let finished = run(shell(line), b"hello".to_vec(), LIMITS).unwrap();
        assert_eq!(
            (finished.code, finished.stdout, finished.stderr),
            (3, b"HELLO".to_vec(), b"oops\n".to_vec())
        );
    }

    #[test]
    fn a_program_that_hangs_or_talks_too_much_is_stopped() {
        let limits = Limits {
            time: Duration::from_millis(50),
            ..LIMITS
        };
        let error = run(shell("sleep 1000 & wait"), Vec::new(), limits).unwrap_err();
        assert!(matches!(error, Failure::TooLong { .. }), "{error}");
        let error = run(shell("yes"), Vec::new(), LIMITS).unwrap_err();
        assert!(matches!(error, Failure::TooMuch { .. }), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = run(Command::new("/no/such/program"), Vec::new(), LIMITS).unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
